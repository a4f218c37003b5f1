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
HC_INLINE double outer_at(const FixedWidth& w, std::size_t) { return w.outer; }
HC_INLINE double inner_at(const FixedWidth& w, std::size_t) { return w.inner; }
HC_INLINE double outer_at(const ScaledWidth& w, std::size_t i) { return larger(w.scale * w.lane[i], w.least); }
HC_INLINE double inner_at(const ScaledWidth& w, std::size_t i) { return w.share * larger(w.scale * w.lane[i], w.least); }
HC_INLINE double outer_at(const LaneWidth& w, std::size_t i) { return w.outer[i]; }
HC_INLINE double inner_at(const LaneWidth& w, std::size_t i) { return w.inner[i]; }

// Fills b.order, in units of the instrument; true if there is one. Bounds reach beyond what rounding leaves of a deviation. Where
// `exposes`, orders are filled at once and as they are, and what is left of x is added to the exposure here.
template <bool plain_unit, bool by_ratio, bool exposes, class W>
static bool decide_by_deviation(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta, const W width) {
    const std::size_t n = b.n;
    const double *ordered = s.ordered, *unit = b.unit, *per_unit = b.per_unit;
    double *order = b.order, *exposure = s.exposure;
    const double up = p.up, down = p.down, target = p.target, keep = 1.0 - p.ratio, tolerance = p.tolerance;
    std::uint64_t any = 0;
    HC_EACH(i, n) {
        const double x = (plain_unit ? ordered[i] : ordered[i] * unit[i]) + (delta[i] - target);
        const double outer = outer_at(width, i), inner = inner_at(width, i);
        const double landing = by_ratio ? keep * x : larger(smaller(x, up * inner), -(down * inner));
        const bool high = x > mad(up, outer, tolerance), low = x < -mad(down, outer, tolerance);
        const double change = landing - x, wanted = plain_unit ? change : change * per_unit[i];
        order[i] = from_bits(bits_of(wanted) & (mask_of(high) | mask_of(low)));
        any |= bits_of(order[i]);
        if constexpr (exposes) exposure[i] += magnitude(high | low ? landing : x);
    }
    return any != 0;
}

template <bool plain_unit>
static bool decide_by_move(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta, const double* log_spot) {
    const std::size_t n = b.n;
    const double *ordered = s.ordered, *unit = b.unit, *per_unit = b.per_unit, *last = s.last;
    double* order = b.order;
    const double up = p.up * p.size, down = p.down * p.size, target = p.target, ratio = p.by_ratio ? p.ratio : 1.0;
    const double tolerance = p.tolerance;
    std::uint64_t any = 0;
    HC_EACH(i, n) {
        const double x = (plain_unit ? ordered[i] : ordered[i] * unit[i]) + (delta[i] - target);
        const double move = log_spot[i] - last[i];
        const double wanted = plain_unit ? -ratio * x : -ratio * x * per_unit[i];
        order[i] = from_bits(bits_of(wanted) & (mask_of(move > up) | mask_of(move < -down)) & mask_of(magnitude(x) > tolerance));
        any |= bits_of(order[i]);
    }
    return any != 0;
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
        const double factor = __builtin_sqrt(larger(1.0 + (b.gamma[i] > 0.0 ? kz : -kz), 1e-4));
        b.own_vol[i] = factor;
        b.own_inverse[i] = 1.0 / factor;
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
static void impulse_widths(const PolicyPlan& p, HedgeBlock& b) {
    const std::size_t n = b.n;
    const double impulse = p.impulse, load = p.load, least = p.least_width, size = 0.5 * p.size;
    HC_EACH(i, n) {
        const double m = impulse * b.impulse[i], rho = load * b.spot[i] * b.impulse[i];
        double z = scaled_exponential(1.0, finite_logarithm<false>(1.0 + rho) * (1.0 / 9.0));
#pragma GCC unroll 2
        for (int k = 0; k < 2; ++k) {
            const double square = z * z, fourth = square * square, seventh = fourth * square * z;
            const double eighth = fourth * fourth, value = mad(eighth, z, -z - rho), slope = mad(9.0, eighth, -1.0);
            z -= 2.0 * value * slope / mad(2.0 * slope, slope, -72.0 * seventh * value);
        }
        const double sum = m * z * z * z, gap = m / z;
        b.outer[i] = larger(size * (sum + gap), least);
        b.inner[i] = smaller(size * (sum - gap), b.outer[i]);
    }
}

static void realised_widths(const PolicyPlan& p, HedgeBlock& b) {
    const std::size_t n = b.n;
    const double* variance = b.variance[p.variance];
    const double size = p.size, power = 0.5 * p.power, per = 1.0 / (p.vol * p.vol), share = p.inner, least = p.least_width;
    HC_EACH(i, n) {
        b.outer[i] = larger(size * scaled_exponential(1.0, power * finite_logarithm<false>(larger(variance[i] * per, 1e-12))), least);
        b.inner[i] = share * b.outer[i];
    }
}

// Orders that may not be made are taken back: before `ready`, below the least trade, without a move or a keeper; lots are rounded to.
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
        const double* ready = s.ready;
        const double now = double(step);
        HC_EACH(i, n) order[i] = ready[i] <= now ? order[i] : 0.0;
    }
    if (p.least_move > 0.0 && step > 0) {
        const std::uint64_t before = step > p.move_window ? step - p.move_window : 0;
        const double *past = b.moved[before % plan.history], least = p.least_move;
        HC_EACH(i, n) order[i] = magnitude(log_spot[i] - past[i]) >= least ? order[i] : 0.0;
    }
    if (plan.has[std::size_t(OutageKind::keeper)] && !(step == 0 && plan.first_at_once)) {
        const std::uint64_t* down = b.down[std::size_t(OutageKind::keeper)];
        HC_EACH(i, n) order[i] = from_bits(bits_of(order[i]) & ~down[i]);
    }
    std::uint64_t any = 0;
    HC_EACH(i, n) any |= mask_of(order[i] != 0.0);
    return any != 0;
}

template <bool plain_unit, class W>
static bool decide_within(const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* delta, const W width, bool exposes) {
    return exposes ? decide_by_deviation<plain_unit, false, true>(p, s, b, delta, width)
                   : decide_by_deviation<plain_unit, false, false>(p, s, b, delta, width);
}

// The orders of one policy at a step that it looks at; false where there are none. `exposed`: whether the exposure has been added.
template <bool plain_unit>
static bool decide(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const double* log_spot,
                   std::uint64_t step, bool& exposed) {
    const StepPlan& now = plan.steps[step];
    const double* delta = p.centre == Centre::zakamouline ? zakamouline(plan, p, b, log_spot, step) : ratio_delta(plan, b, p.delta, log_spot, step);
    exposed = p.exposes && p.trigger == Trigger::deviation && !p.by_ratio;
    bool any;
    if (p.trigger == Trigger::move && step > 0) {
        any = decide_by_move<plain_unit>(p, s, b, delta, log_spot);
    } else if (p.trigger == Trigger::move) {
        any = decide_within<plain_unit>(p, s, b, delta, FixedWidth{0.0, 0.0}, false);
    } else if (p.by_ratio) {
        any = decide_by_deviation<plain_unit, true, false>(p, s, b, delta, FixedWidth{p.size, p.size});
    } else {
        switch (p.width) {
            case Width::whalley_wilmott:
                any = decide_within<plain_unit>(p, s, b, delta, ScaledWidth{b.cube, p.size * p.scale * now.root3, p.inner, p.least_width}, exposed);
                break;
            case Width::fixed: any = decide_within<plain_unit>(p, s, b, delta, FixedWidth{p.size, p.size * p.inner}, exposed); break;
            default:
                if (p.width == Width::fixed_and_proportional) impulse_widths(p, b);
                if (p.width == Width::realised_vol) realised_widths(p, b);
                any = decide_within<plain_unit>(p, s, b, delta, LaneWidth{b.outer, b.inner}, exposed);
                break;
        }
    }
    return any && p.filtered ? filter_orders(plan, p, s, b, log_spot, step) : any;
}
