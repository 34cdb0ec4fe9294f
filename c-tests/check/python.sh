#!/bin/sh
# The Python package works with the installed library: its own tests, the comparison with the header, and the README's program
# beside a C program. The part with numpy is skipped where Python has no numpy.
. "$(dirname "$0")/../support/script.sh"

has python3 || skip "python3 is not installed"
python3 -c 'import sys, ctypes, asyncio; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || skip "python3 is older than 3.9"

bindings=$root/bindings/python
LD_LIBRARY_PATH=$STAGE/lib
ROBUSTIPC_INCLUDE=$STAGE/include
ROBUSTIPC_VERSION=$version
# Nothing is written into the source.
PYTHONDONTWRITEBYTECODE=1
PYTHONPATH=$bindings
export LD_LIBRARY_PATH ROBUSTIPC_INCLUDE ROBUSTIPC_VERSION PYTHONDONTWRITEBYTECODE PYTHONPATH CC

cd "$bindings"
# -W error makes an error that Python only reports, as in __del__, no failure: the output shows it.
quietly python3 -X dev -W error -m unittest
grep -q "^Exception ignored" "$work/output" && { cat "$work/output" >&2; fail "an exception was ignored"; }
found=$(sed -n 's/^Ran \([0-9]*\) tests.*/\1/p' "$work/output")
[ "${found:-0}" -ge 40 ] || fail "unittest ran ${found:-no} tests, expected at least 40"

# Without the library, the import says what is missing.
LD_LIBRARY_PATH=/nonexistent python3 -c 'import robustipc' >"$work/output" 2>&1 && has ldconfig &&
  ! /sbin/ldconfig -p | grep -q librobustipc && fail "the import succeeds without the library"

# The README's program, and the C program that shares its region.
name=/ripc-test-$$-python
trap 'rm -rf "$work" "/dev/shm$name"' EXIT
"$root/c-tests/support/block.sh" python README.md | sed "s|\"/samples\"|\"$name\"|" >"$work/readme.py"
cat >"$work/readme.c" <<END
#include <robustipc.h>
#include <stdio.h>
$("$root/c-tests/support/block.sh" c README.md)
int main(void) {
  ipc_shm_t *shm;
  if (ipc_shm_open_typed(&shm, "$name", &shared_type, 0, 0) < 0) return puts(ipc_last_error()), 1;
  Shared *shared = ipc_shm_data(shm);
  if (ipc_mutex_lock(&shared->mutex, 0) != 0) return 1;
  printf("%d %g\n", shared->samples, shared->sum);
  return ipc_mutex_unlock(&shared->mutex);
}
END
# shellcheck disable=SC2046,SC2086
quietly $CC -std=c11 $warnings $(staged --cflags) "$work/readme.c" -o "$work/readme" $(staged --libs)
quietly python3 "$work/readme.py"
quietly python3 "$work/readme.py"
expect "what the C program reads" "2 3" "$("$work/readme")"
