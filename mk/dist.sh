#!/bin/sh
# Makes the source archive: dist.sh DIRECTORY. It has every file of the commit, as it is in the working tree, the crates of
# the library, the drop-in, ripc and the tests (vendor/), their licences (vendor/LICENSES.md) and a list of what is built in
# (robustipc.cdx.json, CycloneDX). cargo builds from it without network.
#
# The same source gives the same bytes: sorted names, owner 0, modes without the umask, and the time SOURCE_DATE_EPOCH, by
# default the commit's.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
directory=$1
: "${CARGO:=cargo}" "${CC:=cc}"

need() {
  command -v "$1" >/dev/null 2>&1 || { echo "robustipc: make dist needs $1" >&2; exit 1; }
}
need git
need python3
need "$CARGO"
# The tree may belong to another user, as in a container.
source_git() {
  git -c safe.directory='*' "$@"
}
[ "$(source_git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || {
  echo "robustipc: make dist needs the git repository; this folder is an archive already, or a copy" >&2
  exit 1
}
: "${SOURCE_DATE_EPOCH:=$(source_git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=robustipc-$version
mkdir -p "$directory"
directory=$(cd "$directory" && pwd)
work=$directory/.new
trap 'rm -rf "$work"' EXIT
rm -rf "$work"
mkdir -p "$work/$name"

source_git ls-files -z | tar --null -T - -cf - | tar --no-same-owner -xf - -C "$work/$name"
cd "$work/$name"
"$CARGO" vendor --quiet --locked --versioned-dirs -s posix/Cargo.toml -s tool/Cargo.toml vendor >/dev/null
# cargo's configuration may not name the machine's own registry.
mkdir .cargo
cat >.cargo/config.toml <<'END'
# The crates are in vendor/: no build needs the network.
[source.crates-io]
replace-with = "vendored-sources"

[source.vendored-sources]
directory = "vendor"
END
CARGO=$CARGO CARGO_NET_OFFLINE=true python3 "$root/mk/dist.py" "$version"

cd "$work"
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode='u=rwX,go=rX' --format=gnu \
  -cf "$name.tar" "$name"
gzip -9n "$name.tar"
mv -f "$name.tar.gz" "$directory/"
cp "$name/robustipc.cdx.json" "$directory/$name.cdx.json"
(cd "$directory" && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "robustipc $version: $directory/$name.tar.gz"
