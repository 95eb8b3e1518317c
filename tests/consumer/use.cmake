# Builds a program against the brood installed in ${WORK}/prefix and runs it.
#   cmake -DKIND=static|shared -DWAY=find_package|pkgconfig -DWORK=<directory>
#         -DPROGRAM=<file.c> -DNAME=<name> -DCC=... -P use.cmake

cmake_minimum_required(VERSION 3.21)
set(prefix "${WORK}/prefix")
set(build "${WORK}/${NAME}-${WAY}")
set(suffix)
if(WINDOWS)
  set(suffix ".exe")
endif()
file(REMOVE_RECURSE "${build}")
file(MAKE_DIRECTORY "${build}")

function(build_by_find_package)
  set(options "-DCMAKE_C_COMPILER=${CC}")
  if(TOOLCHAIN)
    set(options "-DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN}" "-DBROOD_SYSROOT=${SYSROOT}")
  endif()
  file(GLOB_RECURSE config "${prefix}/*/broodConfig.cmake")
  get_filename_component(config "${config}" DIRECTORY)
  execute_process(COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}" -B "${build}"
    -G "${GENERATOR}" ${options} "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}"
    "-Dbrood_DIR=${config}" "-DPROGRAM=${PROGRAM}" COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${build}" --config "${BUILD_TYPE}"
    COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(build_by_pkgconfig)
  find_program(PKGCONFIG NAMES pkg-config pkgconf)
  if(NOT PKGCONFIG)
    message("SKIPPED: no pkg-config")
    return()
  endif()
  file(GLOB_RECURSE pc "${prefix}/*/brood.pc")
  get_filename_component(pc "${pc}" DIRECTORY)
  set(static)
  if(KIND STREQUAL "static")
    set(static --static)
  endif()
  if(SYSROOT)
    get_filename_component(SYSROOT "${SYSROOT}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_LIST_DIR}/../..")
    set(ENV{PKG_CONFIG_LIBDIR} "${pc}:${SYSROOT}/lib/pkgconfig")
  else()
    set(ENV{PKG_CONFIG_PATH} "${pc}:$ENV{PKG_CONFIG_PATH}")
  endif()
  execute_process(COMMAND "${PKGCONFIG}" --cflags --libs ${static} brood
    OUTPUT_VARIABLE flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  separate_arguments(flags UNIX_COMMAND "${flags}")
  execute_process(COMMAND "${PKGCONFIG}" --variable=worker brood
    OUTPUT_VARIABLE worker OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  list(PREPEND flags "-DCONSUMER_WORKER=\"${worker}\"")
  execute_process(COMMAND "${CC}" -std=c11 -o "${build}/consumer${suffix}" "${PROGRAM}" ${flags}
    COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

if(WAY STREQUAL "pkgconfig")
  build_by_pkgconfig()
else()
  build_by_find_package()
endif()

# Where the shared library is found: beside the program, or by path.
file(GLOB_RECURSE dlls "${prefix}/bin/*.dll")
if(dlls)
  file(COPY ${dlls} DESTINATION "${build}")
endif()
file(GLOB_RECURSE libraries "${prefix}/*/libbrood.*")
foreach(library IN LISTS libraries)
  get_filename_component(library "${library}" DIRECTORY)
  set(ENV{LD_LIBRARY_PATH} "${library}:$ENV{LD_LIBRARY_PATH}")
  set(ENV{DYLD_LIBRARY_PATH} "${library}:$ENV{DYLD_LIBRARY_PATH}")
endforeach()
file(GLOB_RECURSE program "${build}/consumer${suffix}")
list(FILTER program EXCLUDE REGEX "CMakeFiles")
if(program)
  execute_process(COMMAND ${EMULATOR} ${program} TIMEOUT 60 COMMAND_ERROR_IS_FATAL ANY)
endif()
