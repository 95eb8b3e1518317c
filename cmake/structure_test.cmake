# Does structure.cmake refuse what it should? Makes small trees in ${WORK}, a good
# one and one for each kind of violation.
#   cmake -DWORK=<directory> -P cmake/structure_test.cmake

cmake_minimum_required(VERSION 3.21)
set(failures 0)

function(good_tree)
  file(REMOVE_RECURSE "${WORK}")
  file(WRITE "${WORK}/include/brood/pool.h" "#include <brood/export.h>\n#include <stddef.h>\n")
  file(WRITE "${WORK}/include/brood/export.h" "#if defined(_WIN32)\n#endif\n")
  file(WRITE "${WORK}/src/os.h" "#include <brood/status.h>\n#include <stdbool.h>\n")
  file(WRITE "${WORK}/src/base/ring.h" "#include <stdint.h>\n")
  file(WRITE "${WORK}/src/ipc/link.c"
    "#include \"os.h\"\n#include \"base/ring.h\"\n#include <apr_pools.h>\n#include <msgpack.h>\n\nint f(void)\n{\n    return a[1] ? ';' : '\\\\';\n}\n")
  file(WRITE "${WORK}/src/posix/room.h" "#include <errno.h>\n")
  file(WRITE "${WORK}/src/posix/proc.c"
    "#include \"os.h\"\n#include \"room.h\"\n#include <sys/wait.h>\n#ifdef __linux__\n#endif\n")
  file(WRITE "${WORK}/tests/unit/test_ring.c" "int main(void)\n{\n    no_sleep();\n}\n")
endfunction()

# run(name expected): expected is what the refusal must say; empty: accepted.
function(run name expected)
  execute_process(COMMAND "${CMAKE_COMMAND}" "-DROOT=${WORK}"
    -P "${CMAKE_CURRENT_LIST_DIR}/structure.cmake"
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(FIND "${output}" "${expected}" place)
  if((expected AND (result EQUAL 0 OR place EQUAL -1)) OR (NOT expected AND NOT result EQUAL 0))
    message("${name}: expected '${expected}', got (${result}):\n${output}")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

# refused(name file text expected): the good tree with one more file.
macro(refused name file text expected)
  good_tree()
  file(WRITE "${WORK}/${file}" "${text}")
  run("${name}" "${expected}")
endmacro()

function(repeated count line out)
  string(REPEAT "${line}" ${count} text)
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

good_tree()
run("a good tree" "")

repeated(601 "int x;\n" text)
refused("a long file" src/base/long.c "${text}" "src/base/long.c: 601 lines, more than 600")
repeated(600 "\n" text)
good_tree()
file(WRITE "${WORK}/src/base/long.c" "${text}")
run("600 lines" "")
repeated(79 "    x();\n" text)
refused("a long function" src/base/long.c "int f(void)\n{\n${text}}\n"
  "src/base/long.c:2: a function of 81 lines, more than 80")
repeated(40 "    x();\n" text)
refused("too many functions of 40 lines" src/base/long.c "int f(void)\n{\n${text}}\n"
  "functions over 40 lines, more than 5 %")
refused("an include that points up" src/base/up.c "#include \"pool/pool.h\"\n"
  "src/base/up.c:1: base must not include pool/pool.h")
refused("a floor that sees a room" src/pool/room.c "#include \"posix/room.h\"\n"
  "pool must not include posix/room.h")
refused("a header that is not on its floor" src/base/none.c "#include \"none.h\"\n"
  "base must not include none.h")
refused("a system header on a floor" src/pool/os.c "#include <unistd.h>\n"
  "pool must not include unistd.h")
refused("a room that sees a floor" src/posix/up.c "#include \"base/ring.h\"\n"
  "posix must not include base/ring.h")
refused("a room that sees APR" src/win32/apr.c "#include <apr_errno.h>\n"
  "win32 must not include apr_errno.h")
refused("a room that sees the other" src/win32/other.c "#include \"posix/room.h\"\n"
  "win32 must not include posix/room.h")
refused("a door that is not libc" src/os.h "#include <windows.h>\n"
  "door must not include windows.h")
refused("a public header that sees APR" include/brood/apr.h "#include <apr.h>\n"
  "face must not include apr.h")
refused("a public header that sees the inside" include/brood/in.h "#include \"os.h\"\n"
  "face must not include os.h")
refused("an OS #ifdef on a floor" src/pool/win.c "#  if defined(X) || defined(_WIN32)\n"
  "src/pool/win.c:1: an OS #ifdef outside the rooms")
refused("an OS #ifdef in the face" include/brood/win.h "#ifdef __linux__\n"
  "an OS #ifdef outside the rooms")
refused("a sleeping test" tests/api/test_x.c "int main(void)\n{\n    usleep(10);\n}\n"
  "tests/api/test_x.c:3: sleeps")
refused("a file on no floor" src/loose.c "int x;\n" "src/loose.c: stands on no floor")
refused("an unknown directory" src/util/x.c "int x;\n" "src/util: is neither a floor nor a room")

if(failures GREATER 0)
  message(FATAL_ERROR "structure.cmake: ${failures} cases went wrong")
endif()
message(STATUS "structure.cmake refuses what it should")
