#!/bin/sh
# Python's posix_ipc, a module from elsewhere, has the same results on the kernel's message queues and on the library's.
# Its wheel was linked to a librt of years ago: it imports mq_open@GLIBC_2.3.4.
. "$(dirname "$0")/../support/script.sh"

has python3 || skip "python3 is not installed"
python3 -m venv "$work/venv" >"$work/output" 2>&1 || skip "python3 cannot make an environment (on Debian: python3-venv)"
# A wheel, not its source, because the test is about a binary from elsewhere.
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: posix_ipc >"$work/pip" 2>&1 ||
  skip "pip cannot fetch posix_ipc: $(tail -n 1 "$work/pip")"

program=$root/c-tests/posix/real/posix_ipc_queue.py
quietly "$work/venv/bin/python" "$program"
library=$STAGE/lib/librobustipc-posix.so
if [ -e "$library" ]; then
  quietly env LD_PRELOAD="$library" "$work/venv/bin/python" "$program"
fi
