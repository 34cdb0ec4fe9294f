#!/bin/sh
# Runs the program bare and with the drop-in, and prints both and how many times as fast that is:  compare.sh PROGRAM LIBRARY
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" >"$work/kernel"
env LD_LIBRARY_PATH="$(dirname "$2")" LD_PRELOAD="$2" "$1" >"$work/shared"
echo "A plain <mqueue.h> program, in nanoseconds: the kernel's queue, librobustipc-posix.so, how many times as fast"
paste "$work/kernel" "$work/shared" | awk -F '\t' '{ printf "  %-50s %10.1f %10.1f %7.1f\n", $1, $2, $4, $2 / $4 }'
