#!/bin/sh
# Reads when the program has said that it found no reader.
set -eu
program=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
mkfifo said
"$program" >said &
exec 3<said
IFS= read -r line <&3
echo "$line"
received=$(cat demo_fifo)
cat <&3
wait $!
echo "cat received: $received"
[ ! -e demo_fifo ]
