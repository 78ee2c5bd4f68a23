# The process around the cores and rims: settings, metrics, log lines.
add_library(herald_gateway_process STATIC
  process/metrics.cc process/metrics.h
  process/options.cc process/options.h
  process/process_observer.cc process/process_observer.h
  process/spell.h)
add_library(herald::gateway_process ALIAS herald_gateway_process)
target_link_libraries(herald_gateway_process
  PUBLIC herald::gateway_net herald::process herald::settings
  PRIVATE herald::defaults prometheus-cpp::core)

# Wires the objects, runs, drains and exits. main.cc names the dialects.
add_library(herald_gateway_program STATIC program.cc program.h)
add_library(herald::gateway_program ALIAS herald_gateway_program)
target_link_libraries(herald_gateway_program
  PUBLIC herald::gateway_process
  PRIVATE herald::gateway_http herald::gateway_link herald::process herald::settings
    herald::defaults)

add_executable(herald_gateway main.cc)
set_target_properties(herald_gateway PROPERTIES OUTPUT_NAME herald-gateway)
target_link_libraries(herald_gateway
  PRIVATE herald::gateway_program herald::gateway_native herald::defaults)
install(TARGETS herald_gateway)
