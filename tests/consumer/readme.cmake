# The first C program of the README must be short, and must compile and run as
# printed. Takes what use.cmake takes.

cmake_minimum_required(VERSION 3.21)
get_filename_component(root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
file(READ "${root}/README.md" text)
string(FIND "${text}" "\n```c\n" start)
if(start EQUAL -1)
  message(FATAL_ERROR "README.md has no block that starts with ```c")
endif()
math(EXPR start "${start} + 6")
string(SUBSTRING "${text}" ${start} -1 text)
string(FIND "${text}" "\n```" end)
if(end EQUAL -1)
  message(FATAL_ERROR "the first C block of README.md has no end")
endif()
math(EXPR end "${end} + 1")
string(SUBSTRING "${text}" 0 ${end} text)

string(REGEX MATCHALL "\n" lines "${text}")
list(LENGTH lines lines)
if(lines GREATER_EQUAL 40)
  message(FATAL_ERROR "the first C block of README.md has ${lines} lines, it must have less than 40")
endif()
message(STATUS "the first program of the README has ${lines} lines")

set(PROGRAM "${WORK}/readme.c")
file(WRITE "${PROGRAM}" "${text}")
include("${CMAKE_CURRENT_LIST_DIR}/use.cmake")
