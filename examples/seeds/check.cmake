# Runs a program and compares what it prints with expected/<name>.txt, or line by line
# in any order with expected/<name>.sorted.txt.
#   cmake -DPROGRAM=<file> -DNAME=<name> [-DEMULATOR=<command>] -P check.cmake
# What differs from run to run is N in both: process ids, cpus, and times.

cmake_minimum_required(VERSION 3.21)

function(normalise text out)
  string(REPLACE "\r" "" text "${text}")
  # Process ids, where the programs have them.
  string(REGEX REPLACE "[0-9]+ (run|Sleeping|Done|main|get_url|callback)" "N \\1" text "${text}")
  string(REGEX REPLACE "([0-9)] ?: ?)[0-9]+" "\\1N" text "${text}")
  string(REGEX REPLACE "[(][0-9]+[)]" "(N)" text "${text}")
  string(REGEX REPLACE "process [0-9]+" "process N" text "${text}")
  string(REGEX REPLACE "[0-9]+ cpus" "N cpus" text "${text}")
  string(REGEX REPLACE "[0-9]+\\.[0-9]+ second" "N second" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

function(sort text out)
  string(REPLACE "\n" ";" lines "${text}")
  list(SORT lines)
  string(REPLACE ";" "\n" text "${lines}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

execute_process(COMMAND ${EMULATOR} "${PROGRAM}"
  OUTPUT_VARIABLE output ERROR_VARIABLE errors RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "${NAME} ended with ${code}:\n${output}${errors}")
endif()

set(file "${CMAKE_CURRENT_LIST_DIR}/expected/${NAME}.txt")
set(sorted "${CMAKE_CURRENT_LIST_DIR}/expected/${NAME}.sorted.txt")
if(EXISTS "${sorted}")
  set(file "${sorted}")
endif()
file(READ "${file}" expected)
normalise("${expected}" expected)
normalise("${output}" output)
if(EXISTS "${sorted}")
  sort("${expected}" expected)
  sort("${output}" output)
endif()
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "${NAME} printed:\n${output}\nexpected:\n${expected}\n${errors}")
endif()
