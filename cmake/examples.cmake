# Each example is a file examples/x.c, or a directory examples/x whose *.c files
# are one program (or that has its own CMakeLists.txt).

function(brood_example name)
  add_executable(example_${name} ${ARGN})
  brood_own(example_${name})
  target_link_libraries(example_${name} PRIVATE brood::brood)
  set_target_properties(example_${name} PROPERTIES
    OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/examples")
  set_property(GLOBAL APPEND PROPERTY BROOD_EXAMPLE_NAMES ${name})
endfunction()

file(GLOB files CONFIGURE_DEPENDS examples/*.c)
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME_WE)
  brood_example(${name} "${file}")
endforeach()

file(GLOB entries CONFIGURE_DEPENDS LIST_DIRECTORIES true examples/*)
foreach(entry IN LISTS entries)
  get_filename_component(name "${entry}" NAME)
  file(GLOB files CONFIGURE_DEPENDS "${entry}/*.c")
  if(EXISTS "${entry}/CMakeLists.txt")
    add_subdirectory("${entry}")
  elseif(files)
    brood_example(${name} ${files})
  endif()
endforeach()

# What the C library lacks, wordcount takes from APR: directories and files.
if(TARGET example_wordcount)
  target_link_libraries(example_wordcount PRIVATE APR::APR)
endif()

# Every example is a test: it runs and returns 0.
if(BROOD_TESTS)
  set(args_wordcount --workers 2 "${PROJECT_SOURCE_DIR}/include" "${PROJECT_SOURCE_DIR}/src")
  get_property(names GLOBAL PROPERTY BROOD_EXAMPLE_NAMES)
  foreach(name IN LISTS names)
    add_test(NAME example.${name} COMMAND example_${name} ${args_${name}})
    brood_test_properties(example.${name} example 60)
  endforeach()
endif()
