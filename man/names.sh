#!/bin/sh
# Prints the names that a man page describes besides its own, one per line:  names.sh PAGE
#
# They stand in its section NAME. make install installs a page for each that refers to this one,
# so that "man ipc_mutex_lock" finds ipc_mutex(3).
page=$(basename "$1")
awk -v own="${page%.*}" '
  /^\.S[hH] / { in_name = ($2 == "NAME" || $2 == "\"NAME\""); next }
  !in_name { next }
  /^\.Nd/ { exit }
  {
    is_last = index($0, "\\-")
    if (is_last) $0 = substr($0, 1, is_last - 1)
    gsub(/\\f[BIRP]/, "")
    gsub(/,/, " ")
    for (i = 1; i <= NF; i++) if ($i ~ /^ipc_[a-z0-9_]+$/ && $i != own) print $i
    if (is_last) exit
  }
' "$1"
