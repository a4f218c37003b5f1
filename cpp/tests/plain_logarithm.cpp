// Functions that are inlined where they are used and that no table of kernels lists, the logarithm of prices and the inverse root: for tests/test_accuracy.py, compiled with the flags of a level.
#include <cstddef>
#include <cstdint>

#define HC_INLINE static inline
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define HC_HAS_FMA 1
#else
#define HC_HAS_FMA 0
#endif

namespace {
#include "math/coefficients.inl"
#include "math/arithmetic.inl"
#include "math/functions.inl"
}  // namespace

extern "C" void plain_log_ratio(const double* a, const double* b, double* y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = plain_logarithm_of_ratio(a[i], b[i]);
}

extern "C" void inverse_roots(const double* x, double* y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = inverse_root(x[i]);
}
