# FindCUnit: CUnit 2.1 under every name that packages give it, as the target
# CUnit::CUnit. Only the tests need it.

include(FindPackageHandleStandardArgs)

set(_cunit_target)
if(TARGET CUnit::CUnit)
  set(_cunit_target CUnit::CUnit)
else()
  find_package(unofficial-cunit CONFIG QUIET) # vcpkg
  find_package(cunit CONFIG QUIET)            # conan
  foreach(_cunit_name IN ITEMS unofficial::cunit::cunit cunit::cunit)
    if(NOT _cunit_target AND TARGET ${_cunit_name})
      set(_cunit_target ${_cunit_name})
    endif()
  endforeach()

  # A cross build never asks the host's pkg-config.
  find_package(PkgConfig QUIET)
  if(NOT _cunit_target AND PkgConfig_FOUND
      AND (NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR}))
    pkg_check_modules(PC_CUNIT QUIET IMPORTED_TARGET GLOBAL cunit)
    if(PC_CUNIT_FOUND)
      set(_cunit_target PkgConfig::PC_CUNIT)
      set(CUnit_VERSION "${PC_CUNIT_VERSION}")
    endif()
  endif()

  if(_cunit_target)
    add_library(CUnit::CUnit INTERFACE IMPORTED GLOBAL)
    target_link_libraries(CUnit::CUnit INTERFACE ${_cunit_target})
    get_target_property(_cunit_imported ${_cunit_target} IMPORTED)
    get_target_property(_cunit_global ${_cunit_target} IMPORTED_GLOBAL)
    if(_cunit_imported AND NOT _cunit_global)
      set_target_properties(${_cunit_target} PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
  else()
    find_path(CUNIT_INCLUDE_DIR CUnit/CUnit.h)
    find_library(CUNIT_LIBRARY NAMES cunit libcunit)
    if(CUNIT_INCLUDE_DIR AND CUNIT_LIBRARY)
      add_library(CUnit::CUnit UNKNOWN IMPORTED GLOBAL)
      set_target_properties(CUnit::CUnit PROPERTIES
        IMPORTED_LOCATION "${CUNIT_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${CUNIT_INCLUDE_DIR}")
      set(_cunit_target CUnit::CUnit)
    endif()
  endif()
endif()

find_package_handle_standard_args(CUnit REQUIRED_VARS _cunit_target VERSION_VAR CUnit_VERSION)
