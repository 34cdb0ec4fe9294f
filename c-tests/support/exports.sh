#!/bin/sh
# Prints the symbols that a shared library exports, sorted, one per line:  exports.sh LIBRARY
nm -D --defined-only "$1" | sed 's/.* //' | LC_ALL=C sort
