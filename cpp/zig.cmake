# The clang of the wheel `ziglang`, which brings the headers and the C library of every target: for wheels that run on old
# systems and for other platforms. The environment says where it is and for what it compiles:
#   ZIG=$(python -c 'import ziglang, pathlib; print(pathlib.Path(ziglang.__file__).with_name("zig"))')
#   ZIG_TARGET=x86_64-linux-gnu.2.17 cmake -B build/zig --toolchain cpp/zig.cmake
foreach(name ZIG ZIG_TARGET)
  if(NOT DEFINED ENV{${name}})
    message(FATAL_ERROR "cpp/zig.cmake: the environment variable ${name} is not set")
  endif()
endforeach()

string(REGEX MATCH "^([^-]+)-([^-]+)" matched "$ENV{ZIG_TARGET}")
set(CMAKE_SYSTEM_PROCESSOR ${CMAKE_MATCH_1})
set(CMAKE_SYSTEM_NAME ${CMAKE_MATCH_2})
string(REPLACE linux Linux CMAKE_SYSTEM_NAME ${CMAKE_SYSTEM_NAME})
string(REPLACE macos Darwin CMAKE_SYSTEM_NAME ${CMAKE_SYSTEM_NAME})
string(REPLACE windows Windows CMAKE_SYSTEM_NAME ${CMAKE_SYSTEM_NAME})

foreach(language C CXX)
  set(CMAKE_${language}_COMPILER_TARGET $ENV{ZIG_TARGET})
  # the archiver of the machine knows its own objects alone
  set(CMAKE_${language}_ARCHIVE_CREATE "\"$ENV{ZIG}\" ar qc <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_APPEND "\"$ENV{ZIG}\" ar q <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "\"$ENV{ZIG}\" ranlib <TARGET>")
endforeach()
set(CMAKE_C_COMPILER "$ENV{ZIG}" cc)
set(CMAKE_CXX_COMPILER "$ENV{ZIG}" c++)

# Nothing of this machine is looked at but programs; Python and pybind11 are named by those who need them.
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY NEVER)
