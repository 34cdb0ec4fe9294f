#!/bin/sh
# Prints the names of the calls that a man page describes, one per line, without the page's own name:  names.sh PAGE
#
# The page's section NAME lists them, in mdoc or in man macros. "make install" installs a page for
# each name that refers to this page, so that "man ipc_mutex_lock" finds ipc_mutex(3).
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
