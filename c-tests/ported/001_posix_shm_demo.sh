#!/bin/sh
# The two modes, as in two terminals. The object is gone afterwards.
set -eu
name=/ripc-test-$$-demo
trap 'rm -f "/dev/shm$name"' EXIT
"$1" write "$name"
"$1" read "$name"
[ ! -e "/dev/shm$name" ]
