# cmake -P cmake/demo.cmake
#
# Sets up what is missing, builds brood, and counts the words of this system's
# header files with a pool of workers. The first of the README's two commands.

cmake_minimum_required(VERSION 3.21)
include("${CMAKE_CURRENT_LIST_DIR}/setup.cmake")

brood_setup(${BROOD_LIBRARY_NEEDS})
set(build "${BROOD_ROOT}/build/demo")
brood_build("${build}" Release ${BROOD_CONFIGURE} -DBROOD_TESTS=OFF -DBROOD_BENCH=OFF)

file(GLOB_RECURSE programs "${build}/examples/wordcount" "${build}/examples/wordcount.exe")
if(NOT programs)
  message(FATAL_ERROR "the example wordcount was not built: is examples/wordcount there?")
endif()
list(GET programs 0 program)

# The header files of the system.
set(headers /usr/include)
if(CMAKE_HOST_APPLE)
  execute_process(COMMAND xcrun --show-sdk-path OUTPUT_VARIABLE sdk OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(headers "${sdk}/usr/include")
elseif(CMAKE_HOST_WIN32)
  set(headers $ENV{INCLUDE})
  if(NOT headers)
    set(headers "${BROOD_ROOT}")
  endif()
endif()
brood_run("${program}" ${headers})
