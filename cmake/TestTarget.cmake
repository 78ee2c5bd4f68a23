include(GoogleTest)

# What only tests are compiled with. It is the code under test that is shipped
# and that has to be free of undefined behaviour; a third to a half of the time
# that a test takes to compile is spent on optimizing and checking the test.
add_library(herald_test_defaults INTERFACE)
target_compile_options(herald_test_defaults INTERFACE
  $<$<CONFIG:RelWithDebInfo>:-O1;-g1>)
if(HERALD_SANITIZE MATCHES "undefined")
  target_compile_options(herald_test_defaults INTERFACE
    -fno-sanitize=undefined)
endif()

# herald_test(hub_test.cc [GRPC] [SERIAL] [TIMEOUT seconds] LIBS herald::...
#   [VARIANT name DEFINITIONS ...])
# One file, one executable, one CTest entry for each TEST in it. GRPC says that
# the test runs gRPC code, which ThreadSanitizer cannot see through: such tests
# are left out of a thread-sanitized build. SERIAL: nothing runs beside it, for
# it takes the whole machine. VARIANT: the same file once more, compiled with
# DEFINITIONS, in programs as they are shipped only.
function(herald_test source)
  cmake_parse_arguments(PARSE_ARGV 1 arg "GRPC;SERIAL" "TIMEOUT;VARIANT"
    "LIBS;LABELS;DEFINITIONS")
  if(arg_GRPC AND HERALD_SANITIZE MATCHES "thread")
    return()
  endif()
  if(arg_VARIANT AND HERALD_SANITIZE)
    return()
  endif()
  file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}/tests"
    "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
  if(arg_VARIANT)
    string(APPEND path " (${arg_VARIANT})")
  endif()
  string(MAKE_C_IDENTIFIER "${path}" name)
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set(serial FALSE)
  if(arg_SERIAL)
    set(serial TRUE)
  endif()
  add_executable(${name} ${source})
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  target_compile_definitions(${name} PRIVATE ${arg_DEFINITIONS})
  target_link_libraries(${name}
    PRIVATE ${arg_LIBS} herald::defaults herald_test_defaults GTest::gmock_main)
  gtest_discover_tests(${name} TEST_PREFIX "${path}: "
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${arg_TIMEOUT} RUN_SERIAL ${serial}
      LABELS "${arg_LABELS}")
endfunction()

# herald_test_again(hub_test.cc variant [TIMEOUT seconds] [LABELS ...]
#   ENVIRONMENT name=value)
# The tests of a program that herald_test() has made, once more in another
# environment.
function(herald_test_again source variant)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT;ENVIRONMENT"
    "LABELS")
  file(RELATIVE_PATH path "${PROJECT_SOURCE_DIR}/tests"
    "${CMAKE_CURRENT_SOURCE_DIR}/${source}")
  string(MAKE_C_IDENTIFIER "${path}" name)
  gtest_discover_tests(${name} TEST_PREFIX "${path} (${variant}): "
    DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${arg_TIMEOUT}
      LABELS "${arg_LABELS}" ENVIRONMENT "${arg_ENVIRONMENT}")
endfunction()
