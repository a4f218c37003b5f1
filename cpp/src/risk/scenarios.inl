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

static void scenario_time(ScenarioBlock& b, double time_shift) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const double left = larger(b.expiry[i] - time_shift, 0.0);
        b.root_expiry[i] = __builtin_sqrt(left);
        b.discounted_weight[i] = b.weight[i] * discount_factor(b.rate[i], left);
    }
}

// z of the options, for shocks with a shape.
static void scenario_standardise(ScenarioBlock& b, double atm_vol) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const double s = atm_vol * __builtin_sqrt(b.expiry[i]), z = -b.moneyness[i] / larger(s, 1e-300);
        const double bounded = larger(smaller(z, largest_z), -largest_z);
        b.z[i] = s > 0.0 ? bounded : 0.0;
    }
}

// Vols that go with the forward by the slopes given.
static void scenario_slide(ScenarioBlock& b, double log_factor) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        b.slide[i] = b.slope[i] * log_factor;
        b.slide_slope[i] = b.slope[i];
    }
}

// The vol of a smile at k, and (E times shocked_slope needs it) its slope d vol / dk.
struct SlidePoint {
    double vol, slope;
};

HC_INLINE SlidePoint smile_at(const ScenarioSmile& smile, double per_year, double k) {
    const Svi &p = smile.near, &q = smile.far;
    const double x = k - p.m, y = k - q.m;
    const double first = __builtin_sqrt(mad(x, x, p.sigma * p.sigma)), second = __builtin_sqrt(mad(y, y, q.sigma * q.sigma));
    const double w = mad(smile.near_weight, svi_variance(p.a, p.b, p.rho, p.m, p.sigma, k),
                         smile.far_weight * svi_variance(q.a, q.b, q.rho, q.m, q.sigma, k));
    const double vol = __builtin_sqrt(larger(w, 0.0) * per_year);
    // rho + x / sqrt(x^2 + sigma^2) of both slices over the vol, from one division
    const double roots = first * second, inverse = 1.0 / larger(roots * vol, 1e-300);
    const double steep = mad(smile.near_weight * p.b, mad(p.rho, first, x) * second,
                             smile.far_weight * q.b * (mad(q.rho, second, y) * first));
    return {vol, 0.5 * per_year * steep * inverse};
}

// Vols that go with the forward as a smile does: by what it has at another moneyness. `from_here`: the smile before the move, to be
// known before the others.
static void scenario_smile(ScenarioBlock& b, const ScenarioSmile& smile, double log_factor, bool from_here) {
    const std::size_t n = b.n;
    const ScenarioSmile own = smile;  // a copy: the compiler keeps it in registers
    const double per_year = 1.0 / own.expiry, rise = own.ratio - 1.0, shift = rise * log_factor;
    if (from_here) {
        HC_EACH(i, n) b.smile_here[i] = smile_at(own, per_year, -b.moneyness[i]).vol;
    } else if (b.wants_smile) {
        HC_EACH(i, n) {
            const SlidePoint at = smile_at(own, per_year, shift - b.moneyness[i]);
            b.slide[i] = at.vol - b.smile_here[i];
            b.slide_slope[i] = rise * at.slope;
        }
    } else {
        HC_EACH(i, n) b.slide[i] = smile_at(own, per_year, shift - b.moneyness[i]).vol - b.smile_here[i];
    }
}

// True if a vol that was positive no longer is. `flat`: the shock is a scale and a shift, and no vol goes with the forward.
template <bool flat>
static bool shocked_vols(ScenarioBlock& b, const VolShock& shock) {
    const std::size_t n = b.n;
    const double scale = shock.scale, shift = shock.shift, skew = shock.skew, curvature = shock.curvature, floor = shock.floor;
    std::uint64_t good = 0;
    HC_EACH(i, n) {
        double vol;
        if constexpr (flat) {
            vol = mad(b.vol[i], scale, shift);
        } else {
            const double z = b.z[i];
            const double free = mad(z, mad(z, curvature, skew), mad(b.vol[i] + b.slide[i], scale, shift));
            vol = larger(free, floor);
            b.shocked_slope[i] = free < floor ? 0.0 : scale * b.slide_slope[i];
        }
        const double s = vol * b.root_expiry[i];
        const bool payoff = !(s > smallest_total_vol);
        const double inverse = 1.0 / larger(s, smallest_total_vol);
        b.shocked_vol[i] = vol;
        b.total_vol[i] = payoff ? 0.0 : s;
        b.inverse_total_vol[i] = payoff ? 1e300 : inverse;
        b.steepness[i] = payoff ? 0.0 : inverse;
        good += std::uint64_t(vol > 0.0) | std::uint64_t(vol == b.vol[i]);
    }
    return good != n;
}

static bool scenario_sheet(ScenarioBlock& b, const VolShock& shock, bool flat) {
    return flat ? shocked_vols<true>(b, shock) : shocked_vols<false>(b, shock);
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
    if (b.wants_smile) {
        HC_EACH(i, n) b.smile_part[i] = b.density[i] * b.shocked_slope[i];
    }
    if (b.wants_underlying) {
        (b.wants_strike ? scenario_amounts<true, true> : scenario_amounts<true, false>)(b);
    } else {
        (b.wants_strike ? scenario_amounts<false, true> : scenario_amounts<false, false>)(b);
    }
}
