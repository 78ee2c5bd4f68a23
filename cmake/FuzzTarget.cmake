# herald_fuzz(rules_fuzz.cc LIBS herald::...)
# One file with an LLVMFuzzerTestOneInput(), one executable fuzz/rules, one CTest
# entry that runs it for five seconds, with a fixed seed of its random numbers,
# so that a test fails because of a change only. `./dev fuzz` searches for new
# inputs. Both begin with the inputs in corpus/rules; only `./dev fuzz` keeps
# the inputs that it finds beyond them.
function(herald_fuzz source)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "LIBS")
  string(REGEX REPLACE "_fuzz\\.cc$" "" name "${source}")
  add_executable(fuzz_${name} ${source})
  set_target_properties(fuzz_${name} PROPERTIES OUTPUT_NAME ${name}
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/fuzz")
  target_link_libraries(fuzz_${name}
    PRIVATE ${arg_LIBS} herald::defaults herald_test_defaults)
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  herald_fuzz_test(${source} fuzz_${name})
endfunction()

# herald_fuzz_javascript(server_message_fuzz.mjs DEPENDS ...)
# The same for a module, which tests/fuzz/link_javascript.mjs links to the
# library herald_node_fuzzer. DEPENDS are the files that both import.
function(herald_fuzz_javascript source)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  string(REGEX REPLACE "_fuzz\\.mjs$" "" name "${source}")
  set(program "${PROJECT_BINARY_DIR}/fuzz/${name}")
  set(linker "${CMAKE_CURRENT_SOURCE_DIR}/link_javascript.mjs")
  add_custom_command(OUTPUT "${program}"
    COMMAND "${HERALD_NODE}" "${linker}" "${source}"
      "$<TARGET_FILE:herald_node_fuzzer>" "${program}"
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}"
    DEPENDS "${source}" "${linker}" herald_node_fuzzer ${arg_DEPENDS}
    COMMENT "Linking fuzz/${name}" VERBATIM)
  add_custom_target(fuzz_${name} ALL DEPENDS "${program}")
  herald_fuzz_test(${source} "${program}")
endfunction()

# The CTest entry of both.
function(herald_fuzz_test source command)
  string(REGEX REPLACE "_fuzz\\..*" "" name "${source}")
  file(GLOB seeds CONFIGURE_DEPENDS
    "${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name}/*")
  set(seed_option)
  if(seeds)
    list(JOIN seeds "," seeds)
    set(seed_option "-seed_inputs=${seeds}")
  endif()
  set(crashes "${PROJECT_BINARY_DIR}/crashes/${name}")
  file(MAKE_DIRECTORY "${crashes}")
  add_test(NAME "fuzz/${source}"
    COMMAND ${command} -seed=1 -max_total_time=5 -timeout=20
      -rss_limit_mb=2048 "-artifact_prefix=${crashes}/" ${seed_option})
  set_tests_properties("fuzz/${source}" PROPERTIES TIMEOUT 60)
endfunction()
