#!/bin/sh
# Ten thousand times, a publisher or one of 16 subscribers of a topic is killed, and every sample is accounted for.
. "$(dirname "$0")/../support/script.sh"

STORM_KILLS=10000 quietly "$TARGET/c-tests/topic/storm"
