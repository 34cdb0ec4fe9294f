#!/bin/sh
# Puts the table that stack_needed prints into the page, in the place of the one that is there:
#   stack_table.sh OLDKERNEL PROGRAM PAGE
# Some calls need more stack on an old kernel, so the program runs as on Linux 5.4.
set -eu
table=$("$1" "$2" --table)
shift
awk -v table="$table" '
  /^The calls need this much stack/ { print; print table; is_old = 1; next }
  is_old && /^\.El/ { is_old = 0; next }
  !is_old
' "$2" >"$2.new"
mv -f "$2.new" "$2"
