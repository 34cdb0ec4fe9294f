#!/bin/sh
# Runs cargo and copies its output files into a folder:
#
#   build.sh DIRECTORY FILE=NAME... -- CARGO COMMAND OPTION... [-- RUSTC OPTION...]
#
# FILE, as cargo or a build script names it, becomes DIRECTORY/NAME. The place where cargo puts a file depends on its
# target (CARGO_BUILD_TARGET, or build.target in a configuration). So this script asks cargo, which lists its files as
# JSON.
set -eu

directory=$1
shift
wanted=
while [ "$1" != -- ]; do
  wanted="$wanted $1"
  shift
done
shift
cargo=$1 command=$2
shift 2

mkdir -p "$directory"
messages=$(mktemp)
trap 'rm -f "$messages"' EXIT
"$cargo" "$command" --message-format=json-render-diagnostics "$@" >"$messages"

for pair in $wanted; do
  file=${pair%=*} name=${pair#*=}
  found=$(grep -o "\"[^\"]*/$file\"" "$messages" | tail -n 1 | tr -d '"')
  if [ -z "$found" ]; then
    # A build script's output is named by its folder alone.
    found=$(sed -n 's/.*"out_dir":"\([^"]*\)".*/\1/p' "$messages" | while read -r out; do
      if [ -e "$out/$file" ]; then echo "$out/$file"; fi
    done | tail -n 1)
  fi
  [ -n "$found" ] || {
    echo "robustipc: cargo $command made no $file" >&2
    exit 1
  }
  # The copy first has another name, because a program may have the old file open. It is newer than the sources, as make
  # requires. (cargo keeps the time of a file that did not change.)
  cp "$found" "$directory/.$name.new"
  mv -f "$directory/.$name.new" "$directory/$name"
done
