# Sourced by wine-up.sh, wine-run.sh and wine-down.sh. Every call of Wine must see
# the same prefix and the same TMPDIR: the server's socket lies in
# $TMPDIR/wine-XXXXXX, and another TMPDIR means a second server on one prefix.
: "${BROOD_WINEPREFIX:=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/brood-wine}"
export WINEPREFIX="$BROOD_WINEPREFIX"
export WINEDEBUG="${BROOD_WINEDEBUG:--all}"
export WINEDLLOVERRIDES="mscoree,mshtml=;winemenubuilder.exe=d;winedbg.exe=d"
# Shared memory of Wine programs is a file here: six times faster on tmpfs.
[ -d /dev/shm ] && [ -w /dev/shm ] && export TMPDIR=/dev/shm
# LC_ALL=C would break file names beyond ASCII.
export LC_ALL=C.UTF-8
unset DISPLAY WAYLAND_DISPLAY
if [ -x /usr/lib/wine/wine64 ]; then
    WINE=/usr/lib/wine/wine64
    export WINELOADER="$WINE"
else
    WINE=$(command -v wine64 || command -v wine)
fi
