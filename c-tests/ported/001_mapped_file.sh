#!/bin/sh
# Three runs on one file.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
"$1" "$directory/counter"
"$1" "$directory/counter"
"$1" "$directory/counter"
