# cmake -P cmake/check.cmake
# cmake -DWINDOWS=ON -P cmake/check.cmake
#
# Sets up what is missing, builds brood and runs its whole test suite; with
# WINDOWS=ON once more, cross-built for Windows and run under Wine, but for the tests
# that -DWINDOWS_WITHOUT=<label> names. The second of the README's two commands.

cmake_minimum_required(VERSION 3.21)
include("${CMAKE_CURRENT_LIST_DIR}/setup.cmake")

set(needs ${BROOD_LIBRARY_NEEDS} ${BROOD_TEST_NEEDS})
if(WINDOWS)
  list(APPEND needs ${BROOD_WINDOWS_NEEDS})
endif()
brood_setup(${needs})

# Runs the tests of a build, with more for ctest behind; failures are remembered, so that
# both halves run.
set(failed)
function(run_tests name directory type)
  message(STATUS "testing: ${name}")
  cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)
  math(EXPR jobs "${jobs} + 1") # tests wait more than they work
  execute_process(COMMAND "${CMAKE_CTEST_COMMAND}" --test-dir "${directory}" -C ${type}
    --output-on-failure --no-tests=error -j ${jobs} ${ARGN} RESULT_VARIABLE result)
  if(NOT result EQUAL 0)
    set(failed ${failed} ${name} PARENT_SCOPE)
  endif()
endfunction()

brood_build("${BROOD_ROOT}/build/check" Debug ${BROOD_CONFIGURE})
run_tests("this system" "${BROOD_ROOT}/build/check" Debug)

if(WINDOWS)
  set(sysroot "${BROOD_ROOT}/build/windows/sysroot")
  brood_run("${CMAKE_CURRENT_LIST_DIR}/windows/build-deps.sh" "${BROOD_ROOT}/build/windows/work" "${sysroot}")
  brood_build("${BROOD_ROOT}/build/mingw" RelWithDebInfo -G Ninja "-DBROOD_SYSROOT=${sysroot}"
    "-DCMAKE_TOOLCHAIN_FILE=${CMAKE_CURRENT_LIST_DIR}/windows/mingw64.cmake")
  if(WINDOWS_WITHOUT)
    set(without -LE "${WINDOWS_WITHOUT}")
  endif()
  run_tests("Windows, under Wine" "${BROOD_ROOT}/build/mingw" RelWithDebInfo ${without})
endif()

if(failed)
  list(JOIN failed "; " failed)
  message(FATAL_ERROR "tests failed: ${failed}")
endif()
message(STATUS "all tests passed")
