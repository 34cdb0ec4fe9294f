#!/bin/sh
# Compares the program's output with that of ls -la itself, in a directory of more than 4096 bytes of listing.
set -eu
program=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/listed"
cd "$directory/listed"
for number in $(seq -w 100); do : >"a-file-with-a-fairly-long-name-$number"; done
"$program" >../found
ls -la >../expected
[ "$(wc -c <../found)" -gt 4096 ]
cmp ../found ../expected
echo "the same as ls -la"
