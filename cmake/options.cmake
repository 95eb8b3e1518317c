# Every switch of the build. Nothing is on for a project that only uses brood.

option(BROOD_TESTS "Build the tests (needs CUnit)" ${PROJECT_IS_TOP_LEVEL})
option(BROOD_EXAMPLES "Build the example programs" ${PROJECT_IS_TOP_LEVEL})
option(BROOD_BENCH "Build the benchmark" ${PROJECT_IS_TOP_LEVEL})
option(BROOD_FUZZ "Build the fuzz targets (see fuzz/README.md)" OFF)
option(BROOD_INSTALL "Make install rules" ${PROJECT_IS_TOP_LEVEL})
option(BROOD_WERROR "Warnings in our own code are errors" ${PROJECT_IS_TOP_LEVEL})
set(BROOD_SANITIZE "" CACHE STRING "Sanitizers for -fsanitize=, as in address,undefined or thread")

if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()

# System libraries that every user of the static library needs as well.
set(BROOD_SYSTEM_LIBS)
if(WIN32)
  set(BROOD_SYSTEM_LIBS ws2_32 mswsock rpcrt4 iphlpapi advapi32 shell32 bcrypt)
endif()

include(CheckLinkerFlag)
if(NOT MSVC)
  check_linker_flag(C "LINKER:--build-id" BROOD_HAS_BUILD_ID)
endif()
