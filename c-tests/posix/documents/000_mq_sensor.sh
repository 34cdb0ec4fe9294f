#!/bin/sh
# Sender and receiver as programs of their own: one after the other, and side by side with either first.
set -eu
program=$1
name=/ripc-test-$$-sensor
"$program" sender "$name"
"$program" receiver "$name"

"$program" receiver "$name" &
"$program" sender "$name"
wait $!

"$program" sender "$name" &
"$program" receiver "$name"
wait $!
