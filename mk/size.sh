#!/bin/sh
# Prints the size of the shared library without the parts that only linkers and debuggers read, and the shares of its
# sections and modules:
#
#   size.sh LIBRARY             the size, by section, and the code by module
#   size.sh --bytes LIBRARY     only the size, in bytes
#   size.sh --record LIBRARY    the line for size.txt: the machine, the compiler, the size
#   size.sh --glibc LIBRARY     the oldest glibc with which the library loads, or "none" if it needs another libc
set -eu

show=all
case $1 in --*) show=$1 && shift ;; esac
library=$1
if [ "$show" = --glibc ]; then
  readelf --version-info "$library" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -uV | tail -n 1 | grep . || echo none
  exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strip --strip-unneeded -o "$work/stripped" "$library"
bytes=$(($(wc -c <"$work/stripped")))

case $show in
  --bytes) echo "$bytes"; exit ;;
  --record) echo "$(uname -m) rustc-$("${RUSTC:-rustc}" --version | awk '{ print $2 }') $bytes"; exit ;;
esac

echo "$(basename "$library"), stripped: $bytes bytes; needs glibc: $("$0" --glibc "$library")"
echo
echo "by section:"
LC_ALL=C size -A -d "$work/stripped" | awk '
  /^\.(text|plt|init|fini)/ { of["code"] += $2; next }
  /^\.(eh_frame|gcc_except)/ { of["tables for unwinding"] += $2; next }
  /^\.rodata/ { of["constants and texts"] += $2; next }
  /^\.(data|got|dynamic|init_array|fini_array|tdata)/ { of["data and addresses"] += $2; next }
  /^\.rela/ { of["relocations"] += $2; next }
  /^\.(dynsym|dynstr|gnu)/ { of["symbols and versions"] += $2; next }
  END { for (part in of) printf "%9d  %s\n", of[part], part }' | sort -rn
echo
echo "code by module:"
# A generic function counts for our module if its type is ours, because the function would not exist without it. Only
# the first two folders of a module are shown.
nm -C --print-size --size-sort --defined-only -t d "$library" | awk '
  $3 !~ /^[tTwW]$/ { next }
  {
    name = $4
    for (i = 5; i <= NF; i++) name = name " " $i
    if (match(name, /robustipc::[a-z_0-9]+(::[a-z_0-9]+)?/)) {
      part = substr(name, RSTART + 11, RLENGTH - 11)
      rest = substr(name, RSTART + RLENGTH)
      # If nothing follows, the second name is a function in the layer itself.
      if (rest !~ /^::[A-Za-z_]/) sub(/::.*/, "", part)
      gsub(/::/, "/", part)
    } else if (name ~ /^ipc_/) part = "ffi (the exports)"
    else if (match(name, /(^|[<& ])(std|core|alloc|compiler_builtins|hashbrown|memchr|gimli|addr2line|object|miniz_oxide|rustc_demangle|panic_unwind|unwind)::/))
      part = "std"
    else if (name ~ /^(rust_|__rust|__rdl|memcpy|_R)/) part = "std"
    else if (match(name, /[a-z_0-9]+::/)) part = "crate " substr(name, RSTART, RLENGTH - 2)
    else part = "other"
    of[part] += $2
    if (part == "std") std += $2
    else ours += $2
  }
  END {
    for (part in of) printf "%9d  %s\n", of[part], part
    printf "%9d  %s\n", std, "(sum: std)"
    printf "%9d  %s\n", ours, "(sum: all others)"
  }' | sort -rn
