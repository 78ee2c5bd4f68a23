# `cmake --install build --component client` puts everything there that
# find_package(herald CONFIG REQUIRED) and herald::client need elsewhere.
include(CMakePackageConfigHelpers)

# herald::defaults are the flags of this repository only.
get_target_property(links herald_contract INTERFACE_LINK_LIBRARIES)
list(TRANSFORM links REPLACE "^\\$<LINK_ONLY:herald::defaults>$"
  "$<LINK_ONLY:$<BUILD_INTERFACE:herald::defaults>>")
set_target_properties(herald_contract PROPERTIES
  INTERFACE_LINK_LIBRARIES "${links}")

foreach(name client contract messages sockets stubs)
  set_target_properties(herald_${name} PROPERTIES EXPORT_NAME ${name})
endforeach()

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/herald")
install(TARGETS herald_client herald_contract herald_messages herald_sockets
  herald_stubs
  EXPORT heraldTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client)
install(EXPORT heraldTargets NAMESPACE herald::
  DESTINATION "${package_dir}" COMPONENT client)

configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/heraldConfig.cmake.in"
  "${CMAKE_CURRENT_BINARY_DIR}/heraldConfig.cmake"
  INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file(
  "${CMAKE_CURRENT_BINARY_DIR}/heraldConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES
  "${CMAKE_CURRENT_BINARY_DIR}/heraldConfig.cmake"
  "${CMAKE_CURRENT_BINARY_DIR}/heraldConfigVersion.cmake"
  DESTINATION "${package_dir}" COMPONENT client)

# Headers: the library's, the generated ones, the contract's.
install(DIRECTORY include/herald
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT client)
install(DIRECTORY "$<TARGET_PROPERTY:herald_messages,BINARY_DIR>/generated/herald/v1"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/herald" COMPONENT client
  FILES_MATCHING PATTERN "*.pb.h")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/proto/contract"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/proto" COMPONENT client
  FILES_MATCHING PATTERN "*.h")

# The contract itself, for other languages.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/proto/herald/v1"
  DESTINATION "${CMAKE_INSTALL_DATADIR}/herald/proto/herald" COMPONENT client
  FILES_MATCHING PATTERN "*.proto")
