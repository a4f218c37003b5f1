// The working set of the surface kernels: one block of points, each between two slices of one model.
#pragma once

#include <cstddef>

#include "pricing/blocks.hpp"

namespace hedgecore {

inline constexpr std::size_t slice_width = 5;  // parameters of a slice, of either model

struct SurfaceBlock {
    std::size_t n;

    const double *k, *strike, *forward, *expiry;  // k; or the strike and, unless it is the surface's, the forward

    alignas(64) Lane after;  // which slice follows: 0 to their number

    // The slices on either side of the expiry: twice the same one before the first and after the last.
    alignas(64) Lane near_time, far_time;
    alignas(64) Lane near[slice_width], far[slice_width];
    alignas(64) Lane near_log_forward, far_log_forward;

    alignas(64) Lane own_k;
    alignas(64) Lane near_share, far_share;  // of the slices in w
    alignas(64) Lane near_rate, far_rate;    // of the slices in vol^2

    // w, dw/dk, d2w/dk2, dw/dT; or the vol
    double *variance = nullptr, *slope = nullptr, *curvature = nullptr, *rise = nullptr, *vol = nullptr;
};

}  // namespace hedgecore
