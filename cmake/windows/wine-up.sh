#!/bin/sh
# Makes the Wine prefix (once, 14 s) and warms it up. May be called at any time
# and by several at once. A test run calls it first.
set -e
. "$(dirname "$0")/wine-env.sh"
mkdir -p "$(dirname "$WINEPREFIX")"
exec 9>"$WINEPREFIX.lock"
flock 9

quiet() { timeout "$@" </dev/null >>"$WINEPREFIX.log" 2>&1 9>&-; }

if [ ! -e "$WINEPREFIX/.brood-ready" ]; then
    rm -rf "$WINEPREFIX"
    : >"$WINEPREFIX.log"
    quiet 180 wineboot -i
    # No debugger on a crash: it takes seconds, and SetErrorMode does not stop it.
    debug='HKLM\Software\Microsoft\Windows NT\CurrentVersion\AeDebug'
    quiet 60 "$WINE" reg add "$debug" /v Debugger /t REG_SZ /d "" /f
    quiet 60 "$WINE" reg add "$debug" /v Auto /t REG_SZ /d 1 /f
    quiet 60 "$WINE" reg add 'HKCU\Software\Wine\WineDbg' /v ShowCrashDialog /t REG_DWORD /d 0 /f
    wineserver -w 9>&-
    touch "$WINEPREFIX/.brood-ready"
fi

# A server that stays, and services.exe started without anybody's output: it would
# hold the pipe of the first test open for ever. -p fails when one is running.
wineserver -p </dev/null >/dev/null 2>&1 9>&- || true
quiet 60 "$WINE" cmd /c exit 0
