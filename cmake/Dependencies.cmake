# FindProtobuf and not a config package: Debian 12 ships no protobuf-config.
find_package(Protobuf REQUIRED)
find_package(gRPC CONFIG REQUIRED)  # Its config also finds OpenSSL, c-ares, re2.
find_package(absl CONFIG REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED COMPONENTS headers)
find_package(OpenSSL REQUIRED)
find_package(simdjson CONFIG REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED)
find_package(Threads REQUIRED)
if(HERALD_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()
