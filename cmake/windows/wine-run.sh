#!/bin/sh
# wine-run.sh <program.exe> [arguments]: CMAKE_CROSSCOMPILING_EMULATOR.
#
# What it prints goes through files: helpers of Wine (a console's host, of a process
# that was killed at its birth) may outlive the program and keep its output open, and
# whoever reads a pipe to its end would wait for them.
. "$(dirname "$0")/wine-env.sh"
said=$(mktemp -d) || exit 99
trap 'rm -rf "$said"; exit 143' HUP INT TERM # from who has no more time for it
: >"$said/out"
: >"$said/err"
"$WINE" "$@" <&0 >"$said/out" 2>"$said/err" &
program=$!
tail -n +1 -f -s 0.1 --pid=$program "$said/out" &
tail -n +1 -f -s 0.1 --pid=$program "$said/err" >&2 &
wait $program
code=$?
wait
rm -r "$said"
exit $code
