# FindMsgpackC: msgpack-c, the C library, under every name that packages give it,
# as the target MsgpackC::MsgpackC. Up to version 5 it calls itself msgpack (target
# msgpackc), from 6 on msgpack-c. Sets MSGPACKC_PC_MODULE to the name of its
# pkg-config module where there is one. Installed beside broodConfig.cmake.

include(FindPackageHandleStandardArgs)

set(_msgpack_target)
if(TARGET MsgpackC::MsgpackC)
  set(_msgpack_target MsgpackC::MsgpackC)
else()
  foreach(_msgpack_package IN ITEMS msgpack-c msgpackc msgpack)
    if(NOT _msgpack_target)
      find_package(${_msgpack_package} CONFIG QUIET)
      foreach(_msgpack_name IN ITEMS msgpack-c msgpackc msgpack-c-static msgpackc-static
          msgpack-c::msgpack-c msgpackc::msgpackc)
        if(NOT _msgpack_target AND TARGET ${_msgpack_name})
          set(_msgpack_target ${_msgpack_name})
          set(MsgpackC_VERSION "${${_msgpack_package}_VERSION}")
        endif()
      endforeach()
    endif()
  endforeach()

  # A cross build never asks the host's pkg-config.
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND AND (NOT CMAKE_CROSSCOMPILING OR DEFINED ENV{PKG_CONFIG_LIBDIR}))
    pkg_search_module(PC_MSGPACKC QUIET IMPORTED_TARGET GLOBAL msgpack-c msgpackc msgpack)
    if(PC_MSGPACKC_FOUND)
      set(MSGPACKC_PC_MODULE ${PC_MSGPACKC_MODULE_NAME})
      if(NOT _msgpack_target)
        set(_msgpack_target PkgConfig::PC_MSGPACKC)
        set(MsgpackC_VERSION "${PC_MSGPACKC_VERSION}")
      endif()
    endif()
  endif()

  if(_msgpack_target)
    add_library(MsgpackC::MsgpackC INTERFACE IMPORTED GLOBAL)
    target_link_libraries(MsgpackC::MsgpackC INTERFACE ${_msgpack_target})
    get_target_property(_msgpack_imported ${_msgpack_target} IMPORTED)
    get_target_property(_msgpack_global ${_msgpack_target} IMPORTED_GLOBAL)
    if(_msgpack_imported AND NOT _msgpack_global)
      set_target_properties(${_msgpack_target} PROPERTIES IMPORTED_GLOBAL TRUE)
    endif()
  else()
    find_path(MSGPACKC_INCLUDE_DIR msgpack.h)
    find_library(MSGPACKC_LIBRARY NAMES msgpack-c msgpackc)
    if(MSGPACKC_INCLUDE_DIR AND MSGPACKC_LIBRARY)
      add_library(MsgpackC::MsgpackC UNKNOWN IMPORTED GLOBAL)
      set_target_properties(MsgpackC::MsgpackC PROPERTIES
        IMPORTED_LOCATION "${MSGPACKC_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${MSGPACKC_INCLUDE_DIR}")
      set(_msgpack_target MsgpackC::MsgpackC)
    endif()
  endif()
endif()

find_package_handle_standard_args(MsgpackC REQUIRED_VARS _msgpack_target VERSION_VAR MsgpackC_VERSION)
