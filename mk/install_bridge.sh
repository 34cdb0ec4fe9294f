#!/bin/sh
# Installs or removes robustipc-bridge:  install_bridge.sh install | uninstall PROGRAM, with DESTDIR, PREFIX and MANDIR.
set -eu

command=$1 program=$2
: "${DESTDIR=}" "${PREFIX:=/usr/local}" "${INSTALL:=install}" "${STRIP=strip}"
: "${MANDIR:=$PREFIX/share/man}"
unit=$PREFIX/lib/systemd/system/robustipc-bridge.service
example=$PREFIX/share/doc/robustipc-bridge/bridge.toml

case $command in
  install)
    for folder in "$PREFIX/bin" "$MANDIR/man1" "$MANDIR/man5" "${unit%/*}" "${example%/*}"; do
      $INSTALL -d "$DESTDIR$folder"
    done
    $INSTALL -m 755 "$program" "$DESTDIR$PREFIX/bin/robustipc-bridge"
    # shellcheck disable=SC2086 # a command may have arguments
    [ -z "$STRIP" ] || $STRIP "$DESTDIR$PREFIX/bin/robustipc-bridge" || echo "robustipc: robustipc-bridge keeps its symbols" >&2
    LD_LIBRARY_PATH=$LIBS "$program" manual >"$DESTDIR$MANDIR/man1/robustipc-bridge.1"
    chmod 644 "$DESTDIR$MANDIR/man1/robustipc-bridge.1"
    $INSTALL -m 644 bridge/robustipc-bridge.5 "$DESTDIR$MANDIR/man5/robustipc-bridge.5"
    $INSTALL -m 644 bridge/robustipc-bridge.toml "$DESTDIR$example"
    sed "s|@PREFIX@|$PREFIX|" bridge/robustipc-bridge.service >"$DESTDIR$unit"
    chmod 644 "$DESTDIR$unit"
    ;;
  uninstall)
    for file in "$PREFIX/bin/robustipc-bridge" "$MANDIR/man1/robustipc-bridge.1" "$MANDIR/man5/robustipc-bridge.5" "$unit" "$example"; do
      rm -f "$DESTDIR$file"
    done
    ;;
  *)
    echo "usage: install_bridge.sh install | uninstall PROGRAM" >&2
    exit 2
    ;;
esac
