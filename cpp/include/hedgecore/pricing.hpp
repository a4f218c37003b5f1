// Prices, Greeks and implied vols of European options, linear and inverse: vanilla ones and digitals under Black-76 and
// Black-Scholes-Merton, vanilla ones under Bachelier's normal model.
//
// Conventions (docs/conventions.md): vol per square-root year as a decimal, expiry in years, Greeks are plain
// derivatives, theta, charm, veta and color are derivatives in calendar time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "hedgecore/parallel.hpp"

namespace hedgecore {

// A column of n values: data[i * stride]. Stride 0 repeats one value; a null column is one that was not given.
template <class T>
struct Column {
    const T* data = nullptr;
    std::ptrdiff_t stride = 0;

    explicit operator bool() const { return data != nullptr; }
    T operator[](std::size_t i) const { return data[static_cast<std::ptrdiff_t>(i) * stride]; }
};

enum class Settlement : std::uint8_t {
    linear,   // premium and payoff in the quote currency
    inverse,  // premium and payoff in the coin: payoff (S - K)+ / S
};

enum class Model : std::uint8_t {
    black,      // lognormal: Black-76, Black-Scholes-Merton
    bachelier,  // normal: vol in units of the quote currency, forward and strike of either sign
};

enum class Payoff : std::uint8_t {
    vanilla,
    cash_or_nothing,   // one unit of the quote currency if in the money
    asset_or_nothing,  // one unit of the underlying if in the money
};

enum class Greek : std::uint8_t {
    price, delta, gamma, vega, theta, rho, phi, vanna, volga, charm, veta, speed, zomma, color, ultima,
    dual_delta, dual_gamma, black_delta, black_gamma,
};
inline constexpr std::size_t greek_count = 19;
inline constexpr std::array<const char*, greek_count> greek_names = {
    "price", "delta", "gamma", "vega",  "theta", "rho",    "phi",        "vanna",      "volga",       "charm",
    "veta",  "speed", "zomma", "color", "ultima", "dual_delta", "dual_gamma", "black_delta", "black_gamma",
};

// n European options. Give either the forward form (forward, optionally discount) or the spot form
// (spot, optionally rate and carry). Kind is +1 for a call, -1 for a put.
struct Options {
    std::size_t n = 0;
    Column<std::int8_t> kind;
    Column<double> strike, expiry, vol;
    Column<double> forward, discount;
    Column<double> spot, rate, carry;
    Settlement settlement = Settlement::linear;
    Model model = Model::black;
    Payoff payoff = Payoff::vanilla;  // digitals have a closed form under Model::black alone
};

// What was wrong with the rows that could not be valued. `row` is the first of them.
struct Faults {
    std::size_t count = 0;
    std::size_t row = 0;
    const char* argument = nullptr;
    double value = 0.0;
    const char* demand = nullptr;  // what the argument has to be
};

// One output per Greek; a null pointer is not computed. Each output holds n values.
using GreekOutputs = std::array<double*, greek_count>;

// Fills the outputs. Rows outside the domain become NaN and are reported. Throws std::invalid_argument for inputs that
// do not fit together.
Faults greeks(const Options& options, const GreekOutputs& outputs, const Execution& execution = {});

enum class Status : std::int8_t { ok, below_intrinsic, above_maximum, invalid_input };

// The vols (options.vol is not read) at which the options are worth `price`; NaN where there is none.
// `status` may be null. Vanilla payoffs only: the value of a digital does not determine the vol.
Faults implied_vol(const Options& options, Column<double> price, double* vol, Status* status,
                   const Execution& execution = {});

}  // namespace hedgecore
