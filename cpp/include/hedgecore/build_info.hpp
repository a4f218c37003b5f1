// What was built and what is in use.
#pragma once

#include <string>
#include <vector>

#include "hedgecore/version.hpp"

namespace hedgecore {

std::string version();
std::string compiler();
std::vector<std::string> compiled_levels();   // levels of instruction sets in this binary, lowest first
std::vector<std::string> available_levels();  // those of them that this machine can run
// The level in use: the highest available one, lowered by HEDGECORE_ISA. A name that is unknown or not available is
// std::invalid_argument.
std::string active_level();

}  // namespace hedgecore
