#!/bin/sh
# Brings Debian's list of symbols up to date with exports.txt. A symbol keeps the version in which it came; a new one gets this version.
set -eu
cd "$(dirname "$0")/.."
list=packaging/debian/librobustipc0.1.symbols
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
{
  grep -v '^ ' "$list"
  while read -r name; do
    grep "^ $name@" "$list" || echo " $name@Base $version"
  done <exports.txt
} >"$list.new"
mv -f "$list.new" "$list"
