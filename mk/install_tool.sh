#!/bin/sh
# Installs or removes ripc:  install_tool.sh install | uninstall PROGRAM, with DESTDIR, PREFIX, LIBDIR and MANDIR.
set -eu

command=$1 program=$2
: "${DESTDIR=}" "${PREFIX:=/usr/local}" "${INSTALL:=install}" "${STRIP=strip}"
: "${MANDIR:=$PREFIX/share/man}"

# The files that ripc generates, and the places where they are installed.
files="man:$MANDIR/man1/ripc.1 bash:$PREFIX/share/bash-completion/completions/ripc
  zsh:$PREFIX/share/zsh/site-functions/_ripc fish:$PREFIX/share/fish/vendor_completions.d/ripc.fish"

case $command in
  install)
    $INSTALL -d "$DESTDIR$PREFIX/bin"
    $INSTALL -m 755 "$program" "$DESTDIR$PREFIX/bin/ripc"
    # shellcheck disable=SC2086 # a command may have arguments
    [ -z "$STRIP" ] || $STRIP "$DESTDIR$PREFIX/bin/ripc" || echo "robustipc: ripc keeps its symbols" >&2
    for pair in $files; do
      to=$DESTDIR${pair#*:}
      $INSTALL -d "${to%/*}"
      LD_LIBRARY_PATH=$LIBS "$program" generate "${pair%%:*}" >"$to"
      chmod 644 "$to"
    done
    ;;
  uninstall)
    rm -f "$DESTDIR$PREFIX/bin/ripc"
    for pair in $files; do rm -f "$DESTDIR${pair#*:}"; done
    ;;
  *)
    echo "usage: install_tool.sh install | uninstall PROGRAM" >&2
    exit 2
    ;;
esac
