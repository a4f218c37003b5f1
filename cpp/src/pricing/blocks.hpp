// The working set of the pricing kernels: one block of options as contiguous arrays that stay in the L1 cache.
#pragma once

#include <cstddef>

#include "hedgecore/pricing.hpp"

namespace hedgecore {

inline constexpr std::size_t block_size = 128;
using Lane = double[block_size];

// Which inputs describe the discounting.
enum class Form { forward, discounted_forward, spot };

// Below this total vol (vol x sqrt(expiry)) an option is its payoff to every digit unless it is exactly at the money.
inline constexpr double smallest_total_vol = 1e-100;
inline constexpr double largest_growth = 700.0;  // of |rate x expiry|: e^700 is near the largest double

// Discounting of the underlying, U = underlying x underlying_discount, and of the strike, B = strike x strike_discount:
// value = w (U N(w d1) - B N(w d2)). In the forward form both discounts are the discount factor.
struct Legs {
    const double *underlying, *strike, *expiry;
    const double *discount, *rate, *carry;  // those of the form
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

struct BlackBlock : Legs {
    std::size_t n;
    const double *kind, *vol;
    Settlement settlement;

    alignas(64) Lane total_vol;        // s = vol sqrt(expiry)
    alignas(64) Lane d1, d2;           // until the last pass z1, z2 of black.inl
    alignas(64) Lane density;          // U n(d1) = B n(d2)
    alignas(64) Lane underlying_part;  // U N(w d1)
    alignas(64) Lane strike_part;      // B N(w d2)
    alignas(64) Lane value;            // undivided: in the quote currency
};

struct ImpliedBlock : Legs {
    std::size_t n;
    const double *kind, *price;
    Settlement settlement;

    alignas(64) Lane scale;         // the smaller leg: the largest value the out-of-the-money option can have
    alignas(64) Lane time_value;    // of the price
    alignas(64) Lane share, rest;   // time_value / scale and what it lacks of 1
    alignas(64) Lane total_vol;
    alignas(64) Lane vol;           // the result
};

}  // namespace hedgecore
