#pragma once

#include "hedgecore/surface.hpp"

namespace hedgecore::surface {

// Fit one slice without butterfly arbitrage, between an earlier and a later one (null: none), from `start` or, without one,
// from several. The neighbours must be free of calendar arbitrage between themselves.
Ssvi fit_ssvi(const SmileQuotes& quotes, const Ssvi* before, const Ssvi* after, const Ssvi* start);

}  // namespace hedgecore::surface
