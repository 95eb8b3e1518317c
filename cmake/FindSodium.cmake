# FindSodium: libsodium under every name that packages give it, as the target
# Sodium::Sodium. Sets SODIUM_PC_MODULE to the name of its pkg-config module where
# there is one. Not needed on macOS and Windows, which have what we take from it.
# Installed beside broodConfig.cmake.

include(FindPackageHandleStandardArgs)

set(_sodium_target)
if(TARGET Sodium::Sodium)
  set(_sodium_target Sodium::Sodium)
else()
  foreach(_sodium_package IN ITEMS unofficial-sodium libsodium) # vcpkg, conan
    if(NOT _sodium_target)
      find_package(${_sodium_package} CONFIG QUIET)
      foreach(_sodium_name IN ITEMS unofficial-sodium::sodium libsodium::libsodium)
        if(NOT _sodium_target AND TARGET ${_sodium_name})
          set(_sodium_target ${_sodium_name})
          set(Sodium_VERSION "${${_sodium_package}_VERSION}")
        endif()
      endforeach()
    endif()
  endforeach()

  # A cross build never asks the host's pkg-config.
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND AND (NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR}))
    pkg_check_modules(PC_SODIUM QUIET IMPORTED_TARGET GLOBAL libsodium)
    if(PC_SODIUM_FOUND)
      set(SODIUM_PC_MODULE libsodium)
      if(NOT _sodium_target)
        set(_sodium_target PkgConfig::PC_SODIUM)
        set(Sodium_VERSION "${PC_SODIUM_VERSION}")
      endif()
    endif()
  endif()

  if(_sodium_target)
    add_library(Sodium::Sodium INTERFACE IMPORTED GLOBAL)
    target_link_libraries(Sodium::Sodium INTERFACE ${_sodium_target})
    get_target_property(_sodium_imported ${_sodium_target} IMPORTED)
    get_target_property(_sodium_global ${_sodium_target} IMPORTED_GLOBAL)
    if(_sodium_imported AND NOT _sodium_global)
      set_target_properties(${_sodium_target} PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
  else()
    find_path(SODIUM_INCLUDE_DIR sodium.h)
    find_library(SODIUM_LIBRARY NAMES sodium libsodium)
    if(SODIUM_INCLUDE_DIR AND SODIUM_LIBRARY)
      add_library(Sodium::Sodium UNKNOWN IMPORTED GLOBAL)
      set_target_properties(Sodium::Sodium PROPERTIES
        IMPORTED_LOCATION "${SODIUM_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${SODIUM_INCLUDE_DIR}")
      set(_sodium_target Sodium::Sodium)
    endif()
  endif()
endif()

find_package_handle_standard_args(Sodium REQUIRED_VARS _sodium_target VERSION_VAR Sodium_VERSION)
