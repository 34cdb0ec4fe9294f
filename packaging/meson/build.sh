#!/bin/sh
# Builds the static library for meson.build: build.sh SOURCE OUTPUT, called in the build folder.
set -eu
source=$1 output=$PWD/$2
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/robustipc-target}
export CARGO_TARGET_DIR
make -C "$source" all
cp "$CARGO_TARGET_DIR/lib/librobustipc.a" "$output"
