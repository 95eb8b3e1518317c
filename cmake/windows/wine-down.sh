#!/bin/sh
# Ends the Wine server of our prefix and waits until it is gone.
. "$(dirname "$0")/wine-env.sh"
wineserver -k </dev/null >/dev/null 2>&1
wineserver -w
exit 0
