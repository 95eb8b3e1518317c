#!/bin/sh
# wine-run.sh <program.exe> [arguments]: CMAKE_CROSSCOMPILING_EMULATOR.
. "$(dirname "$0")/wine-env.sh"
exec "$WINE" "$@"
