# The process: settings, objects, run, drain, exit.
add_executable(herald_gateway
  log.cc log.h
  main.cc
  options.cc options.h)
set_target_properties(herald_gateway PROPERTIES OUTPUT_NAME herald-gateway)
target_link_libraries(herald_gateway
  PRIVATE herald::gateway_net herald::gateway_link herald::defaults absl::flags
    absl::flags_parse spdlog::spdlog)
install(TARGETS herald_gateway)
