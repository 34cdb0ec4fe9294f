#!/bin/sh
# With a FIFO of its own, so that two runs side by side do not meet.
set -eu
program=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$program" "$directory/myfifo"
[ ! -e "$directory/myfifo" ]
