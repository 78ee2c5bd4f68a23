# The process: settings, objects, run, drain, exit.
add_executable(herald_gateway
  main.cc
  options.cc options.h)
set_target_properties(herald_gateway PROPERTIES OUTPUT_NAME herald-gateway)
target_link_libraries(herald_gateway
  PRIVATE herald::gateway_net herald::gateway_link herald::process
    herald::settings herald::defaults)
install(TARGETS herald_gateway)
