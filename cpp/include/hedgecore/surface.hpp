// Vol surfaces: fits of smiles in total variance w = vol^2 T over log-moneyness k = ln(strike / forward).
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hedgecore {

// Raw SVI (Gatheral 2004): w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)).
struct Svi {
    double a, b, rho, m, sigma;
};

// SSVI slice (Gatheral and Jacquier 2014): w(k) = theta / 2 (1 + rho phi k + sqrt((phi k + rho)^2 + 1 - rho^2)),
// psi = theta phi.
struct Ssvi {
    double theta, rho, psi;
};

// Quotes of one expiry, arrays of one length, in any order. `weight` is one over the error that is
// allowed in w (half the bid-ask): residuals beyond it count linearly (Huber), so bad rows do not pull.
struct SmileQuotes {
    std::span<const double> k, w, weight;
};

struct SviFit {
    Svi svi;
    double cost;        // Huber cost, per quote
    double smallest_g;  // of the butterfly function over the quoted range
};

double total_variance(const Svi& svi, double k);
Svi as_svi(const Ssvi& slice);

// Gatheral's g(k), of the sign of the density: no butterfly arbitrage where it is not negative.
double butterfly(const Svi& svi, double k);

// Fit raw SVI with at least three quotes: b >= 0, |rho| <= 1, w > 0 and Lee's bound b (1 + |rho|) <= 2. For given
// (m, sigma) the rest is a linear least-squares problem (Zeliade 2009); (m, sigma) by Gauss-Newton steps on what it
// leaves, from `warm` or, without one, from the best of a grid. `no_butterfly`: where g is negative on the quoted range
// the fit is repeated with a penalty until it is not.
SviFit fit_svi(const SmileQuotes& quotes, const Svi* warm, bool no_butterfly);

// Fit eSSVI (Hendriks and Martini 2019) to expiries in order of time, every slice within the conditions against butterfly
// arbitrage and against calendar arbitrage with its neighbours: slice by slice, then in sweeps over all.
std::vector<Ssvi> fit_essvi(std::span<const SmileQuotes> expiries);

}  // namespace hedgecore
