# Compiles each public header alone, in one language and standard, strictly.
#   cmake -DCOMPILER=... -DSTANDARD=c11 -DLANGUAGE=c -DWORK=<directory> -P check.cmake

cmake_minimum_required(VERSION 3.21)
if(NOT COMPILER)
  message("SKIPPED: no compiler for ${STANDARD}")
  return()
endif()
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
file(GLOB headers "${root}/include/brood/*.h")
if(NOT headers)
  message(FATAL_ERROR "no headers under ${root}/include/brood")
endif()
file(MAKE_DIRECTORY "${WORK}")

set(failed)
foreach(header IN LISTS headers)
  get_filename_component(name "${header}" NAME)
  # Twice: a header must also bear being included again.
  set(source "${WORK}/${STANDARD}_${name}.txt")
  file(WRITE "${source}" "#include <brood/${name}>\n#include <brood/${name}>\nint brood_header;\n")
  execute_process(
    COMMAND "${COMPILER}" -x ${LANGUAGE} -std=${STANDARD} -fsyntax-only "-I${root}/include"
      -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror "${source}"
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message("${name} does not compile alone as ${STANDARD}:\n${output}")
    list(APPEND failed "${name}")
  endif()
endforeach()

list(LENGTH headers count)
if(failed)
  message(FATAL_ERROR "refused as ${STANDARD}: ${failed}")
endif()
message(STATUS "${count} headers compile alone as ${STANDARD}")
