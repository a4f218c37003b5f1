// Black's formula on the nodes of a scenario grid. What a node needs is hoisted: ln(F/K) out of everything, sqrt(T), s and
// 1 / s out of the spots, so that a node takes no logarithm, no root and no division but those of the Mills ratios.
// Discounts are part of the weights, and so is all that vega, gamma and theta have beside the density.

static void scenario_start(ScenarioBlock& b) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        b.moneyness[i] = plain_logarithm_of_ratio<false>(b.forward[i], b.strike[i]);
        b.inverse_forward[i] = 1.0 / b.forward[i];
    }
}

// True if a vol that was positive no longer is.
static bool scenario_sheet(ScenarioBlock& b, double vol_scale, double vol_shift, double time_shift) {
    const std::size_t n = b.n;
    std::uint64_t good = 0;
    HC_EACH(i, n) {
        const double vol = mad(b.vol[i], vol_scale, vol_shift);
        const double left = larger(b.expiry[i] - time_shift, 0.0);
        const double root = __builtin_sqrt(left), s = vol * root;
        const bool payoff = !(s > smallest_total_vol);
        const double inverse = 1.0 / larger(s, smallest_total_vol);
        b.shocked_vol[i] = vol;
        b.root_expiry[i] = root;
        b.total_vol[i] = payoff ? 0.0 : s;
        b.inverse_total_vol[i] = payoff ? 1e300 : inverse;
        b.steepness[i] = payoff ? 0.0 : inverse;
        good += std::uint64_t(vol > 0.0) | std::uint64_t(vol == b.vol[i]);
    }
    HC_EACH(i, n) {
        b.discounted_weight[i] = b.weight[i] * discount_factor(b.rate[i], larger(b.expiry[i] - time_shift, 0.0));
    }
    return good != n;
}

// As black_tails, underlying_parts and strike_parts, in one pass and undiscounted.
template <bool with_underlying, bool with_strike>
static void scenario_amounts(ScenarioBlock& b) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const MillsPair m = mills_pair(b, i, b.total_vol[i]);
        const double density = b.density[i], forward = b.shocked_forward[i], strike = b.strike[i], kind = b.kind[i];
        const double z1 = b.z1[i];
        const double first = density * m.first, second = density * m.second;
        const double reflected = (smaller(forward, strike) - first) - second, plain = density * m.difference;
        const double out_of_money = is_reflected(z1) ? reflected : plain;
        b.value[i] = out_of_money + larger(kind * (forward - strike), 0.0);

        const bool above = forward <= strike;
        if constexpr (with_underlying) {
            const double tail = above ? first : second, rest = forward - tail;
            const double side = negated_if((above ? z1 : -1.0) < -0.5, kind);
            b.underlying[i] = kind * (side > 0.0 ? tail : rest);
        }
        if constexpr (with_strike) {
            const double tail = above ? second : first, rest = strike - tail;
            const double side = negated_if((above ? -1.0 : z1) >= -0.5, kind);
            b.strike_part[i] = kind * (side > 0.0 ? tail : rest);
        }
    }
}

static void scenario_node(ScenarioBlock& b, double factor, double log_factor) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const double forward = b.forward[i] * factor;
        const double x = chosen(forward == b.strike[i], 0.0, b.moneyness[i] + log_factor);
        const double h = smaller(magnitude(x) * b.inverse_total_vol[i], 1e8), t = smaller(0.5 * b.total_vol[i], 1e8);
        const double z1 = h - t;
        b.shocked_forward[i] = forward;
        b.z1[i] = z1;
        b.z2[i] = h + t;
        const Exponent e = exponent_of(larger(-0.5 * z1 * z1, -1419.0));
        b.exponent_rest[i] = e.r;
        b.exponent_bits[i] = e.shifted;
    }
    HC_EACH(i, n) {
        const double lower = smaller(b.shocked_forward[i], b.strike[i]);
        b.density[i] = scaled_power(lower * inverse_sqrt_2pi, b.exponent_rest[i], b.exponent_bits[i]);
        // the arguments of both Mills ratios from one division
        const double z1 = b.z1[i], first = negated_if(is_reflected(z1), z1) + mills_shift, second = b.z2[i] + mills_shift;
        const double inverse = 1.0 / (first * second);
        b.y1[i] = second * inverse;
        b.y2[i] = first * inverse;
    }
    HC_EACH(i, n) mills_polynomials(mills_terms, b, i);
    if (b.wants_underlying) {
        (b.wants_strike ? scenario_amounts<true, true> : scenario_amounts<true, false>)(b);
    } else {
        (b.wants_strike ? scenario_amounts<false, true> : scenario_amounts<false, false>)(b);
    }
}
