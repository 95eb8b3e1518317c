# bench/*.c is one program, brood_bench, unless it has its own CMakeLists.txt.

file(GLOB files CONFIGURE_DEPENDS bench/*.c)
if(EXISTS "${PROJECT_SOURCE_DIR}/bench/CMakeLists.txt")
  add_subdirectory(bench)
elseif(files)
  add_executable(brood_bench ${files})
  brood_own(brood_bench)
  target_include_directories(brood_bench PRIVATE "${PROJECT_SOURCE_DIR}/src")
  target_link_libraries(brood_bench PRIVATE brood::brood Threads::Threads)
endif()
