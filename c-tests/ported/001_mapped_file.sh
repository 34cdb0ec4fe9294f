#!/bin/sh
# Three runs on one file.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
for run in 1 2 3; do "$1" "$directory/counter"; done
