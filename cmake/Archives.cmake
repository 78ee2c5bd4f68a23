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
endfunction()
