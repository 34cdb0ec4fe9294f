#!/bin/sh
# The first lines and the last ones; each line between counts one up. How many they are is the kernel's affair (65536, but less for a user
# with very many pipes).
set -eu
program=$1
"$program" | awk '
  /^written=/ { count++; if ($0 != "written=" count) { print "found", $0, "after", count - 1; exit 1 } if (count <= 3) print; next }
  { print }'
