# bench/*.c is one program, brood_bench, unless it has its own CMakeLists.txt.

file(GLOB files CONFIGURE_DEPENDS bench/*.c)
# As the library has its rooms: one host_*.c is for this system.
list(FILTER files EXCLUDE REGEX "/host_[a-z0-9]+\\.c$")
if(EXISTS "${PROJECT_SOURCE_DIR}/bench/CMakeLists.txt")
  add_subdirectory(bench)
elseif(files)
  add_executable(brood_bench ${files} bench/host_${brood_room}.c)
  brood_own(brood_bench)
  target_include_directories(brood_bench PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(brood_bench PRIVATE brood::brood Threads::Threads)
  if(BUILD_SHARED_LIBS) # the limits use os.h, which a shared library does not show
    file(GLOB brood_room_files CONFIGURE_DEPENDS src/${brood_room}/*.c)
    target_sources(brood_bench PRIVATE ${brood_room_files})
    target_link_libraries(brood_bench PRIVATE APR::APR ${BROOD_SYSTEM_LIBS})
  endif()
endif()
