#!/bin/sh
# Runs in a virtual machine that has nothing but busybox, libc, the demo and the tests:  inside.sh DEMO RUN-LIST
#
# The last line says "N passed, N failed, N skipped".
demo=$1 list=$2
cd "$(dirname "$0")/../.." || exit 1
echo "demo:"
sh c-tests/demo/demo.sh "$demo" >/tmp/demo.log 2>&1 || {
  sed 's/^/    /' /tmp/demo.log
  echo "FAIL demo"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
}
sed 's/^/    /' /tmp/demo.log
xargs env TEST_TIMEOUT=200 ROBUSTIPC_ALONE= sh c-tests/run.sh <"$list"
