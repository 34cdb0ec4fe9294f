#!/bin/sh
# docs/tutorial.md works as it is printed: its files are written, its commands are run in order, and each prints what the page says.
. "$(dirname "$0")/../support/script.sh"

tutorial=$root/docs/tutorial.md
mkdir "$work/tutorial"
cd "$work/tutorial"

# **NAME** names the file that the next block holds.
awk '/^\*\*.*\*\*$/ { name = substr($0, 3, length($0) - 4); next }
  inside && $0 == "```" { inside = 0; name = ""; next }
  inside { print >name }
  /^```/ && name != "" { inside = 1 }' "$tutorial"
awk '/^```console$/ { inside = 1; next } inside && $0 == "```" { inside = 0; next } inside { print }' "$tutorial" >commands
[ -s control.c ] && [ -s commands ] || fail "the tutorial has no files or no commands"
# Names of this run's own.
sed -i "s|/thermostat-|/ripc-test-$$-|g" -- *
trap 'rm -rf "$work" /dev/shm/ripc-test-$$-*' EXIT

PKG_CONFIG_PATH=$STAGE/lib/pkgconfig
LD_LIBRARY_PATH=$STAGE/lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH CC
expected=
command=
run() {
  [ -n "$command" ] || return 0
  found=$(eval "$command" 2>"$work/errors") || { cat "$work/errors" >&2; fail "the tutorial's command fails: $command"; }
  case $command in
    make) ;; # what make prints depends on the machine
    *refused) expect "the last line of: $command" "$expected" "$(printf '%s\n' "$found" | tail -n 1)" ;;
    *) expect "the output of: $command" "$expected" "$found" ;;
  esac
}
while IFS= read -r line; do
  case $line in
    '$ '*)
      run
      command=${line#??} expected=
      ;;
    *) expected=${expected:+$expected
}$line ;;
  esac
done <commands
run
