#!/bin/sh
# The test does not judge the figure.
set -eu
"$1" 2 | sed 's/  *[0-9][0-9]* MB.s$/ N MB\/s/'
