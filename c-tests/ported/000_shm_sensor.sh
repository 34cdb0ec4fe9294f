#!/bin/sh
# The producer, then the consumer, as in two terminals. Both objects are gone afterwards.
set -eu
suffix=-ripc-test-$$
trap 'rm -f "/dev/shm/sensor_shm$suffix" "/dev/shm/sem.sensor_sem$suffix"' EXIT
"$1" producer "$suffix"
"$1" consumer "$suffix"
[ ! -e "/dev/shm/sensor_shm$suffix" ]
[ ! -e "/dev/shm/sem.sensor_sem$suffix" ]
