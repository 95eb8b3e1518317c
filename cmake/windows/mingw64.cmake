# Cross-builds for 64-bit Windows with mingw-w64 (the win32 thread variant: the
# posix one needs libwinpthread-1.dll as soon as _Thread_local is used) and runs
# what it built under Wine.
#
#   cmake -DCMAKE_TOOLCHAIN_FILE=cmake/windows/mingw64.cmake -DBROOD_SYSROOT=<sysroot> ...
#
# <sysroot> is what build-deps.sh made; it may be relative to the source.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(_triple x86_64-w64-mingw32)
find_program(CMAKE_C_COMPILER NAMES ${_triple}-gcc-win32 ${_triple}-gcc REQUIRED)
find_program(CMAKE_CXX_COMPILER NAMES ${_triple}-g++-win32 ${_triple}-g++ REQUIRED)
find_program(CMAKE_RC_COMPILER NAMES ${_triple}-windres)

set(CMAKE_FIND_ROOT_PATH /usr/${_triple})
if(BROOD_SYSROOT)
  get_filename_component(BROOD_SYSROOT "${BROOD_SYSROOT}" ABSOLUTE BASE_DIR "${CMAKE_SOURCE_DIR}")
  list(PREPEND CMAKE_FIND_ROOT_PATH "${BROOD_SYSROOT}")
  list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES BROOD_SYSROOT)
  # The host's own .pc files describe the wrong libraries.
  set(ENV{PKG_CONFIG_LIBDIR} "${BROOD_SYSROOT}/lib/pkgconfig")
  set(ENV{PKG_CONFIG_PATH} "")
endif()
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_CROSSCOMPILING_EMULATOR "${CMAKE_CURRENT_LIST_DIR}/wine-run.sh")
