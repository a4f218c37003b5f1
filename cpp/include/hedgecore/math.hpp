// Vector maths: y[i] = f(x[i]) for n values at the level of instruction sets in use. x and y may be the same array.
// Accuracy of each function: src/math/functions.inl, docs/numerics.md.
#pragma once

#include <cstddef>

#include "hedgecore/version.hpp"

namespace hedgecore::math {

void exp(const double* x, double* y, std::size_t n);
void log(const double* x, double* y, std::size_t n);
void log_ratio(const double* a, const double* b, double* y, std::size_t n);  // ln(a / b), a, b > 0
void normal_pdf(const double* x, double* y, std::size_t n);
void normal_cdf(const double* x, double* y, std::size_t n);
void normal_quantile(const double* p, double* y, std::size_t n);

}  // namespace hedgecore::math
