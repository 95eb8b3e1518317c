# brood_own(target): how code of this repository is compiled. Never exported.

function(brood_own target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11
    C_STANDARD_REQUIRED ON
    C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden)

  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 "$<$<COMPILE_LANGUAGE:C>:/experimental:c11atomics>")
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion)
  endif()
  if(BROOD_WERROR)
    target_compile_options(${target} PRIVATE "$<IF:$<C_COMPILER_ID:MSVC>,/WX,-Werror>")
  endif()

  if(WIN32)
    target_compile_definitions(${target} PRIVATE
      _WIN32_WINNT=0x0602 WIN32_LEAN_AND_MEAN UNICODE _UNICODE _CRT_SECURE_NO_WARNINGS)
    if(MINGW)
      target_compile_definitions(${target} PRIVATE __USE_MINGW_ANSI_STDIO=1)
    endif()
  elseif(APPLE)
    target_compile_definitions(${target} PRIVATE _DARWIN_C_SOURCE)
  elseif(CMAKE_SYSTEM_NAME STREQUAL "Linux")
    target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  endif()

  if(BROOD_HAS_BUILD_ID)
    target_link_options(${target} PRIVATE "LINKER:--build-id")
  endif()
  if(BROOD_SANITIZE)
    target_compile_options(${target} PRIVATE
      -fsanitize=${BROOD_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g)
    target_link_options(${target} PUBLIC -fsanitize=${BROOD_SANITIZE})
    if(BROOD_SANITIZE MATCHES "thread" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${target} PRIVATE -Wno-tsan) # fences are known to be unseen by it
    endif()
  endif()
endfunction()
