# shellcheck shell=sh
# For the scripts beside this file: packages of other Debian releases and machines, unpacked below $platforms.
#
# apt-get reads package lists of its own here, with the system's keys. Nothing is installed, nothing needs root, and
# nothing is kept outside of $platforms.
set -eu

root=$(cd "$(dirname "$0")/../.." && pwd)
: "${TARGET:=$root/target}" "${MAKE:=make}"
platforms=$TARGET/platforms

fail() {
  echo "robustipc: $*" >&2
  exit 1
}

# Fails with one line that names all missing commands: need COMMAND:PACKAGE...
need() {
  missing=
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair#*:}"
  done
  [ -z "$missing" ] || fail "the tests of this platform need these Debian packages:$missing"
}

# The server from which this machine gets Debian's packages, or DEBIAN_MIRROR.
mirror() {
  if [ -n "${DEBIAN_MIRROR:-}" ]; then
    echo "$DEBIAN_MIRROR"
  else
    # shellcheck disable=SC2016 # apt-get replaces these words
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep '/debian/*$' | sort -u | head -n 1
  fi
}

prepare_packages() {
  packages=$platforms/packages
  mirror=$(mirror)
  [ -n "$mirror" ] || fail "apt-get knows no server for Debian's packages: set DEBIAN_MIRROR"
  export APT_CONFIG="$packages/apt.conf"
  if [ -e "$packages/ready" ]; then return; fi
  need apt-get:apt dpkg:dpkg
  rm -rf "$packages"
  mkdir -p "$packages/lists/partial" "$packages/cache/archives/partial" "$packages/state" "$packages/files"
  : >"$packages/status"
  while read -r release machines; do
    echo "deb [arch=$machines signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main"
  done >"$packages/sources.list" <<END
bookworm amd64,i386,arm64,armhf
trixie amd64,riscv64
bullseye amd64
END
  cat >"$APT_CONFIG" <<END
APT::Architecture "amd64";
APT::Architectures { "amd64"; "i386"; "arm64"; "armhf"; "riscv64"; };
APT::Sandbox::User "$(id -un)";
Dir::Etc::SourceList "$packages/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$packages/state";
Dir::State::Lists "$packages/lists";
Dir::State::status "$packages/status";
Dir::Cache "$packages/cache";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
END
  apt-get update -q >"$packages/log" 2>&1 || true
  if grep -q '^[EW]: Failed' "$packages/log"; then
    fail "apt-get update failed: $(grep -m 1 '^[EW]:' "$packages/log")"
  fi
  touch "$packages/ready"
}

# Downloads packages (NAME[:MACHINE]/SUITE) and unpacks them into a folder, once:  unpack FOLDER PACKAGE...
unpack() {
  folder=$1
  shift
  if [ -e "$folder/.unpacked" ]; then return; fi
  need dpkg-deb:dpkg
  prepare_packages
  rm -rf "$folder"
  mkdir -p "$folder/.packages"
  (cd "$folder/.packages" && apt-get download -q "$@") >"$folder/.log" 2>&1 ||
    fail "apt-get download $*: $(grep -m 1 '^E:' "$folder/.log")"
  for deb in "$folder/.packages"/*.deb; do
    dpkg-deb -x "$deb" "$folder" || fail "dpkg-deb -x $deb"
  done
  # A release whose libraries are in /usr alone still has the old paths.
  for old in lib lib64; do
    if [ -d "$folder/usr/$old" ] && [ ! -e "$folder/$old" ]; then ln -s "usr/$old" "$folder/$old"; fi
  done
  # Links to absolute paths lead to this folder's files.
  find "$folder" -type l -lname '/*' | while read -r link; do
    ln -sfn "$folder$(readlink "$link")" "$link"
  done
  rm -rf "$folder/.packages"
  touch "$folder/.unpacked"
}

# The packages of a kind on which a package depends directly:  dependencies PACKAGE/SUITE PATTERN
dependencies() {
  prepare_packages
  apt-cache depends "$1" | sed -n 's/^ *|\{0,1\}Depends: //p' | grep -E "^$2" | sort -u
}
