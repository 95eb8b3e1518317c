#!/bin/bash
# build-deps.sh <workdir> <sysroot>
#
# Builds what brood needs for Windows, statically, with mingw-w64: APR, CUnit and
# msgpack-c, from the distribution's own source packages, unpatched. Afterwards:
#   <sysroot>/include, <sysroot>/lib, <sysroot>/lib/pkgconfig
# The second run finds its stamp and does nothing; a changed recipe builds anew.
#
# Needs (Debian or Ubuntu): gcc-mingw-w64-x86-64-win32 g++-mingw-w64-x86-64-win32
#   cmake ninja-build gcc dpkg-dev; and to run what was built: wine wine64
set -euo pipefail
[ $# -eq 2 ] || { echo "usage: $0 <workdir> <sysroot>" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1" "$2"
work=$(cd "$1" && pwd)
sysroot=$(cd "$2" && pwd)

recipe=$(cat "$here/build-deps.sh" "$here/mingw64.cmake" "$here"/deps/CMakeLists.txt "$here"/deps/compat/* | cksum)
stamp=$sysroot/.brood-deps
if [ "$(cat "$stamp" 2>/dev/null)" = "$recipe" ]; then exit 0; fi
rm -f "$stamp"

# A private copy of the system's apt sources, with deb-src in place of deb: the
# configuration of this machine is not touched, and the mirror is its own.
private_sources()
{
    rm -rf "$work/apt"
    mkdir -p "$work/apt/parts" "$work/apt/lists/partial"
    local f
    for f in /etc/apt/sources.list.d/*.sources; do
        [ -e "$f" ] || continue
        sed 's/^Types:.*$/Types: deb-src/' "$f" >"$work/apt/parts/${f##*/}"
    done
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$f" ] || continue
        sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$f" >"$work/apt/parts/${f##*/}.list"
    done
}

apt_private()
{
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/apt/parts" \
        -o "Dir::State::lists=$work/apt/lists" -o APT::Sandbox::User=root "$@"
}

# fetch <package>: unpacks its source into <workdir>/<package>-src. Not by
# `apt-get source` alone, which wants the packages needed for a Debian build.
fetch()
{
    [ -d "$work/$1-src" ] && return
    rm -rf "$work/$1-dl"
    mkdir "$work/$1-dl"
    (cd "$work/$1-dl" && apt_private source --download-only "$1" && dpkg-source -x ./*.dsc "$work/$1-tmp")
    mv "$work/$1-tmp" "$work/$1-src"
}

# cross <source> <build> [options]: configure, build and install one project.
cross()
{
    local source=$1 build=$2
    shift 2
    rm -rf "$build"
    cmake -S "$source" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_TOOLCHAIN_FILE="$here/mingw64.cmake" -DBROOD_SYSROOT="$sysroot" \
        -DCMAKE_INSTALL_PREFIX="$sysroot" -DCMAKE_INSTALL_LIBDIR=lib "$@"
    cmake --build "$build" --target install
}

if ! [ -d "$work/apr-src" ] || ! [ -d "$work/cunit-src" ] || ! [ -d "$work/msgpack-c-src" ]; then
    private_sources
    apt_private update
fi
for package in apr cunit msgpack-c; do fetch $package; done

cross "$here/deps" "$work/build-deps" -DAPR_SRC="$work/apr-src" -DCUNIT_SRC="$work/cunit-src"
cross "$work/msgpack-c-src" "$work/build-msgpack-c" -DMSGPACK_ENABLE_SHARED=OFF \
    -DMSGPACK_ENABLE_CXX=OFF -DMSGPACK_BUILD_TESTS=OFF -DMSGPACK_BUILD_EXAMPLES=OFF
sed -i 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$sysroot"/lib/pkgconfig/msgpack*.pc

echo "$recipe" >"$stamp"
