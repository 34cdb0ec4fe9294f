#!/bin/sh
# Runs the two modes side by side, as two terminals would, each of them first once.
set -eu
program=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
run() {
  "$program" "$1" "$directory/fifo" >"$directory/first" &
  "$program" "$2" "$directory/fifo" >"$directory/second"
  wait $!
  cat "$directory/first" "$directory/second"
}
run writer reader
run reader writer
[ ! -e "$directory/fifo" ]
