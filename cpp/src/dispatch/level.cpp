// One level of instruction sets. CMake compiles this file once per level with HC_LEVEL naming the level and the
// flags of that level; nothing but the table has external linkage, so no code of a level can leak into another.
#include "dispatch/kernels.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#define HC_INLINE __attribute__((always_inline)) static inline
#define HC_PRAGMA(text) _Pragma(#text)
#if defined(__clang__)
#define HC_INDEPENDENT HC_PRAGMA(clang loop vectorize(assume_safety))
#else
#define HC_INDEPENDENT HC_PRAGMA(GCC ivdep)
#endif
// A loop whose iterations are independent: the arrays of a block and the outputs never overlap.
#define HC_EACH(i, n) HC_INDEPENDENT for (std::size_t i = 0; i < (n); ++i)

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define HC_HAS_FMA 1
#else
#define HC_HAS_FMA 0
#endif

namespace hedgecore::HC_LEVEL {
namespace {

#include "math/coefficients.inl"
#include "math/arithmetic.inl"
#include "math/functions.inl"
#include "pricing/legs.inl"
#include "pricing/mills.inl"
#include "pricing/black.inl"
#include "pricing/greeks.inl"
#include "pricing/digital.inl"
#include "pricing/bachelier.inl"
#include "pricing/implied_vol.inl"
#include "pricing/implied_normal_vol.inl"
#include "surface/svi.inl"
#include "surface/sabr.inl"
#include "surface/surface.inl"
#include "risk/scenarios.inl"
#include "math/random.inl"
#include "paths/diffusion.inl"
#include "paths/resample.inl"
#include "paths/paths.inl"
#include "hedging/position_greeks.inl"
#include "hedging/ratios.inl"
#include "hedging/attribution.inl"
#include "hedging/policies.inl"
#include "hedging/events.inl"
#include "hedging/impact.inl"
#include "hedging/fills.inl"
#include "hedging/execution.inl"
#include "hedging/hedging.inl"

#define HC_MAP(name, function)                                        \
    void name(const double* x, double* y, std::size_t n) {            \
        HC_EACH(i, n) y[i] = function(x[i]);                          \
    }
HC_MAP(map_exp, exponential)
HC_MAP(map_log, logarithm)
HC_MAP(map_pdf, normal_density)
HC_MAP(map_cdf, normal_distribution)
HC_MAP(map_quantile, normal_quantile)
#undef HC_MAP

void map_log_ratio(const double* a, const double* b, double* y, std::size_t n) {
    HC_EACH(i, n) y[i] = logarithm_of_ratio(a[i], b[i]);
}

// Sums carry from one turn to the next, which compilers do not vectorise by themselves: eight at once, said in so many words, in
// vectors as wide as the level has (gcc keeps wider ones in memory).
#if defined(__AVX512F__)
typedef double Vector __attribute__((vector_size(64)));
#elif defined(__AVX__)
typedef double Vector __attribute__((vector_size(32)));
#else
typedef double Vector __attribute__((vector_size(16)));
#endif

double dot(const double* w, const double* x, std::size_t n) {
    constexpr std::size_t width = sizeof(Vector) / sizeof(double), vectors = 8 / width;
    Vector sums[vectors] = {};
    std::size_t i = 0;
    for (; i + 8 <= n; i += 8) {
#pragma GCC unroll 8
        for (std::size_t v = 0; v < vectors; ++v) {
            Vector weights, values;
            __builtin_memcpy(&weights, w + i + v * width, sizeof weights);
            __builtin_memcpy(&values, x + i + v * width, sizeof values);
            sums[v] += weights * values;
        }
    }
    double part[8];
    __builtin_memcpy(part, sums, sizeof part);
    for (std::size_t j = 0; i < n; ++i, ++j) part[j] += w[i] * x[i];
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}

bool widen(const std::int8_t* x, double* y, std::size_t n) {
    std::uint8_t odd = 0;
    HC_EACH(i, n) odd |= std::uint8_t(x[i] + 1) & 0xfd;  // 0 for +1 and -1 alone
    HC_EACH(i, n) y[i] = x[i];
    return odd == 0;
}

}  // namespace

#define HC_STRING_OF(x) #x
#define HC_STRING(x) HC_STRING_OF(x)

extern const Kernels table;
constinit const Kernels table = {
    HC_STRING(HC_LEVEL),
    map_exp, map_log, map_log_ratio, map_pdf, map_cdf, map_quantile,
    {
        black_prepare,
        {
            {
                linear_greeks::price, linear_greeks::delta, linear_greeks::gamma, linear_greeks::vega,
                linear_greeks::theta, linear_greeks::rho, linear_greeks::phi, linear_greeks::vanna, linear_greeks::volga,
                linear_greeks::charm, linear_greeks::veta, linear_greeks::speed, linear_greeks::zomma,
                linear_greeks::color, linear_greeks::ultima, linear_greeks::dual_delta, linear_greeks::dual_gamma,
                nullptr, nullptr,
            },
            {
                inverse_greeks::price, inverse_greeks::delta, inverse_greeks::gamma, inverse_greeks::vega,
                inverse_greeks::theta, inverse_greeks::rho, inverse_greeks::phi, inverse_greeks::vanna,
                inverse_greeks::volga, inverse_greeks::charm, inverse_greeks::veta, inverse_greeks::speed,
                inverse_greeks::zomma, inverse_greeks::color, inverse_greeks::ultima, inverse_greeks::dual_delta,
                inverse_greeks::dual_gamma, linear_greeks::delta, linear_greeks::gamma,  // black_delta, black_gamma
            },
        },
    },
    bachelier_form,
    digital_form<false>,
    digital_form<true>,
    implied_vol,
    implied_normal_vol,
    scenario_start,
    scenario_time,
    scenario_sheet,
    scenario_node,
    surface_search,
    surface_place,
    {surface_derivatives<false>, surface_derivatives<true>},
    {surface_vol<false>, surface_vol<true>},
    sabr_variance,
    scenario_standardise,
    scenario_slide,
    scenario_smile,
    philox,
    path_numbers,
    path_start,
    path_advance,
    hedge_start,
    hedge_step,
    hedge_own_price,
    hedge_orders,
    hedge_finish,
    dot,
    widen,
};

}  // namespace hedgecore::HC_LEVEL
