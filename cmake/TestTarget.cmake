include(GoogleTest)

# Options of tests only. The code under test is shipped and must be free of
# undefined behaviour, the tests need not be: a third to a half of the time that
# a test takes to compile is spent on optimizing and checking the test.
add_library(herald_test_defaults INTERFACE)
target_compile_options(herald_test_defaults INTERFACE
  $<$<CONFIG:RelWithDebInfo>:-O1;-g1>)
if(HERALD_SANITIZE MATCHES "undefined")
  target_compile_options(herald_test_defaults INTERFACE
    -fno-sanitize=undefined)
endif()

# herald_tests(service_core_tests [GRPC] [SERIAL] [TIMEOUT seconds]
#   [VARIANT name DEFINITIONS ...] [LABELS ...] LIBS herald::... SOURCES ...)
# One program, and one CTest entry for each TEST in it, named by its folder:
# "service/core: Hub.Suite". The presets compile such a program as a few large
# sources (CMAKE_UNITY_BUILD), for reading headers takes most of the time; so
# local names must differ in a program. GRPC: the tests run gRPC code, which
# ThreadSanitizer cannot see through, so a thread-sanitized build leaves them
# out. SERIAL: nothing runs beside them, for they take the whole machine.
# VARIANT: the same sources once more, compiled with DEFINITIONS, in programs as
# they are shipped only. Where nothing is built, there is no target of that
# name.
function(herald_tests program)
  cmake_parse_arguments(PARSE_ARGV 1 arg "GRPC;SERIAL" "TIMEOUT;VARIANT"
    "LIBS;LABELS;DEFINITIONS;SOURCES")
  if(arg_GRPC AND HERALD_SANITIZE MATCHES "thread")
    return()
  endif()
  if(arg_VARIANT AND HERALD_SANITIZE)
    return()
  endif()
  file(RELATIVE_PATH room "${PROJECT_SOURCE_DIR}/tests"
    "${CMAKE_CURRENT_SOURCE_DIR}")
  if(arg_VARIANT)
    string(APPEND room " (${arg_VARIANT})")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  add_executable(${program} ${arg_SOURCES})
  set_target_properties(${program} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  target_compile_definitions(${program} PRIVATE ${arg_DEFINITIONS})
  target_link_libraries(${program}
    PRIVATE ${arg_LIBS} herald::defaults herald_test_defaults GTest::gmock_main)
  gtest_discover_tests(${program} TEST_PREFIX "${room}: "
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${arg_SERIAL}
      LABELS "${arg_LABELS}")
endfunction()

# herald_tests_again(program variant [TIMEOUT seconds] [LABELS ...]
#   ENVIRONMENT name=value)
# The tests of a program that herald_tests() has made, once more in another
# environment.
function(herald_tests_again program variant)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT;ENVIRONMENT" "LABELS")
  file(RELATIVE_PATH room "${PROJECT_SOURCE_DIR}/tests"
    "${CMAKE_CURRENT_SOURCE_DIR}")
  gtest_discover_tests(${program} TEST_PREFIX "${room} (${variant}): "
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${arg_TIMEOUT}
      LABELS "${arg_LABELS}" ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()
