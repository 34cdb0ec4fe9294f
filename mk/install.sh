#!/bin/sh
# The only description of the installed files. make uses it to install and remove them. build.rs uses it to lay out, for
# cargo-c, the files that need no compiling:
#
#   install.sh install | uninstall    with DESTDIR, PREFIX, LIBDIR, INCLUDEDIR and MANDIR; the libraries are in LIBS
#   install.sh lay-out DIRECTORY      only the headers and the manual, in DIRECTORY/include and DIRECTORY/man
set -eu
cd "$(dirname "$0")/.."

command=$1
if [ "$command" = lay-out ]; then
  DESTDIR='' INCLUDEDIR=$2/include MANDIR=$2/man
fi
: "${DESTDIR=}" "${PREFIX:=/usr/local}" "${LIBS:=target/lib}" "${INSTALL:=install}" "${STRIP=strip}"
: "${LIBDIR:=$PREFIX/lib}" "${INCLUDEDIR:=$PREFIX/include}" "${MANDIR:=$PREFIX/share/man}"
field() {
  sed -n "s/^$1 = \"\(.*\)\"/\1/p" Cargo.toml | head -n 1
}
version=$(field version)
soversion=${version%.*}
# The libraries that a static link also needs, as rustc --print native-static-libs lists them; a test compares the two.
# libgcc_s is left out, because the compiler links it, or libgcc_eh for -static, by itself.
libs_private="-lutil -lrt -lpthread -lm -ldl -lc"

tab=$(printf '\t')
line() {
  printf '%s\t%s\t%s\n' "$@"
}

# Every installed file in one line: how it is made, its source, and its path.
list() {
  if [ "$command" != lay-out ]; then
    for library in librobustipc.so $([ "${DROP_IN:-yes}" = no ] || echo librobustipc-posix.so); do
      line shared "$LIBS/$library" "$LIBDIR/$library.$version"
      line link "$library.$version" "$LIBDIR/$library.$soversion"
      line link "$library.$version" "$LIBDIR/$library"
    done
    line static "$LIBS/librobustipc.a" "$LIBDIR/librobustipc.a"
    line pkg-config robustipc.pc.in "$LIBDIR/pkgconfig/robustipc.pc"
    for file in robustipc-config.cmake robustipc-config-version.cmake; do
      line cmake "packaging/cmake/$file.in" "$LIBDIR/cmake/robustipc/$file"
    done
    line file robustipc.supp "$LIBDIR/robustipc/robustipc.supp"
  fi
  for header in robustipc.h robustipc.hpp; do line file "include/$header" "$INCLUDEDIR/$header"; done
  # A call's page is also found under the call's name, through a page that refers to the group's page.
  for page in man/*.[0-9]; do
    section=man${page##*.} page_name=${page#man/}
    line file "$page" "$MANDIR/$section/$page_name"
    for name in $(man/names.sh "$page"); do
      line reference "$section/$page_name" "$MANDIR/$section/$name.${page##*.}"
    done
  done
}

# A path as sed's replacement for a value in a .pc file, where a space ends a word unless it is escaped.
value() {
  printf '%s' "$1" | sed -e 's/[\\ "]/\\&/g' -e 's/[\\&|]/\\&/g'
}

# The path from LIBDIR to INCLUDEDIR, so that the installation can be moved.
includedir_from_libdir() {
  from=$LIBDIR up=
  while case $INCLUDEDIR/ in "$from"/*) false ;; esac; do
    from=${from%/*} up=../$up
  done
  printf '%s%s' "$up" "${INCLUDEDIR#"$from"/}"
}

# Removes from a library the parts that no link and no call needs.
strip_file() {
  [ -n "$STRIP" ] || return 0
  # shellcheck disable=SC2086 # a command may have arguments
  $STRIP "$1" "$2" || echo "robustipc: $2 keeps its debug information: set STRIP to a strip for its machine" >&2
}

install_file() {
  how=$1 from=$2 to=$DESTDIR$3
  # shellcheck disable=SC2086
  case $how in
    shared)
      $INSTALL -m 755 "$from" "$to"
      strip_file --strip-unneeded "$to"
      ;;
    static)
      $INSTALL -m 644 "$from" "$to"
      strip_file --strip-debug "$to"
      ;;
    file) $INSTALL -m 644 "$from" "$to" ;;
    link) ln -sf "$from" "$to" ;;
    reference) write "$to" echo ".so $from" ;;
    pkg-config)
      write "$to" sed -e "s|@PREFIX@|$(value "$PREFIX")|" -e "s|@LIBDIR@|$(value "$LIBDIR")|" \
        -e "s|@INCLUDEDIR@|$(value "$INCLUDEDIR")|" -e "s|@VERSION@|$version|" \
        -e "s|@DESCRIPTION@|$(field description)|" -e "s|@LIBS_PRIVATE@|$libs_private|" "$from"
      ;;
    cmake)
      write "$to" sed -e "s|@VERSION@|$version|" -e "s|@SOVERSION@|$soversion|" \
        -e "s|@INCLUDEDIR_FROM_LIBDIR@|$(value "$(includedir_from_libdir)")|" \
        -e "s|@LIBS_PRIVATE_CMAKE@|$(echo "$libs_private" | tr ' ' ';')|" "$from"
      ;;
  esac
}

# Readable for everybody, whatever the umask.
write() {
  to=$1
  shift
  rm -f "$to"
  "$@" >"$to"
  chmod 644 "$to"
}

all=$(list)
case $command in
  install | lay-out)
    printf '%s\n' "$all" | sed "s/^.*$tab//; s|/[^/]*\$||" | sort -u | while read -r directory; do
      $INSTALL -d "$DESTDIR$directory"
    done
    printf '%s\n' "$all" | while IFS=$tab read -r how from to; do
      install_file "$how" "$from" "$to"
    done
    [ "$command" = lay-out ] || echo "robustipc $version: installed in $DESTDIR$PREFIX"
    ;;
  uninstall)
    printf '%s\n' "$all" | while IFS=$tab read -r _ _ to; do
      rm -f "$DESTDIR$to"
    done
    ;;
  *)
    echo "usage: install.sh install | uninstall | lay-out DIRECTORY" >&2
    exit 2
    ;;
esac
