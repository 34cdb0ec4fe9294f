#!/bin/sh
# Runs one ported program and judges its output:  ported.sh BASE PROGRAM
#
# BASE is the path of the source without its suffix. If there is a script BASE.sh, it gets the program's path and runs
# the program, for example in both of its modes. If there is a file BASE.expected, the standard output has to be equal
# to it. Without that file the script's own status is the verdict.
set -u
base=$1
found=$(mktemp) || exit 1
trap 'rm -f "$found"' EXIT
if [ -e "$base.sh" ]; then
  sh "$base.sh" "$2" >"$found"
else
  "$2" >"$found"
fi
status=$?
[ "$status" -eq 0 ] || { cat "$found"; echo "it ended with status $status" >&2; exit "$status"; }
[ ! -e "$base.expected" ] || diff -u "$base.expected" "$found" >&2
