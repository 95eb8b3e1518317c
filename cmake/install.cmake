# Install rules: components Runtime and Development, a config package, brood.pc.

include(CMakePackageConfigHelpers)
set(brood_config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/brood")

# Where it is installed, brood-worker finds a shared library by the way from one to the other.
if(BUILD_SHARED_LIBS AND NOT WIN32)
  file(RELATIVE_PATH bin_to_lib "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
  set(origin "$ORIGIN")
  if(APPLE)
    set(origin "@loader_path")
  endif()
  set_target_properties(brood_worker PROPERTIES INSTALL_RPATH "${origin}/${bin_to_lib}")
endif()

install(TARGETS brood brood_worker EXPORT broodTargets
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT Runtime
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT Runtime
    NAMELINK_COMPONENT Development
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT Development)
install(DIRECTORY include/brood DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT Development FILES_MATCHING PATTERN "*.h")
install(FILES LICENSE DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/brood" COMPONENT Runtime)

install(EXPORT broodTargets NAMESPACE brood:: DESTINATION "${brood_config_dir}"
  COMPONENT Development)
configure_package_config_file(cmake/broodConfig.cmake.in
  "${PROJECT_BINARY_DIR}/broodConfig.cmake" INSTALL_DESTINATION "${brood_config_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/broodConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion) # 0.x promises nothing across minor versions
install(FILES
  "${PROJECT_BINARY_DIR}/broodConfig.cmake"
  "${PROJECT_BINARY_DIR}/broodConfigVersion.cmake"
  cmake/FindAPR.cmake
  cmake/FindMsgpackC.cmake
  cmake/FindSodium.cmake
  DESTINATION "${brood_config_dir}" COMPONENT Development)

# brood.pc finds its prefix from where it stands, so the tree can be moved.
file(RELATIVE_PATH pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
set(pc_requires_private)
set(pc_libs_private)
set(dependencies "APR_PC_MODULE apr-1" "MSGPACKC_PC_MODULE msgpackc")
if(TARGET Sodium::Sodium)
  list(APPEND dependencies "SODIUM_PC_MODULE sodium")
endif()
foreach(dependency IN LISTS dependencies)
  separate_arguments(dependency)
  list(GET dependency 0 module)
  list(GET dependency 1 library)
  if(${module})
    list(APPEND pc_requires_private ${${module}})
  else()
    list(APPEND pc_libs_private -l${library})
  endif()
endforeach()
foreach(library IN LISTS BROOD_SYSTEM_LIBS)
  list(APPEND pc_libs_private -l${library})
endforeach()
if(NOT WIN32)
  list(APPEND pc_libs_private -pthread)
endif()
list(JOIN pc_requires_private " " pc_requires_private)
list(JOIN pc_libs_private " " pc_libs_private)
set(pc_cflags)
if(NOT BUILD_SHARED_LIBS)
  set(pc_cflags "-DBROOD_STATIC")
endif()
set(pc_ldflags)
if(BROOD_HAS_BUILD_ID)
  set(pc_ldflags "-Wl,--build-id")
endif()
if(MINGW AND NOT BUILD_SHARED_LIBS)
  list(APPEND pc_ldflags -static-libgcc)
  list(JOIN pc_ldflags " " pc_ldflags)
endif()
configure_file(cmake/brood.pc.in "${PROJECT_BINARY_DIR}/brood.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/brood.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT Development)
