// Vol surfaces in total variance w = vol^2 T over log-moneyness k = ln(strike / forward): their values, and fits of smiles.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hedgecore/pricing.hpp"

namespace hedgecore {

// --- values --------------------------------------------------------------------------------------------------------

enum class SmileModel : std::uint8_t {
    svi,   // (a, b, rho, m, sigma), as Svi below; SSVI slices are of this form (as_svi)
    sabr,  // (alpha, beta, nu, rho), as Sabr below
};

// n points: expiry in years, and k or the strike. A strike is measured from `forward` or, without one, from the surface's.
struct SurfacePoints {
    std::size_t n = 0;
    Column<double> k, strike, forward, expiry;
};

// w, dw/dk, d2w/dk2 and dw/dT per year: n values each.
struct VarianceOutputs {
    double *variance, *slope, *curvature, *rise;
};

// Slices of one model in order of time. Between them total variance is linear in time at constant k and the logarithm of the
// forward in time; before the first and after the last the vol at constant k and the forward are those of the nearest.
class Surface {
public:
    // `parameters`: those of the slices one after the other, 5 each (SVI) or 4 (SABR). Throws std::invalid_argument, naming the
    // slice, for expiries that do not increase from above 0, forwards that are not positive and parameters outside their domain.
    Surface(SmileModel model, std::span<const double> expiry, std::span<const double> forward,
            std::span<const double> parameters);

    std::size_t size() const { return expiry_.size(); }

    // Rows outside the domain become NaN and are reported. Throws std::invalid_argument for points that do not fit together.
    Faults variance(const SurfacePoints& points, const VarianceOutputs& outputs, const Execution& execution = {}) const;
    Faults vol(const SurfacePoints& points, double* vol, const Execution& execution = {}) const;

private:
    Faults evaluate(const SurfacePoints& points, const VarianceOutputs* outputs, double* vol, const Execution& execution) const;

    SmileModel model_;
    std::vector<double> expiry_, log_forward_, parameters_;  // five a slice, as the kernels take them
};

// --- fits ----------------------------------------------------------------------------------------------------------

// Raw SVI (Gatheral 2004): w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)).
struct Svi {
    double a, b, rho, m, sigma;
};

// SSVI slice (Gatheral and Jacquier 2014): w(k) = theta / 2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)),
// psi = theta phi.
struct Ssvi {
    double theta, rho, psi;
};

// SABR (Hagan, Kumar, Lesniewski and Woodward 2002): dF = alpha F^beta dW, d alpha = nu alpha dZ, correlation rho; vols by their
// equation 2.17.
struct Sabr {
    double alpha, beta, nu, rho;
};

// Quotes of one expiry, arrays of one length, in any order. `weight` is one over the error that is
// allowed in w (half the bid-ask): residuals beyond it count linearly (Huber), so bad rows do not pull.
struct SmileQuotes {
    std::span<const double> k, w, weight;
};

struct SviFit {
    Svi svi;
    double cost;        // Huber cost, per quote
    double smallest_g;  // of the butterfly function over the quoted range and three standard deviations beyond
};

double total_variance(const Svi& svi, double k);
Svi as_svi(const Ssvi& slice);

// Gatheral's g(k), of the sign of the density: no butterfly arbitrage where it is not negative.
double butterfly(const Svi& svi, double k);

// Fit raw SVI with at least three quotes: b >= 0, |rho| <= 1, w > 0 and b (1 + |rho|) <= 1.95, within Lee's bound of 2. For given
// (m, sigma) the rest is a linear least-squares problem (Zeliade 2009); (m, sigma) by Gauss-Newton steps on what it
// leaves, from `warm` or, without one, from the best of a grid. `no_butterfly`: where g is negative on the quoted range or up to three standard deviations beyond
// the fit is repeated with a penalty until it is not.
SviFit fit_svi(const SmileQuotes& quotes, const Svi* warm, bool no_butterfly);

// Fit eSSVI (Hendriks and Martini 2019) to expiries in order of time, every slice within the conditions against butterfly
// arbitrage and against calendar arbitrage with its neighbours: slice by slice, then in sweeps over all.
std::vector<Ssvi> fit_essvi(std::span<const SmileQuotes> expiries);

// Fit alpha, nu and rho of SABR at `beta` from 0 to 1 to the quotes of one expiry, from `warm` or, without one, from several starts.
Sabr fit_sabr(const SmileQuotes& quotes, double forward, double expiry, double beta, const Sabr* warm);

}  // namespace hedgecore
