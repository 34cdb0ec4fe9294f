#!/bin/sh
# The five ways, in the document's order, each with a figure. The test does not judge the figures.
set -eu
"$1" 2 | sed 's/  *[0-9][0-9]* MB.s$/ N MB\/s/'
