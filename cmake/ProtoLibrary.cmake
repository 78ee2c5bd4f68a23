# herald_proto_library(herald_messages PROTOS herald/v1/a.proto ...)
# herald_proto_library(herald_stubs GRPC PROTOS herald/v1/b_service.proto ...)
#
# Generates C++ from .proto files below this folder: messages, or with GRPC the
# stubs. The generated headers are SYSTEM, so our warnings skip them. The target
# herald_messages_generated compiles nothing, for tools that only read sources.
function(herald_proto_library target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "GRPC" "" "PROTOS")
  set(out "${CMAKE_CURRENT_BINARY_DIR}/generated")
  file(MAKE_DIRECTORY "${out}")
  set(sources)
  foreach(proto IN LISTS arg_PROTOS)
    string(REGEX REPLACE "\\.proto$" "" stem "${proto}")
    if(arg_GRPC)
      set(files "${out}/${stem}.grpc.pb.h" "${out}/${stem}.grpc.pb.cc")
      set(flags "--grpc_out=${out}"
        "--plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>")
    else()
      set(files "${out}/${stem}.pb.h" "${out}/${stem}.pb.cc")
      set(flags "--cpp_out=${out}")
    endif()
    add_custom_command(OUTPUT ${files}
      COMMAND protobuf::protoc ${flags} "-I${CMAKE_CURRENT_SOURCE_DIR}"
        "${CMAKE_CURRENT_SOURCE_DIR}/${proto}"
      DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${proto}"
      COMMENT "Generating from ${proto}" VERBATIM)
    list(APPEND sources ${files})
  endforeach()
  add_custom_target(${target}_generated DEPENDS ${sources})
  add_library(${target} STATIC ${sources})
  # Each generated file has the same local names.
  set_target_properties(${target} PROPERTIES UNITY_BUILD OFF)
  add_dependencies(${target} ${target}_generated)
  target_compile_features(${target} PUBLIC cxx_std_20)
  target_include_directories(${target} SYSTEM PUBLIC
    "$<BUILD_INTERFACE:${out}>" "$<INSTALL_INTERFACE:include>")
  if(HERALD_FUZZ)
    # Steers, but is not checked: neither is the library that it calls.
    target_compile_options(${target} PRIVATE ${HERALD_FUZZ_OPTIONS})
  elseif(HERALD_SANITIZE)
    # UBSan looks for mistakes that a generator has not made, in twice the time.
    target_compile_options(${target} PRIVATE -fsanitize=${HERALD_SANITIZE}
      -fno-sanitize=undefined)
  endif()
endfunction()
