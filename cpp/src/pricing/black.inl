// Black's formula over a block: what its Greeks are made of (see mills.inl for the idea). Only what is needed is computed.

// The density E = U n(d1) = B n(d2).
HC_INLINE void density_of(BlackBlock& b, std::size_t i) {
    const double lower = smaller(b.underlying_leg[i], b.strike_leg[i]);
    b.density[i] = scaled_power(lower * inverse_sqrt_2pi, b.exponent_rest[i], b.exponent_bits[i]);
}

HC_INLINE void units_of(BlackBlock& b, std::size_t i) {
    b.unit_density[i] = b.density[i] / b.underlying[i];
    b.inverse_total_vol[i] = 1.0 / b.total_vol[i];
}

static void black_tails(BlackBlock& b) {
    const std::size_t n = b.n;
    double* value = b.value;
    if (has_need(b.needs, needs_unit_density)) {  // beside the polynomials the divisions cost little
        HC_EACH(i, n) {
            mills_polynomials(mills_terms, b, i);
            units_of(b, i);
        }
    } else {
        HC_EACH(i, n) mills_polynomials(mills_terms, b, i);
    }
    HC_EACH(i, n) {
        const MillsPair m = mills_pair(b, i, b.total_vol[i]);
        const double density = b.density[i], lower = smaller(b.underlying_leg[i], b.strike_leg[i]);
        const double reflected = (lower - density * m.first) - density * m.second;
        const double out_of_money = is_reflected(b.z1[i]) ? reflected : density * m.difference;
        b.ratio1[i] = m.first;
        b.ratio2[i] = m.second;
        value[i] = out_of_money + larger(b.kind[i] * b.leg_difference[i], 0.0);
    }
}

// N(w d1) x underlying discount. In the tail it is the density times a Mills ratio, else what that leaves of the discount. The tail at hand is that of
// -d1 where the strike is above (unless reflected), of d1 where it is below.
static void underlying_parts(BlackBlock& b) {
    const std::size_t n = b.n;
    const double* discount = b.underlying_discount;
    HC_EACH(i, n) {
        const bool above = b.moneyness[i] <= 0.0;
        const double ratio1 = b.ratio1[i], ratio2 = b.ratio2[i], z1 = b.z1[i];
        const double tail = b.unit_density[i] * (above ? ratio1 : ratio2), rest = discount[i] - tail;
        const double side = negated_if((above ? z1 : -1.0) < -0.5, b.kind[i]);
        b.underlying_part[i] = side > 0.0 ? tail : rest;
    }
}

// B N(w d2), likewise.
static void strike_parts(BlackBlock& b) {
    const std::size_t n = b.n;
    const double* leg = b.strike_leg;
    HC_EACH(i, n) {
        const bool above = b.moneyness[i] <= 0.0;
        const double ratio1 = b.ratio1[i], ratio2 = b.ratio2[i], z1 = b.z1[i];
        const double tail = b.density[i] * (above ? ratio2 : ratio1), rest = leg[i] - tail;
        const double side = negated_if((above ? -1.0 : z1) >= -0.5, b.kind[i]);
        b.strike_part[i] = side > 0.0 ? tail : rest;
    }
}

static bool black_prepare(BlackBlock& b) {
    const std::size_t n = b.n;
    const bool discounts_regular = fill_legs<false>(b, n);
    std::uint64_t regular = 0;
    HC_EACH(i, n) {
        const double s = b.vol[i] * b.root_expiry[i];
        const StandardPoint p = standard_point(b.moneyness[i], s);
        b.total_vol[i] = s;
        b.z1[i] = p.z1;
        b.z2[i] = p.z2;
        const Exponent e = exponent_of(larger(-0.5 * p.z1 * p.z1, -1419.0));
        b.exponent_rest[i] = e.r;
        b.exponent_bits[i] = e.shifted;
        regular += is_regular(b, i, s);
    }
    if (has_need(b.needs, needs_tails)) {
        HC_EACH(i, n) {
            density_of(b, i);
            mills_nodes(b, i);
        }
        black_tails(b);
    } else {
        HC_EACH(i, n) {
            density_of(b, i);
            units_of(b, i);
        }
    }
    if (has_need(b.needs, needs_underlying_part)) underlying_parts(b);
    if (has_need(b.needs, needs_strike_part)) strike_parts(b);
    if (has_need(b.needs, needs_points)) {
        HC_EACH(i, n) {
            const bool above = b.moneyness[i] <= 0.0;
            const double z1 = b.z1[i], z2 = b.z2[i];
            b.d1[i] = above ? -z1 : z2;
            b.d2[i] = above ? -z2 : z1;
        }
    }
    return !discounts_regular || regular != n;
}
