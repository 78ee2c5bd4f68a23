# herald_use_archives()
# From here on gRPC, protobuf and abseil are linked from the archives that stand
# beside their shared libraries, and become part of each program: a call into
# them, or from one to the other, takes no detour then (ARCHITECTURE.md, gRPC is
# a part of the programs). All else stays shared, OpenSSL first of all, which is
# mended more often than Herald is built.
function(herald_use_archives)
  get_directory_property(targets IMPORTED_TARGETS)
  list(FILTER targets INCLUDE REGEX "^(gRPC|absl|protobuf)::")
  foreach(target IN LISTS targets)
    get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
    list(TRANSFORM configurations PREPEND "IMPORTED_LOCATION_")
    foreach(property IN ITEMS IMPORTED_LOCATION LISTS configurations)
      get_target_property(location ${target} ${property})
      if(NOT location MATCHES "\\.so[0-9.]*$")
        continue()  # Headers only, or a program.
      endif()
      string(REGEX REPLACE "\\.so[0-9.]*$" ".a" archive "${location}")
      if(NOT EXISTS "${archive}")
        message(FATAL_ERROR
          "${archive} is missing: install it, or set HERALD_ARCHIVES to OFF")
      endif()
      set_target_properties(${target} PROPERTIES ${property} "${archive}")
    endforeach()
  endforeach()
  # On Debian 13 gRPC finds re2 by pkg-config, which names abseil's shared
  # libraries as well. libre2.so loads those that it needs.
  if(TARGET re2::re2)
    get_target_property(libraries re2::re2 INTERFACE_LINK_LIBRARIES)
    list(FILTER libraries EXCLUDE REGEX "^-labsl_|NOTFOUND$")
    set_target_properties(re2::re2
      PROPERTIES INTERFACE_LINK_LIBRARIES "${libraries}")
  endif()
endfunction()
