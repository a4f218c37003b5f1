// One short pass per Greek over a prepared block. Notation: X the underlying given (forward or spot), q its carry,
// r the rate, b = r - q, e = density / X, w = kind. Formulas: Haug, The Complete Guide to Option Pricing Formulas (2007),
// chapter 2, for the linear ones; the inverse ones follow from v = V / X by hand (docs/conventions.md lists them).

// d(d1)/dT and d(d2)/dT
HC_INLINE double d1_in_expiry(const BlackBlock& b, std::size_t i) {
    return (b.rate_used[i] - b.carry_used[i]) * b.inverse_total_vol[i] - 0.5 * b.d2[i] / b.expiry[i];
}
HC_INLINE double d2_in_expiry(const BlackBlock& b, std::size_t i) {
    return (b.rate_used[i] - b.carry_used[i]) * b.inverse_total_vol[i] - 0.5 * b.d1[i] / b.expiry[i];
}

HC_INLINE double underlying_leg_part(const BlackBlock& b, std::size_t i) {  // U N(w d1)
    return b.underlying[i] * b.underlying_part[i];
}
HC_INLINE double decay(const BlackBlock& b, std::size_t i) {  // vol^2 / s = vol / sqrt(T)
    return -0.5 * b.density[i] * b.vol[i] * (b.vol[i] * b.inverse_total_vol[i]);
}
HC_INLINE double linear_theta(const BlackBlock& b, std::size_t i) {
    return b.kind[i] * (b.carry_used[i] * underlying_leg_part(b, i) - b.rate_used[i] * b.strike_part[i]) + decay(b, i);
}
HC_INLINE double linear_vega(const BlackBlock& b, std::size_t i) { return b.density[i] * b.root_expiry[i]; }
HC_INLINE double linear_volga(const BlackBlock& b, std::size_t i) {
    return linear_vega(b, i) * (b.d1[i] * b.d2[i]) / b.vol[i];
}
HC_INLINE double linear_veta(const BlackBlock& b, std::size_t i) {
    return linear_vega(b, i) * (b.carry_used[i] + b.d1[i] * d1_in_expiry(b, i) - 0.5 / b.expiry[i]);
}
HC_INLINE double linear_ultima(const BlackBlock& b, std::size_t i) {
    const double d1 = b.d1[i], d2 = b.d2[i], product = d1 * d2;
    return -linear_vega(b, i) * (product * (1.0 - product) + d1 * d1 + d2 * d2) / b.vol[i] / b.vol[i];
}
HC_INLINE double plain_delta(const BlackBlock& b, std::size_t i) {
    return b.kind[i] * b.underlying_part[i];
}
HC_INLINE double plain_gamma(const BlackBlock& b, std::size_t i) {
    return b.unit_density[i] * b.inverse_total_vol[i] / b.underlying[i];
}
HC_INLINE double dual_delta(const BlackBlock& b, std::size_t i) {
    return -b.kind[i] * (b.strike_part[i] / b.strike[i]);
}
HC_INLINE double dual_gamma(const BlackBlock& b, std::size_t i) {
    return b.density[i] * b.inverse_total_vol[i] / b.strike[i] / b.strike[i];
}

// Inverse: P = w B N(w d2) / X is the delta net of premium.
HC_INLINE double net_delta(const BlackBlock& b, std::size_t i) {
    return b.kind[i] * (b.strike_part[i] / b.underlying[i]);
}
HC_INLINE double inverse_charm(const BlackBlock& b, std::size_t i) {
    return b.rate_used[i] * net_delta(b, i) - b.unit_density[i] * d2_in_expiry(b, i);
}

#define HC_GREEK(name, expression)                          \
    static void name(const BlackBlock& b, double* out) {    \
        const std::size_t n = b.n;                          \
        HC_EACH(i, n) out[i] = (expression);                \
    }
// One of two by the form: that without a discount has no rates; the forward forms hold the forward, so that the rate only
// discounts.
#define HC_GREEK_BY_FORM(name, condition, first, second) \
    static void name(const BlackBlock& b, double* out) { ((condition) ? first : second)(b, out); }

namespace linear_greeks {
// Black's value may have been placed in the output already.
static void price(const BlackBlock& b, double* out) {
    const std::size_t n = b.n;
    const double* value = b.value;
    if (out == value) return;
    HC_EACH(i, n) out[i] = value[i];
}
HC_GREEK(delta, plain_delta(b, i))
HC_GREEK(gamma, plain_gamma(b, i))
HC_GREEK(vega, linear_vega(b, i))
HC_GREEK(theta_of_decay, decay(b, i))
HC_GREEK(theta_with_rates, linear_theta(b, i))
HC_GREEK_BY_FORM(theta, b.form == Form::forward, theta_of_decay, theta_with_rates)
HC_GREEK(rho_of_forward, -b.expiry[i] * b.value[i])
HC_GREEK(rho_of_spot, b.kind[i] * b.expiry[i] * b.strike_part[i])
HC_GREEK_BY_FORM(rho, b.form == Form::spot, rho_of_spot, rho_of_forward)
HC_GREEK(phi, -b.kind[i] * b.expiry[i] * underlying_leg_part(b, i))
HC_GREEK(vanna, -b.unit_density[i] * b.d2[i] / b.vol[i])
HC_GREEK(volga, linear_volga(b, i))
HC_GREEK(charm, b.carry_used[i] * plain_delta(b, i) - b.unit_density[i] * d1_in_expiry(b, i))
HC_GREEK(veta, linear_veta(b, i))
HC_GREEK(speed, -plain_gamma(b, i) * (b.d1[i] * b.inverse_total_vol[i] + 1.0) / b.underlying[i])
HC_GREEK(zomma, plain_gamma(b, i) * (b.d1[i] * b.d2[i] - 1.0) / b.vol[i])
HC_GREEK(color, plain_gamma(b, i) * (b.carry_used[i] + b.d1[i] * d1_in_expiry(b, i) + 0.5 / b.expiry[i]))
HC_GREEK(ultima, linear_ultima(b, i))
HC_GREEK(dual_delta, hedgecore::HC_LEVEL::dual_delta(b, i))
HC_GREEK(dual_gamma, hedgecore::HC_LEVEL::dual_gamma(b, i))
}  // namespace linear_greeks

namespace inverse_greeks {
HC_GREEK(price, b.value[i] / b.underlying[i])
HC_GREEK(delta, net_delta(b, i))
HC_GREEK(gamma, (b.unit_density[i] * b.inverse_total_vol[i] - net_delta(b, i)) / b.underlying[i])
HC_GREEK(vega, b.unit_density[i] * b.root_expiry[i])
HC_GREEK(theta_of_decay, decay(b, i) / b.underlying[i])
HC_GREEK(theta_with_rates, linear_theta(b, i) / b.underlying[i])
HC_GREEK_BY_FORM(theta, b.form == Form::forward, theta_of_decay, theta_with_rates)
HC_GREEK(rho_of_forward, -b.expiry[i] * b.value[i] / b.underlying[i])
HC_GREEK(rho_of_spot, b.kind[i] * b.expiry[i] * b.strike_part[i] / b.underlying[i])
HC_GREEK_BY_FORM(rho, b.form == Form::spot, rho_of_spot, rho_of_forward)
HC_GREEK(phi, -b.kind[i] * b.expiry[i] * b.underlying_part[i])
HC_GREEK(vanna, -b.unit_density[i] * b.d1[i] / b.vol[i])
HC_GREEK(volga, linear_volga(b, i) / b.underlying[i])
HC_GREEK(charm, inverse_charm(b, i))
HC_GREEK(veta, linear_veta(b, i) / b.underlying[i])
HC_GREEK(speed, (2.0 * net_delta(b, i) -
                 b.unit_density[i] * b.inverse_total_vol[i] * (b.d1[i] * b.inverse_total_vol[i] + 2.0)) /
                    b.underlying[i] / b.underlying[i])
HC_GREEK(zomma, b.unit_density[i] / b.underlying[i] / b.vol[i] *
                    ((b.d1[i] * b.d2[i] - 1.0) * b.inverse_total_vol[i] + b.d1[i]))
HC_GREEK(color, (b.unit_density[i] * b.inverse_total_vol[i] *
                     (b.carry_used[i] + b.d1[i] * d1_in_expiry(b, i) + 0.5 / b.expiry[i]) -
                 inverse_charm(b, i)) / b.underlying[i])
HC_GREEK(ultima, linear_ultima(b, i) / b.underlying[i])
HC_GREEK(dual_delta, hedgecore::HC_LEVEL::dual_delta(b, i) / b.underlying[i])
HC_GREEK(dual_gamma, hedgecore::HC_LEVEL::dual_gamma(b, i) / b.underlying[i])
}  // namespace inverse_greeks

#undef HC_GREEK
#undef HC_GREEK_BY_FORM
