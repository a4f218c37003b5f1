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
    std::uint64_t bad = 0;
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
        bad |= mask_of(!(vol > 0.0)) & mask_of(b.vol[i] != vol);
    }
    HC_EACH(i, n) {
        b.discounted_weight[i] = b.weight[i] * discount_factor(b.rate[i], larger(b.expiry[i] - time_shift, 0.0));
    }
    return bad != 0;
}

// With L = min(F, K) and H = max(F, K) the two amounts of the out-of-the-money option are L N(-z1) and H N(-z2) (mills.inl).
// The other option of the pair has one forward contract beside them.
static void scenario_amounts(ScenarioBlock& b) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const MillsPair m = mills_pair(b, i, b.total_vol[i]);
        const double density = b.density[i], forward = b.shocked_forward[i], strike = b.strike[i], kind = b.kind[i];
        const bool reflected = is_reflected(b.z1[i]);
        const double high = density * m.second, tail = density * m.first;
        const double rest = smaller(forward, strike) - tail;
        const double low = reflected ? rest : tail;
        const double worth = reflected ? rest - high : density * m.difference;
        const bool above = forward <= strike;  // the strike: the call is out of the money
        const double contract = negated_if(above, kind) > 0.0 ? kind : 0.0;
        b.value[i] = mad(contract, forward - strike, worth);
        b.underlying[i] = mad(contract, forward, above ? low : -high);
        b.strike_part[i] = mad(contract, strike, above ? high : -low);
    }
}

static void scenario_node(ScenarioBlock& b, double factor, double log_factor) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const double x = b.moneyness[i] + log_factor;
        const double h = smaller(magnitude(x) * b.inverse_total_vol[i], 1e8), t = smaller(0.5 * b.total_vol[i], 1e8);
        const double z1 = h - t;
        b.shocked_forward[i] = b.forward[i] * factor;
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
    scenario_amounts(b);
}
