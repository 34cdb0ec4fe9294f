#!/bin/sh
# Runs one ported program and judges what it prints:  ported.sh BASE PROGRAM
#
# BASE is the source's path without its suffix. BASE.sh, if it is there, runs the program, whose path it
# gets: one with two modes, say. What is printed on standard output has to be BASE.expected; without that
# file, the script has judged by itself.
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
