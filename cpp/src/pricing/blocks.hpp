// The working set of the pricing kernels: one block of options as contiguous arrays that stay in the L1 cache.
#pragma once

#include <cstddef>

#include "hedgecore/pricing.hpp"

namespace hedgecore {

inline constexpr std::size_t block_size = 128;
using Lane = double[block_size];

// Which inputs describe the discounting.
enum class Form { forward, discounted_forward, spot };

// Below this total vol (vol x sqrt(expiry)) an option under Black is its payoff to every digit unless it is exactly at the money.
inline constexpr double smallest_total_vol = 1e-100;
inline constexpr double largest_growth = 700.0;  // of |rate x expiry|: e^700 is near the largest double

// Discounting of the underlying, U = underlying x underlying_discount, and of the strike, B = strike x strike_discount:
// value = w (U N(w d1) - B N(w d2)). In the forward form both discounts are the discount factor.
struct Legs {
    const double *underlying, *strike, *expiry;
    const double *discount, *rate, *carry;  // those of the form; null where a rate or a carry is zero throughout
    Form form;
    bool wants_rates;  // the forward form derives its rate from the discount only when asked to

    // Derived columns. They are the inputs themselves, or constants, where there is nothing to compute.
    const double *underlying_leg, *strike_leg;            // U, B
    const double *underlying_discount, *strike_discount;  // U / underlying, B / strike
    const double *rate_used, *carry_used;

    alignas(64) Lane moneyness;       // ln(U / B)
    alignas(64) Lane leg_difference;  // U - B
    alignas(64) Lane root_expiry;
    alignas(64) Lane own_legs[2], own_discounts[2], own_rate;  // what the derived columns point at if not elsewhere
};

// The two ends of the range of an option and what their Mills ratios are made of (mills.inl).
struct MillsLanes {
    alignas(64) Lane z1, z2;     // |ln(U / B)| / s -+ s / 2
    alignas(64) Lane y1, y2;     // arguments of the polynomial
    alignas(64) Lane g2, slope;  // its value and its divided difference
};

// What Greeks read of a BlackBlock beside the density; the rest is not computed.
enum Needs : unsigned {
    needs_tails = 1,  // the value and the Mills ratios
    needs_unit_density = 2,  // and 1 / s
    needs_underlying_part = 4 | needs_tails | needs_unit_density,
    needs_strike_part = 8 | needs_tails,
    needs_points = 16,  // d1 and d2
    needs_rates = 32,   // the forward form's own rate
};

// True if all of these are needed.
static inline bool has_need(unsigned needs, unsigned all) { return (needs & all) == all; }

struct BlackBlock : Legs, MillsLanes {
    std::size_t n;
    const double *kind, *vol;
    bool odd_kinds;  // some are neither +1 nor -1
    Settlement settlement;
    unsigned needs;

    alignas(64) Lane total_vol;        // s = vol sqrt(expiry)
    alignas(64) Lane exponent_rest, exponent_bits;  // of the density (exponent_of)
    alignas(64) Lane density;          // E = U n(d1) = B n(d2)
    alignas(64) Lane unit_density;     // E / underlying
    alignas(64) Lane inverse_total_vol;
    alignas(64) Lane ratio1, ratio2;   // Mills ratios at |z1| or z1, and z2
    alignas(64) Lane underlying_part;  // U N(w d1) / underlying
    alignas(64) Lane strike_part;      // B N(w d2)
    alignas(64) Lane d1, d2;
    alignas(64) Lane own_value;
    double* value;  // undivided: in the quote currency; an output or own_value
};

struct ImpliedBlock : Legs, MillsLanes {
    std::size_t n;
    const double *kind, *price;
    bool odd_kinds;
    Settlement settlement;

    alignas(64) Lane scale;         // the smaller leg: the largest value the out-of-the-money option can have
    alignas(64) Lane time_value;    // of the price
    alignas(64) Lane share, rest;   // time_value / scale and what it lacks of 1
    alignas(64) Lane total_vol;
    double* vol;  // the result
};

}  // namespace hedgecore
