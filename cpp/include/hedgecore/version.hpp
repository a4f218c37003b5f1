// The version: the one source for C++, C, CMake and Python. Every public header includes this one.
#pragma once

#define HEDGECORE_VERSION "0.1.0"

// Of the C++ interface. It grows when a function or a structure of a public header changes, be it by a member at the end: a program is
// compiled against the headers that belong to its library. Others do not link: "undefined reference to hedgecore::library_has_api_1".
#define HEDGECORE_API_VERSION 1

#define HEDGECORE_JOIN_NAMES(a, b) a##b
#define HEDGECORE_JOIN(a, b) HEDGECORE_JOIN_NAMES(a, b)
#define HEDGECORE_API_SYMBOL HEDGECORE_JOIN(library_has_api_, HEDGECORE_API_VERSION)

namespace hedgecore {

extern const int HEDGECORE_API_SYMBOL;

#ifndef HC_LEVEL  // objects of a level refer to nothing
namespace {
[[gnu::used]] const int* const library_asked_for = &HEDGECORE_API_SYMBOL;
}
#endif

}  // namespace hedgecore
