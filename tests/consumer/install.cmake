# Builds brood once more as a package would, installs it, and moves the result to
# ${WORK}/prefix: what was installed must not know where it was built.
#   cmake -DKIND=static|shared -DWORK=<directory> -DCC=... -P install.cmake

cmake_minimum_required(VERSION 3.21)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
set(shared OFF)
if(KIND STREQUAL "shared")
  set(shared ON)
endif()
set(options)
if(TOOLCHAIN)
  list(APPEND options "-DCMAKE_TOOLCHAIN_FILE=${TOOLCHAIN}" "-DBROOD_SYSROOT=${SYSROOT}")
else()
  list(APPEND options "-DCMAKE_C_COMPILER=${CC}")
endif()

execute_process(COMMAND "${CMAKE_COMMAND}" -S "${root}" -B "${WORK}/build" -G "${GENERATOR}" ${options}
  "-DCMAKE_BUILD_TYPE=${BUILD_TYPE}" "-DBUILD_SHARED_LIBS=${shared}"
  -DBROOD_TESTS=OFF -DBROOD_EXAMPLES=OFF -DBROOD_BENCH=OFF COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${WORK}/build" --config "${BUILD_TYPE}"
  COMMAND_ERROR_IS_FATAL ANY)

file(REMOVE_RECURSE "${WORK}/staged" "${WORK}/prefix")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${WORK}/build" --config "${BUILD_TYPE}"
  --prefix "${WORK}/staged" COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${WORK}/staged" "${WORK}/prefix")
