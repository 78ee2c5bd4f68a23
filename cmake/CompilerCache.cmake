# Compiles through ccache where it is installed. The presets set its options, so
# that checkouts in different folders share their compiled objects.
find_program(HERALD_CCACHE ccache)
if(HERALD_CCACHE AND NOT DEFINED CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ccache)
endif()
