// The vol of Bachelier's model at a price: a polynomial start, then one step of fourth order, for every row alike.
//
// The out-of-the-money value O = s n(z) (1 - z R(z)), z = |m| / s, makes O / |m| a function of z alone (Jaeckel, Implied
// Normal Volatility, Wilmott 2017), so that one curve of one variable is inverted. Start: in l = ln(1 + k |m| / O), which is linear
// in z at the money and half its square in the wings, z = l P(1 / sqrt(l + c)) / sqrt(l + c) with a polynomial P
// (coefficients.py); that leaves less than 1e-5. Step: Householder's third-order one for ln O in s.

HC_INLINE double normal_start(double distance, double value) {
    const double away = larger(distance, 1e-6 * value);  // at the money s = sqrt(2 pi) O: found from next to it
    const double l = logarithm_of_ratio(mad(normal_start_weight, away, value), value);
    const double t = 1.0 / __builtin_sqrt(l + normal_start_shift);
    return away / (l * t * polynomial(normal_start_terms, t));
}

HC_INLINE double normal_step(const ImpliedBlock& b, std::size_t i) {
    const double value = b.time_value[i], s = b.total_vol[i], square = b.z1[i] * b.z1[i];
    const double slope = mills_slope(b, i).slope;
    const double residual = logarithm_of_ratio(value, inverse_sqrt_2pi * s * slope) + 0.5 * square;
    // Derivatives of ln O in ln s: f' = 1 / slope, second = f'' / f', third = f''' / f'; then those in s.
    const double newton = residual * slope, inverse = 1.0 / slope;
    const double second = square + 1.0 - inverse;
    const double third = mad(second, square + 1.0 - 2.0 * inverse, -2.0 * square);
    const double bend = newton * (second - 1.0);
    const double twist = newton * newton * (third - 3.0 * second + 2.0);
    return s + s * (newton * mad(0.5, bend, 1.0) / (1.0 + mad(twist, 1.0 / 6.0, bend)));
}

static bool implied_normal_vol(ImpliedBlock& b) {
    const std::size_t n = b.n;
    const Settlement settlement = b.settlement;
    fill_legs<true, false>(b, n);
    // As in implied_vol.inl: undiscounted amounts in the forward form, discounted ones in the spot form.
    const bool forward_form = b.form != Form::spot;
    const double* unit = settlement == Settlement::inverse ? b.underlying : constants.ones;
    const double* discount = forward_form ? b.underlying_discount : constants.ones;
    const double* discount_of_vol = forward_form ? constants.ones : b.strike_discount;
    normal_distances(b, n);
    HC_EACH(i, n) {
        const double price = b.price[i] * unit[i] / discount[i];
        const double undiscounted = b.underlying[i] - b.strike[i];
        const double difference = forward_form ? undiscounted : b.leg_difference[i];
        // the forward form has the exact intrinsic value: the rounding of the difference counts where little time value is left
        const double rounding = difference_error(b.underlying[i], b.strike[i], undiscounted);
        const double lost = forward_form ? rounding : 0.0;
        const double in_value = (price - magnitude(difference)) - b.kind[i] * lost;
        b.time_value[i] = b.kind[i] * difference > 0.0 ? in_value : price;
        b.scale[i] = magnitude(difference);
    }
    HC_EACH(i, n) {
        const double s = normal_start(b.scale[i], b.time_value[i]);
        b.total_vol[i] = s;
        normal_node(b, i, smaller(b.scale[i] / s, 1e8));
    }
    HC_EACH(i, n) mills_polynomials(mills_terms, b, i);
    double* vol = b.vol;
    std::uint64_t special = 0;
    HC_EACH(i, n) {
        const double solved = normal_step(b, i) / (discount_of_vol[i] * b.root_expiry[i]);
        vol[i] = solved;
        special += 1 & (is_special_normal(b, settlement, i) | mask_of(!(b.time_value[i] > 0.0)) |
                        mask_of(!(solved <= greatest)));
    }
    return special != 0;
}
