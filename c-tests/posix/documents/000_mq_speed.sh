#!/bin/sh
# What the figure is is not judged here.
set -eu
"$1" 2 | sed 's/  *[0-9][0-9]* MB.s$/ N MB\/s/'
