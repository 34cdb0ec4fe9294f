#!/bin/sh
# Ten million messages go through one queue in shared memory while thousands of its processes are killed.
. "$(dirname "$0")/../support/script.sh"

quietly "$TARGET/c-tests/mq/storm" 10000000 10000
