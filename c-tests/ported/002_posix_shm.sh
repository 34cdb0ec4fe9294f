#!/bin/sh
# Under a name of its own, so that tests can run side by side.
set -eu
name=/ripc-test-$$-myshm
trap 'rm -f "/dev/shm$name"' EXIT
"$1" "$name"
[ ! -e "/dev/shm$name" ]
