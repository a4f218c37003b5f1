// What policies decide: the half width of a law, then the order of each path. Passes without branches; what a policy is is
// decided once for the block.

// Half widths as the decision reads them.
struct FixedWidth {
    double outer, inner;
};
struct ScaledWidth {
    const double* lane;
    double scale, share, least;
};
struct LaneWidth {
    const double *outer, *inner;
};
// The same, of laws that leave a share of x.
struct FixedShare {
    double outer, keep;
};
struct ScaledShare {
    const double* lane;
    double scale, keep;
};
struct LaneShare {
    const double* keep;
};
HC_INLINE double outer_at(const FixedWidth& w, std::size_t) { return w.outer; }
HC_INLINE double inner_at(const FixedWidth& w, std::size_t) { return w.inner; }
HC_INLINE double outer_at(const ScaledWidth& w, std::size_t i) { return larger(w.scale * w.lane[i], w.least); }
HC_INLINE double inner_at(const ScaledWidth& w, std::size_t i) { return w.share * larger(w.scale * w.lane[i], w.least); }
HC_INLINE double outer_at(const LaneWidth& w, std::size_t i) { return w.outer[i]; }
HC_INLINE double inner_at(const LaneWidth& w, std::size_t i) { return w.inner[i]; }
HC_INLINE double outer_at(const FixedShare& w, std::size_t) { return w.outer; }
HC_INLINE double outer_at(const ScaledShare& w, std::size_t i) { return w.scale * w.lane[i]; }
HC_INLINE double outer_at(const LaneShare&, std::size_t) { return 0.0; }

// Where x goes.
template <class W>
HC_INLINE double landing_at(const W& w, std::size_t i, double x, double up, double down) {
    const double inner = inner_at(w, i);
    return larger(smaller(x, up * inner), -(down * inner));
}
HC_INLINE double landing_at(const FixedShare& w, std::size_t, double x, double, double) { return w.keep * x; }
HC_INLINE double landing_at(const ScaledShare& w, std::size_t, double x, double, double) { return w.keep * x; }
HC_INLINE double landing_at(const LaneShare& w, std::size_t i, double x, double, double) { return w.keep[i] * x; }

// Fills b.order, in units of the instrument; true if there is one. Bounds reach beyond what rounding leaves of a deviation. Where
// `exposes`, orders are filled at once and as they are, and what is left of x is added to the exposure here.
template <bool plain_unit, bool exposes, class W>
static bool decide_by_deviation(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta, const W width) {
    const std::size_t n = b.n;
    const double *ordered = s.ordered, *unit = b.unit, *per_unit = b.per_unit;
    double *order = b.order, *exposure = s.exposure;
    const double up = p.up, down = p.down, target = p.in_money ? 0.0 : p.target, tolerance = p.tolerance;
    std::uint64_t any = 0;
    HC_EACH(i, n) {
        const double x = (plain_unit ? ordered[i] : ordered[i] * unit[i]) + (delta[i] - target);
        const double outer = outer_at(width, i), landing = landing_at(width, i, x, up, down);
        const bool high = x > mad(up, outer, tolerance), low = x < -mad(down, outer, tolerance);
        const double change = landing - x, wanted = plain_unit ? change : change * per_unit[i];
        order[i] = from_bits(bits_of(wanted) & (mask_of(high) | mask_of(low)));
        any |= bits_of(order[i]);
        if constexpr (exposes) exposure[i] += magnitude(high | low ? landing : x);
    }
    return any != 0;
}

// What else than the deviation may trigger a trade: the move of ln S, or the steps, since the last trade.
struct MoveTrigger {
    const double *log_spot, *last;
    double up, down;
};
template <class W>
struct IntervalTrigger {
    const double* traded;
    double now;
    W due;
};
HC_INLINE std::uint64_t triggered(const MoveTrigger& t, std::size_t i) {
    const double move = t.log_spot[i] - t.last[i];  // not a number before the first trade, which it triggers
    return ~(mask_of(move <= t.up) & mask_of(move >= -t.down));
}
template <class W>
HC_INLINE std::uint64_t triggered(const IntervalTrigger<W>& t, std::size_t i) {
    return mask_of(t.now - t.traded[i] >= outer_at(t.due, i) * (1.0 - 1e-12));  // rounding shall not cost a step
}

template <bool plain_unit, class T>
static bool decide_by_trigger(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta, const T trigger) {
    const std::size_t n = b.n;
    const double *ordered = s.ordered, *unit = b.unit, *per_unit = b.per_unit;
    double* order = b.order;
    const double target = p.in_money ? 0.0 : p.target, ratio = p.by_ratio ? p.ratio : 1.0, tolerance = p.tolerance;
    std::uint64_t any = 0;
    HC_EACH(i, n) {
        const double x = (plain_unit ? ordered[i] : ordered[i] * unit[i]) + (delta[i] - target);
        const double wanted = plain_unit ? -ratio * x : -ratio * x * per_unit[i];
        order[i] = from_bits(bits_of(wanted) & triggered(trigger, i) & mask_of(magnitude(x) > tolerance));
        any |= bits_of(order[i]);
    }
    return any != 0;
}

// The vol of a law, path by path, times `scale`, into b.own_vol: a level of the paths, or the root of an average of squared returns.
static void vol_view(const PolicyPlan& p, const PathBlock& paths, HedgeBlock& b, const double& scale) {
    const std::size_t n = b.n;
    double* out = b.own_vol;
    if (p.forecast_level >= 0) {
        const double* level = paths.level[p.forecast_level];
        std::uint64_t faulty = 0;
        HC_EACH(i, n) {
            const std::uint64_t good = mask_of(level[i] > 0.0) & mask_of(level[i] <= 1e300);
            faulty |= (bits_of(level[i]) | 1) & ~good;  // a sum of masks alone would stay scalar with clang
            out[i] = scale * from_bits((bits_of(level[i]) & good) | (bits_of(1.0) & ~good));
        }
        b.faulty |= faulty;
    } else {
        const double *variance = b.variance[p.variance], least = 1e-12 * p.vol * p.vol;
        HC_EACH(i, n) out[i] = scale * __builtin_sqrt(larger(variance[i], least));
    }
}

// Zakamouline, "European option pricing and hedging with both fixed and proportional transaction costs", J. Economic Dynamics and Control 30 (2006):
// half width H0 + H1 around the delta at a vol that is higher for a short gamma.
static const double* zakamouline(const HedgePlan& plan, const PolicyPlan& p, HedgeBlock& b, const double* log_spot, std::uint64_t step) {
    const std::size_t n = b.n;
    const StepPlan& now = plan.steps[step];
    if (p.width == Width::zakamouline) {
        const double root = p.size * p.scale_root * now.left_power5 * now.root4, pole = p.size * p.scale_pole / now.left;
        const double share = p.inner, least = p.least_width;
        const double* inverse = plan.premium_adjusted ? b.amount : b.inverse_spot;  // the amount of a coin is 1 coin
        HC_EACH(i, n) {
            b.outer[i] = larger(mad(root, b.root[i], pole * inverse[i]), least);
            b.inner[i] = share * b.outer[i];
        }
    }
    const double shift = p.scale_shift * now.left_power2 * now.root4;
    HC_EACH(i, n) {
        const double kz = -shift * b.shift[i];
        const double square = larger(1.0 + (b.gamma[i] > 0.0 ? kz : -kz), 1e-4), inverse = inverse_root(square);
        b.own_vol[i] = square * inverse;
        b.own_inverse[i] = inverse;
    }
    position_greeks(plan, b, step, 1.0, log_spot, {b.own_vol, b.own_inverse}, b.own_delta, nullptr);
    if (p.delta > 0) {
        const double *ratio = ratio_delta(plan, b, p.delta, log_spot, step), *black = b.delta;
        HC_EACH(i, n) b.own_delta[i] += ratio[i] - black[i];
    }
    return b.own_delta;
}

// The law of fixed and proportional costs: with v = b + a, u = b - a, kappa = 6 Gamma^2 / gamma and m = (2 c kappa)^(1/4) it is
// v = m y, u = m / y^(1/3), y^3 - y^(1/3) = 2 k S kappa / m^3. In z = y^(1/3) that is z^9 - z = rho, whose root two of
// Halley's steps find from (1 + rho)^(1/9), which is within 0.5 %.
static void impulse_widths(const PolicyPlan& p, const double* powers, const double* spot, double* outer, double* inner, std::size_t n) {
    const double impulse = p.impulse, load = p.load, least = p.least_width, size = 0.5 * p.size;
    HC_EACH(i, n) {
        const double m = impulse * powers[i], rho = load * spot[i] * powers[i];
        double z = scaled_exponential(1.0, finite_logarithm<false>(1.0 + rho) * (1.0 / 9.0));
#pragma GCC unroll 2
        for (int k = 0; k < 2; ++k) {
            const double square = z * z, fourth = square * square, seventh = fourth * square * z;
            const double eighth = fourth * fourth, value = mad(eighth, z, -z - rho), slope = mad(9.0, eighth, -1.0);
            z -= 2.0 * value * slope / mad(2.0 * slope, slope, -72.0 * seventh * value);
        }
        const double sum = m * z * z * z, gap = m / z;
        outer[i] = larger(size * (sum + gap), least);
        inner[i] = smaller(size * (sum - gap), outer[i]);
    }
}

// The lanes whose numbers are not 0, in an order of its own: by groups, most of which have none.
static std::size_t find_lanes(const double* numbers, std::size_t n, std::uint8_t* where) {
    const std::size_t groups = n / lane_multiple;
    alignas(64) std::uint64_t some[block_size / lane_multiple];
    HC_EACH(g, groups) {
        std::uint64_t bits = 0;
#pragma GCC unroll 8
        for (std::size_t k = 0; k < lane_multiple; ++k) bits |= bits_of(numbers[g + k * groups]);
        some[g] = bits;
    }
    std::size_t found = 0;
    for (std::size_t g = 0; g < groups; ++g) {
        if (!some[g]) continue;
        for (std::size_t i = g; i < n; i += groups) {
            where[found] = std::uint8_t(i);
            found += bits_of(numbers[i]) != 0;
        }
    }
    return found;
}

// As decide_by_deviation, with the widths above, which are solved for few paths: since z is at least 1 and at least rho^(1/9), the half
// width is at least (m / 2) (z^3 + 1 / z) there, and that is within 10 % of it. Paths inside of it do not trade.
template <bool plain_unit, bool exposes>
static bool decide_by_impulse(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta) {
    const std::size_t n = b.n;
    const double *ordered = s.ordered, *unit = b.unit, *powers = b.impulse, *ninth = b.ninth, *per_ninth = b.per_ninth;
    double *order = b.order, *exposure = s.exposure;
    const double up = p.up, down = p.down, target = p.target, tolerance = p.tolerance, least = p.least_width;
    const double half = 0.5 * p.size * p.impulse * (1.0 - 1e-9), root = p.load_root, per_root = p.per_load_root;
    std::uint64_t any = 0;
    HC_EACH(i, n) {
        const double x = (plain_unit ? ordered[i] : ordered[i] * unit[i]) + (delta[i] - target);
        const double z = larger(root * ninth[i], 1.0), per_z = smaller(per_root * per_ninth[i], 1.0);
        const double bound = larger(half * powers[i] * mad(z * z, z, per_z), least);
        const std::uint64_t near = mask_of(x > up * bound) | mask_of(x < -(down * bound));
        order[i] = from_bits(bits_of(x) & near);
        any |= bits_of(order[i]);  // x is not 0 there; a sum of masks would stay scalar with clang
        if constexpr (exposes) exposure[i] += from_bits(bits_of(magnitude(x)) & ~near);
    }
    if (!any) return false;
    std::uint8_t where[block_size];
    const std::size_t found = find_lanes(order, n, where), padded = (found + lane_multiple - 1) / lane_multiple * lane_multiple;
    if (!found) return false;
    double *x = b.own_delta, *power = b.own_vol, *spot = b.own_inverse, *outer = b.outer, *inner = b.inner;
    for (std::size_t j = 0; j < padded; ++j) {
        const std::size_t i = where[j < found ? j : 0];
        x[j] = order[i];
        power[j] = powers[i];
        spot[j] = b.spot[i];
    }
    impulse_widths(p, power, spot, outer, inner, padded);
    HC_EACH(j, padded) {
        const double landing = larger(smaller(x[j], up * inner[j]), -(down * inner[j]));
        const bool high = x[j] > mad(up, outer[j], tolerance), low = x[j] < -mad(down, outer[j], tolerance);
        inner[j] = from_bits(bits_of(landing - x[j]) & (mask_of(high) | mask_of(low)));
        outer[j] = magnitude(high | low ? landing : x[j]);
    }
    any = 0;
    for (std::size_t j = 0; j < found; ++j) {
        const std::size_t i = where[j];
        order[i] = plain_unit ? inner[j] : inner[j] * b.per_unit[i];
        any |= bits_of(order[i]);
        if constexpr (exposes) exposure[i] += outer[j];
    }
    return any != 0;
}

static void realised_widths(const PolicyPlan& p, const PathBlock& paths, HedgeBlock& b) {
    const std::size_t n = b.n;
    const double size = p.size, power = p.power, share = p.inner, least = p.least_width;
    vol_view(p, paths, b, 1.0 / p.vol);
    HC_EACH(i, n) {
        const double exponent = power * finite_logarithm<false>(b.own_vol[i]);
        b.outer[i] = larger(size * scaled_exponential(1.0, larger(smaller(exponent, 600.0), -600.0)), least);
        b.inner[i] = share * b.outer[i];
    }
}

// Whalley and Wilmott's (S Gamma^2)^(1/3) with the gamma at the law's vol: options' vols keep their proportions.
static const double* forecast_cube(const HedgePlan& plan, const PolicyPlan& p, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const double* log_spot = b.log_spot;
    vol_view(p, paths, b, plan.model_vol ? 1.0 : 1.0 / p.vol);
    if (plan.model_vol) {  // a factor of the model's, as of the options'
        const double* inverse = b.vols[0].inverse;
        HC_EACH(i, n) b.own_vol[i] *= inverse[i];
    }
    HC_EACH(i, n) b.own_inverse[i] = 1.0 / b.own_vol[i];
    position_greeks(plan, b, step, 1.0, log_spot, {b.own_vol, b.own_inverse}, b.own_delta, b.own_gamma);
    const double of_spot = plan.premium_adjusted ? 0.0 : -1.0 / 3.0;
    HC_EACH(i, n) {
        const double log_gamma = finite_logarithm<false>(larger(magnitude(b.own_gamma[i]), 1e-300));
        b.outer[i] = scaled_exponential(1.0, (2.0 / 3.0) * log_gamma + of_spot * log_spot[i]);
    }
    return b.outer;
}

// Trading smoothly under temporary impact: the share of x that is left by a step of exp(-rate dt), rate = kappa tanh(kappa (T - t)).
// Rogers and Singh, "The cost of illiquidity and its effects on hedging", Mathematical Finance 20 (2010).
static void smooth_shares(const HedgePlan& plan, const PolicyPlan& p, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const double left = double(plan.last - step) / double(p.every), scale = p.scale;
    if (p.decay > 0.0 || p.forecast_level >= 0) {
        vol_view(p, paths, b, scale);
    } else {
        const double constant = scale * p.vol;
        HC_EACH(i, n) b.own_vol[i] = constant;
    }
    const double* spot = b.spot;
    if (plan.premium_adjusted) {  // impact in coins
        HC_EACH(i, n) b.own_inverse[i] = __builtin_sqrt(spot[i]);
        spot = b.own_inverse;
    }
    HC_EACH(i, n) {
        const double kappa = smaller(b.own_vol[i] * spot[i], 600.0), far = scaled_exponential(1.0, -smaller(2.0 * kappa * left, 600.0));
        b.outer[i] = scaled_exponential(1.0, -kappa * (1.0 - far) / (1.0 + far));
    }
}

// Orders that may not be made are taken back: soon after a trade, below the least trade, without a move of the price or a keeper; lots are rounded to.
static bool filter_orders(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* log_spot,
                          std::uint64_t step) {
    const std::size_t n = b.n;
    double* order = b.order;
    if (p.lot > 0.0) {
        const double lot = p.lot, per_lot = 1.0 / p.lot;
        HC_EACH(i, n) order[i] = nearest(order[i] * per_lot) * lot;
    }
    if (p.least_trade > 0.0) {
        const double least = p.least_trade;
        HC_EACH(i, n) order[i] = magnitude(order[i]) >= least ? order[i] : 0.0;
    }
    if (p.cool_down > 0) {
        const double *traded = s.traded, now = double(step), rest = double(p.cool_down);
        HC_EACH(i, n) order[i] = now - traded[i] > rest ? order[i] : 0.0;
    }
    if ((p.least_move > 0.0 || p.least_fall > 0.0) && step > 0) {
        const std::uint64_t before = step > p.move_window ? step - p.move_window : 0;
        const double *past = b.moved[before % plan.history], rise = p.least_move, fall = p.least_fall;
        HC_EACH(i, n) {
            const double move = log_spot[i] - past[i];
            order[i] = from_bits(bits_of(order[i]) & (mask_of(move >= rise) | mask_of(move <= -fall)));
        }
    }
    if (plan.has[std::size_t(OutageKind::keeper)] && !(step == 0 && plan.first_at_once)) {
        const std::uint64_t* down = b.down[std::size_t(OutageKind::keeper)];
        HC_EACH(i, n) order[i] = from_bits(bits_of(order[i]) & ~down[i]);
    }
    std::uint64_t any = 0;
    HC_EACH(i, n) any |= mask_of(order[i] != 0.0);
    return any != 0;
}

HC_INLINE bool looks(const HedgePlan& plan, const PolicyPlan& p, std::uint64_t step) {
    return step % p.every == 0 && plan.steps[step].polled && !(p.blackout > 0 && plan.steps[step].to_expiry <= p.blackout);
}

template <bool plain_unit, class W>
static bool decide_within(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta, const W width, bool exposes) {
    return exposes ? decide_by_deviation<plain_unit, true>(p, s, b, delta, width)
                   : decide_by_deviation<plain_unit, false>(p, s, b, delta, width);
}

// Shares of x, and widths that are USD.
template <bool plain_unit>
static bool decide_by_thresholds(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta, bool exposes) {
    const double keep = 1.0 - p.ratio;
    if (p.in_money) {
        return p.by_ratio ? decide_by_deviation<plain_unit, false>(p, s, b, delta, ScaledShare{b.inverse_spot, p.size, keep})
                          : decide_by_deviation<plain_unit, false>(p, s, b, delta, ScaledWidth{b.inverse_spot, p.size, p.inner, 0.0});
    }
    return p.by_ratio ? decide_by_deviation<plain_unit, false>(p, s, b, delta, FixedShare{p.size, keep})
                      : decide_within<plain_unit>(p, s, b, delta, FixedWidth{p.size, p.size * p.inner}, exposes);
}

// The orders by the law of one policy. `exposed`: whether the exposure has been added.
template <bool plain_unit>
static bool decide_by_law(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const PathBlock& paths,
                          std::uint64_t step, bool& exposed) {
    const std::size_t n = b.n;
    const StepPlan& now = plan.steps[step];
    const double* log_spot = b.log_spot;
    const double* delta = p.centre == Centre::zakamouline ? zakamouline(plan, p, b, log_spot, step) : ratio_delta(plan, b, p.delta, log_spot, step);
    if (p.in_money) {
        const double target = p.target;
        HC_EACH(i, n) b.own_delta[i] = mad(-target, b.inverse_spot[i], delta[i]);
        delta = b.own_delta;
    }
    exposed = p.exposes;
    if (p.trigger == Trigger::move) {
        return decide_by_trigger<plain_unit>(p, s, b, delta, MoveTrigger{log_spot, s.last, p.up * p.size, p.down * p.size});
    }
    if (p.trigger == Trigger::interval && p.width == Width::fixed) {
        return decide_by_trigger<plain_unit>(p, s, b, delta, IntervalTrigger<FixedWidth>{s.traded, double(step), {p.size, 0.0}});
    }
    switch (p.width) {
        case Width::fixed: return decide_by_thresholds<plain_unit>(p, s, b, delta, exposed);
        case Width::whalley_wilmott: {
            const double* cube = p.decay > 0.0 || p.forecast_level >= 0 ? forecast_cube(plan, p, paths, b, step) : b.cube;
            return decide_within<plain_unit>(p, s, b, delta, ScaledWidth{cube, p.size * p.scale * now.root3, p.inner, p.least_width}, exposed);
        }
        case Width::smooth:
            smooth_shares(plan, p, paths, b, step);
            return decide_by_deviation<plain_unit, false>(p, s, b, delta, LaneShare{b.outer});
        case Width::fixed_and_proportional: return exposed ? decide_by_impulse<plain_unit, true>(p, s, b, delta) : decide_by_impulse<plain_unit, false>(p, s, b, delta);
        case Width::realised_vol: realised_widths(p, paths, b); break;
        case Width::zakamouline: break;  // with the delta
    }
    const LaneWidth width{b.outer, b.inner};
    if (p.trigger == Trigger::interval) {
        return decide_by_trigger<plain_unit>(p, s, b, delta, IntervalTrigger<LaneWidth>{s.traded, double(step), width});
    }
    return decide_within<plain_unit>(p, s, b, delta, width, exposed);
}

template <bool plain_unit>
static bool decide(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const PathBlock& paths,
                   std::uint64_t step, bool& exposed);

// The orders of a combination, merged path by path. An order is a member's where it is not 0.
template <bool plain_unit>
static bool decide_by_members(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const PathBlock& paths,
                              std::uint64_t step) {
    const std::size_t n = b.n;
    double *kept = b.kept[p.depth], *order = b.order;
    const bool all = p.combination == Combination::all_of;
    bool begun = false;
    for (std::size_t k = 0; k < p.member_count; ++k) {
        const PolicyPlan& member = p.member[k];
        bool exposed = false;
        if (!looks(plan, member, step) || !decide<plain_unit>(plan, member, s, b, paths, step, exposed)) {
            if (all) return false;
            continue;
        }
        if (!begun) {
            HC_EACH(i, n) kept[i] = order[i] + 0.0;
        } else if (all) {
            HC_EACH(i, n) kept[i] = from_bits(bits_of(kept[i]) & mask_of(order[i] != 0.0));
        } else {
            HC_EACH(i, n) kept[i] = chosen(kept[i] != 0.0, kept[i], order[i]);
        }
        begun = true;
    }
    if (!begun) return false;
    std::uint64_t any = 0;
    HC_EACH(i, n) {
        order[i] = kept[i] + 0.0;
        any |= mask_of(order[i] != 0.0);
    }
    return any != 0;
}

// The orders of one policy at a step that it looks at; false where there are none.
template <bool plain_unit>
static bool decide(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const PathBlock& paths,
                   std::uint64_t step, bool& exposed) {
    const bool any = p.member ? decide_by_members<plain_unit>(plan, p, s, b, paths, step)
                              : decide_by_law<plain_unit>(plan, p, s, b, paths, step, exposed);
    return any && p.filtered ? filter_orders(plan, p, s, b, paths.log_spot[plan.asset], step) : any;
}
