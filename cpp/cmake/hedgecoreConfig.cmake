# find_package(hedgecore): the target hedgecore::core, and hedgecore::c where the shared C library was built.
#
# Where the library was installed by CMake it is imported. From a Python wheel it is built out of the sources that the wheel carries, by the
# compiler and the standard library of the project that asks: C++ libraries of different ones do not link.
include(CMakeFindDependencyMacro)
find_dependency(Threads)

# The library is C++ inside: programs in C link it by the C++ compiler.
get_property(_hedgecore_languages GLOBAL PROPERTY ENABLED_LANGUAGES)
if(NOT "CXX" IN_LIST _hedgecore_languages)
  enable_language(CXX)
endif()

if(NOT TARGET hedgecore::core)
  if(EXISTS "${CMAKE_CURRENT_LIST_DIR}/hedgecoreTargets.cmake")
    include("${CMAKE_CURRENT_LIST_DIR}/hedgecoreTargets.cmake")
  else()
    add_subdirectory("${CMAKE_CURRENT_LIST_DIR}/../.." "${CMAKE_BINARY_DIR}/_hedgecore" EXCLUDE_FROM_ALL)
  endif()
endif()

foreach(_hedgecore_component IN LISTS hedgecore_FIND_COMPONENTS)
  if(TARGET hedgecore::${_hedgecore_component})
    set(hedgecore_${_hedgecore_component}_FOUND TRUE)
  elseif(hedgecore_FIND_REQUIRED_${_hedgecore_component})
    set(hedgecore_FOUND FALSE)
    set(hedgecore_NOT_FOUND_MESSAGE "hedgecore has no component '${_hedgecore_component}' here: core, and c with HEDGECORE_C_LIBRARY")
  endif()
endforeach()
unset(_hedgecore_component)
unset(_hedgecore_languages)
