# Installs the client into an empty folder and uses it from another project:
#
#   cmake -DBUILD=… -DSOURCE=… -DWORK=… -DPREFIX=… -DCXX=… [-DLAUNCHER=…]
#         [-DFLAGS=…] -P install_test.cmake
#
# The installed files stay in PREFIX for other tests.
function(run)
  execute_process(COMMAND ${ARGV} RESULT_VARIABLE result
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  message("${output}")
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "failed with ${result}: ${ARGV}")
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK}" "${PREFIX}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --component client
  --prefix "${PREFIX}")

run("${CMAKE_COMMAND}" -S "${SOURCE}" -B "${WORK}/build" -G Ninja
  "-DCMAKE_PREFIX_PATH=${PREFIX}" "-DCMAKE_CXX_COMPILER=${CXX}"
  "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" "-DCMAKE_CXX_FLAGS=${FLAGS}")
run("${CMAKE_COMMAND}" --build "${WORK}/build")
run("${WORK}/build/app")

# No installed file names the folder that it was built in.
file(STRINGS "${PREFIX}/lib/cmake/herald/heraldTargets.cmake" found
  REGEX "${BUILD}")
if(found)
  message(FATAL_ERROR "the build folder leaks: ${found}")
endif()
foreach(proto server_message broadcast_service authorizer_service)
  if(NOT EXISTS "${PREFIX}/share/herald/proto/herald/v1/${proto}.proto")
    message(FATAL_ERROR "${proto}.proto is not installed")
  endif()
endforeach()
