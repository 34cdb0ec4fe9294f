#!/bin/sh
# Runs one ported program and compares what it prints:  ported.sh BASE PROGRAM
#
# BASE is the source's path without its suffix. Beside it stands what the program prints on standard output (NAME.expected), or a script
# that runs it and judges for itself (NAME.sh, which gets the program's path).
set -u
base=$1
if [ -e "$base.sh" ]; then
  exec sh "$base.sh" "$2"
fi
found=$(mktemp) || exit 1
trap 'rm -f "$found"' EXIT
"$2" >"$found"
status=$?
[ "$status" -eq 0 ] || { echo "it ended with status $status" >&2; exit "$status"; }
diff -u "$base.expected" "$found" >&2
