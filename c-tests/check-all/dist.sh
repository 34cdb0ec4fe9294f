#!/bin/sh
# make dist gives the same bytes from another folder, with another umask, other times and another locale. The archive is complete:
# everything builds from it without network and without any crate on the machine, and it names the licence of each crate.
. "$(dirname "$0")/../support/script.sh"

has git && has python3 || skip "git or python3 is not installed"
git -C "$root" -c safe.directory='*' rev-parse --git-dir >/dev/null 2>&1 || skip "the source is not a git repository"

archive=robustipc-$version.tar.gz
quietly env CARGO="$CARGO" "$root/mk/dist.sh" "$work/first"

mkdir "$work/copy"
(cd "$root" && git -c safe.directory='*' ls-files -z | tar --null -T - -cf -) | tar --no-same-owner --touch -xf - -C "$work/copy"
ln -s "$(git -C "$root" -c safe.directory='*' rev-parse --absolute-git-dir)" "$work/copy/.git"
(
  umask 077
  # A work tree of a repository has its own index elsewhere: the copy names both.
  GIT_WORK_TREE=$work/copy LC_ALL=C.UTF-8 TZ=Asia/Tokyo
  export GIT_WORK_TREE LC_ALL TZ
  quietly env CARGO="$CARGO" "$work/copy/mk/dist.sh" "$work/second"
)
cmp "$work/first/$archive" "$work/second/$archive" || fail "two runs of make dist differ"
(cd "$work/first" && sha256sum -c --quiet "$archive.sha256") >&2 || fail "the checksum is not the archive's"

# Nothing of this machine: not its users, not its folders, not its registry.
tar -tvzf "$work/first/$archive" >"$work/list"
awk '$2 != "0/0" || $1 !~ /^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx)$/' "$work/list" >"$work/strange"
[ ! -s "$work/strange" ] || { head -n 5 "$work/strange" >&2; fail "the archive keeps owners or modes"; }
tar -xzf "$work/first/$archive" -C "$work"
cd "$work/robustipc-$version"
for file in Makefile README.md src/lib.rs vendor/LICENSES.md robustipc.cdx.json .cargo/config.toml; do
  [ -s "$file" ] || fail "the archive lacks $file"
done
grep -q "$work" .cargo/config.toml robustipc.cdx.json vendor/LICENSES.md && fail "the archive names a folder of this machine"

# The list: every crate of the lock files with licence and checksum, and exactly those in the library that cargo links.
python3 - "$work/first/robustipc-$version.cdx.json" >"$work/required" <<'END'
import json, re, sys
document = json.load(open(sys.argv[1]))
assert document["bomFormat"] == "CycloneDX" and re.match(r"urn:uuid:[0-9a-f-]{36}$", document["serialNumber"])
listed = {component["purl"] for component in document["components"] if "purl" in component}
locked = set()
for name in ("Cargo.lock", "posix/Cargo.lock", "tool/Cargo.lock"):
    for block in open(name).read().split("[[package]]")[1:]:
        fields = dict(line.split(" = ", 1) for line in block.strip().splitlines() if " = " in line)
        if "checksum" in fields:
            locked.add("pkg:cargo/{}@{}".format(json.loads(fields["name"]), json.loads(fields["version"])))
assert listed == locked, listed ^ locked
for component in document["components"]:
    assert component["licenses"][0]["expression"], component
    if "purl" in component:
        assert len(component["hashes"][0]["content"]) == 64, component
references = {component["bom-ref"] for component in document["components"]} | {"robustipc"}
for dependency in document["dependencies"]:
    assert set(dependency["dependsOn"]) <= references, dependency
    if dependency["ref"] == "librobustipc":
        print("\n".join(sorted(reference.removeprefix("pkg:cargo/").replace("@", " v") for reference in dependency["dependsOn"])))
END

# Without network, registry and configuration of this machine. Root gets a network of its own, without any connection.
alone=
if [ "$(id -u)" = 0 ] && unshare --net true 2>/dev/null; then alone="unshare --net"; fi
mkdir "$work/cargo-home"
sysroot=$(rustc --print sysroot)
# shellcheck disable=SC2086
offline() {
  quietly $alone env -u RUSTFLAGS PATH="$sysroot/bin:$PATH" CARGO_HOME="$work/cargo-home" CARGO_NET_OFFLINE=true \
    CARGO_TARGET_DIR="$work/target" "$@"
}
offline cargo tree --locked --edges normal,no-proc-macro --target all --prefix none --no-default-features
sed -n 's/^\([a-z0-9_-]* v[0-9.]*\).*/\1/p' "$work/output" | grep -v '^robustipc ' | LC_ALL=C sort -u >"$work/linked"
# cargo also names what other systems need.
comm -23 "$work/required" "$work/linked" >"$work/strange"
[ -s "$work/required" ] && [ ! -s "$work/strange" ] || { cat "$work/strange" >&2; fail "the list names crates that cargo does not link"; }
offline cargo build --locked --lib --no-default-features
offline cargo metadata --locked --format-version=1 --manifest-path posix/Cargo.toml
offline cargo metadata --locked --format-version=1 --manifest-path tool/Cargo.toml
[ -s "$work/target/debug/librobustipc.so" ] || fail "the archive built no library"

# Outside a repository, make dist says why it cannot work.
if env CARGO="$CARGO" mk/dist.sh "$work/third" >"$work/output" 2>&1; then fail "make dist works without git"; fi
grep -q "needs the git repository" "$work/output" || { cat "$work/output" >&2; fail "make dist does not say what it needs"; }
