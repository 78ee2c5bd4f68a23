# Options of every target of ours. Linked PRIVATE, so no user inherits it.
add_library(herald_defaults INTERFACE)
add_library(herald::defaults ALIAS herald_defaults)

target_compile_features(herald_defaults INTERFACE cxx_std_20)
target_include_directories(herald_defaults INTERFACE "${PROJECT_SOURCE_DIR}")
target_compile_definitions(herald_defaults INTERFACE
  HERALD_VERSION="${PROJECT_VERSION}")
target_compile_options(herald_defaults INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  # Clang's -Wconversion includes -Wsign-conversion, GCC's does not.
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety;-Wno-sign-conversion>
  $<$<BOOL:${HERALD_WERROR}>:-Werror>)

if(HERALD_SANITIZE)
  target_compile_options(herald_defaults INTERFACE
    -fsanitize=${HERALD_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(herald_defaults INTERFACE -fsanitize=${HERALD_SANITIZE})
  if(HERALD_SANITIZE MATCHES "undefined" AND NOT HERALD_FUZZ)
    # Two fifths of the time to compile. ASan finds null pointers and
    # accesses out of bounds by itself; the fuzz targets have all checks.
    target_compile_options(herald_defaults INTERFACE
      -fno-sanitize=null,alignment,object-size)
  endif()
  if(HERALD_SANITIZE MATCHES "thread")
    # ThreadSanitizer does not understand fences. Asio orders the same accesses
    # by its mutexes, too.
    target_compile_definitions(herald_defaults INTERFACE
      BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()

# libFuzzer steers by the branches that an input takes (cmake/FuzzTarget.cmake).
# A finding of a sanitizer ends the run, so that the input is kept.
set(HERALD_FUZZ_OPTIONS -fsanitize=fuzzer-no-link -fno-sanitize-recover=all)
if(HERALD_FUZZ)
  target_compile_options(herald_defaults INTERFACE ${HERALD_FUZZ_OPTIONS})
endif()
