#!/bin/sh
# Builds a library that has the interface of a header and nothing else, for abidw and abidiff:
#
#   abi.sh HEADER LIBRARY SONAME
#
# abidw 2.2 reads no types from rustc's debug information, and C programs are built against the header anyway. So this
# script gives the header's prototypes bodies, and a C compiler's debug information describes the functions and types.
# (Another test compares the library's exports with the header's declarations.)
set -eu
header=$1 library=$2 soname=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
  awk '
    /^extern "C"/ { in_functions = 1 }
    /\/\*/ { in_comment = 1 }
    in_functions && !in_comment && /\);$/ { sub(/;$/, " { __builtin_trap(); }") }
    /\*\// { in_comment = 0 }
    { print }
  ' "$header"
  # Debug information has no macros, so each macro becomes a symbol with its value in its name.
  sed -n 's/^#define \(IPC_[A-Z0-9_]*\) \([0-9][0-9]*\)$/\1_is_\2/p' "$header" | grep -v '^IPC_VERSION_' |
    sed 's/.*/void &(void); void &(void) { }/'
} >"$work/robustipc.c"
${CC:-cc} -g -O0 -shared -fPIC -w -Wl,-soname,"$soname" "$work/robustipc.c" -o "$library"
