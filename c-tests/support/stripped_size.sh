#!/bin/sh
# Prints the size of a shared library, in bytes, without the symbols that only linkers and debuggers read:  stripped_size.sh LIBRARY
stripped=$(mktemp) || exit 1
trap 'rm -f "$stripped"' EXIT
strip --strip-unneeded -o "$stripped" "$1" && wc -c <"$stripped"
