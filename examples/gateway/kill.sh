#!/bin/sh
# Runs the gateway, kills its daemons one after another, 200 times, and shows what was torn, lost or leaked:  kill.sh [KILLS]
set -eu
kills=${1:-200}
cd "$(dirname "$0")"
place=$(mktemp -d)
mkfifo "$place/input" "$place/output"
./supervisor "$place/log" <"$place/input" >"$place/output" &
supervisor=$!
exec 3>"$place/input" 4<"$place/output"
rm -r "$place/input" "$place/output"
trap 'rm -rf "$place"; kill "$supervisor" 2>/dev/null || true' EXIT

sensor='' control='' logger=''
# The supervisor prints the name and the process of each daemon that it starts.
await_start() {
  read -r name process <&4
  case $name in
    sensor) sensor=$process ;;
    control) control=$process ;;
    logger) logger=$process ;;
  esac
}
for _ in 1 2 3; do await_start; done

killed=0
while [ "$killed" -lt "$kills" ]; do
  case $((killed % 3)) in
    0) victim=$sensor ;;
    1) victim=$control ;;
    *) victim=$logger ;;
  esac
  sleep "0.0$((killed % 4))$((killed * 7 % 10))" # so that each daemon dies at another point of its work
  kill -9 "$victim"
  killed=$((killed + 1))
  await_start
done
exec 3>&- # the supervisor's input ends
cat <&4
wait "$supervisor"
