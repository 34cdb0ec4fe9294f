#!/bin/sh
# Checks the first lines and the last ones. Each line between them counts one up. The kernel decides how many lines there
# are (65536, but fewer for a user with very many pipes).
set -eu
program=$1
"$program" | awk '
  /^written=/ { count++; if ($0 != "written=" count) { print "found", $0, "after", count - 1; exit 1 } if (count <= 3) print; next }
  { print }'
