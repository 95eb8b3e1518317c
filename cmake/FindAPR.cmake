# FindAPR: the Apache Portable Runtime 1.x under every name that packages give
# it, as the target APR::APR. Sets APR_VERSION, and APR_PC_MODULE to the name of
# its pkg-config module where there is one. Installed beside broodConfig.cmake.

include(FindPackageHandleStandardArgs)

set(_apr_target)
if(TARGET APR::APR)
  set(_apr_target APR::APR)
else()
  find_package(apr CONFIG QUIET) # vcpkg on Windows, conan, upstream's own CMake since 1.7.5
  foreach(_apr_name IN ITEMS apr::libapr-1 apr::apr-1 apr::apr)
    if(NOT _apr_target AND TARGET ${_apr_name})
      set(_apr_target ${_apr_name})
      set(APR_VERSION "${apr_VERSION}")
    endif()
  endforeach()

  # Debian, Fedora, brew, vcpkg on Unix. A cross build never asks the host's pkg-config.
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND AND (NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR}))
    if(APPLE AND NOT CMAKE_CROSSCOMPILING) # Homebrew's apr is keg-only
      foreach(_apr_keg IN ITEMS /opt/homebrew/opt/apr /usr/local/opt/apr)
        if(EXISTS "${_apr_keg}/lib/pkgconfig/apr-1.pc")
          list(APPEND CMAKE_PREFIX_PATH "${_apr_keg}")
        endif()
      endforeach()
    endif()
    pkg_check_modules(PC_APR QUIET IMPORTED_TARGET GLOBAL apr-1)
    if(PC_APR_FOUND)
      set(APR_PC_MODULE apr-1)
      if(NOT _apr_target)
        set(_apr_target PkgConfig::PC_APR)
        set(APR_VERSION "${PC_APR_VERSION}")
      endif()
    endif()
  endif()

  if(_apr_target)
    add_library(APR::APR INTERFACE IMPORTED GLOBAL)
    target_link_libraries(APR::APR INTERFACE ${_apr_target})
    get_target_property(_apr_imported ${_apr_target} IMPORTED)
    get_target_property(_apr_global ${_apr_target} IMPORTED_GLOBAL)
    if(_apr_imported AND NOT _apr_global)
      set_target_properties(${_apr_target} PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
  else() # last: apr-1-config and a plain search
    set(_apr_inc)
    set(_apr_def)
    if(NOT CMAKE_CROSSCOMPILING)
      find_program(APR_CONFIG_EXECUTABLE NAMES apr-1-config apr-config)
    endif()
    if(APR_CONFIG_EXECUTABLE)
      execute_process(COMMAND "${APR_CONFIG_EXECUTABLE}" --version
        OUTPUT_VARIABLE APR_VERSION OUTPUT_STRIP_TRAILING_WHITESPACE)
      execute_process(COMMAND "${APR_CONFIG_EXECUTABLE}" --includedir
        OUTPUT_VARIABLE _apr_inc OUTPUT_STRIP_TRAILING_WHITESPACE)
      execute_process(COMMAND "${APR_CONFIG_EXECUTABLE}" --cppflags
        OUTPUT_VARIABLE _apr_def OUTPUT_STRIP_TRAILING_WHITESPACE)
      separate_arguments(_apr_def)
    endif()
    find_path(APR_INCLUDE_DIR apr.h HINTS ${_apr_inc} PATH_SUFFIXES apr-1 apr-1.0)
    find_library(APR_LIBRARY NAMES apr-1 libapr-1)
    if(APR_INCLUDE_DIR AND APR_LIBRARY)
      if(NOT APR_VERSION AND EXISTS "${APR_INCLUDE_DIR}/apr_version.h")
        file(READ "${APR_INCLUDE_DIR}/apr_version.h" _apr_text)
        set(APR_VERSION)
        foreach(_apr_part IN ITEMS MAJOR MINOR PATCH)
          if(_apr_text MATCHES "#define APR_${_apr_part}_VERSION[ \t]+([0-9]+)")
            list(APPEND APR_VERSION ${CMAKE_MATCH_1})
          endif()
        endforeach()
        list(JOIN APR_VERSION "." APR_VERSION)
      endif()
      add_library(APR::APR UNKNOWN IMPORTED GLOBAL)
      set_target_properties(APR::APR PROPERTIES
        IMPORTED_LOCATION "${APR_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${APR_INCLUDE_DIR}"
        INTERFACE_COMPILE_OPTIONS "${_apr_def}")
      if(WIN32)
        # The import library belongs to a DLL; an archive has no dllimport in its header's world.
        if(MINGW AND APR_LIBRARY MATCHES "\\.a$" AND NOT APR_LIBRARY MATCHES "\\.dll\\.a$")
          set_target_properties(APR::APR PROPERTIES INTERFACE_COMPILE_DEFINITIONS APR_DECLARE_STATIC)
        endif()
        set_target_properties(APR::APR PROPERTIES
          INTERFACE_LINK_LIBRARIES "ws2_32;mswsock;rpcrt4;iphlpapi;advapi32;shell32")
      endif()
      set(_apr_target APR::APR)
    endif()
  endif()
endif()

if(APR_VERSION VERSION_GREATER_EQUAL 2) # 2.0 is another library with the same name
  set(_apr_target)
endif()
find_package_handle_standard_args(APR REQUIRED_VARS _apr_target VERSION_VAR APR_VERSION)
