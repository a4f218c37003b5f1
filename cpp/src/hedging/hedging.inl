// One block of paths through one step of a hedging simulation, in the order that hedgecore/hedging.hpp states.
// Sums and products with 0.0 stand where plain copies and zeros would be compiled to calls of memmove and memset.

static bool is_plain(HedgeKind kind) { return kind == HedgeKind::spot || kind == HedgeKind::linear_perpetual; }

// P&L of a unit of the instrument since time 0. Spot is paid for and financed; the others are settled at every step.
static void instrument_worth(const HedgePlan& plan, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const bool off_peg = plan.has[std::size_t(OutageKind::depeg)];
    if (plan.kind == HedgeKind::spot && !plan.premium_adjusted) {
        HC_EACH(i, n) b.worth[i] = b.amount[i] + 0.0;
        return;
    }
    if (step == 0) {
        HC_EACH(i, n) b.worth[i] = 0.0 * b.spot[i];
        return;
    }
    const double h = plan.step, rate = plan.funding * h;
    const double* level = b.level;  // that of the start of the step
    if (plan.kind == HedgeKind::dated_future) {
        const double now = plan.steps[step].unit, before = plan.steps[step - 1].unit;
        HC_EACH(i, n) b.worth[i] = mad(b.money[i], now * b.spot[i] - before * b.before[i], b.worth[i]);
    } else if (plan.kind == HedgeKind::inverse_perpetual) {
        HC_EACH(i, n) {
            const double funding = rate * level[i], growth = b.spot[i] / b.before[i];
            b.worth[i] = mad(b.money[i], growth * (1.0 - funding) - 1.0, b.worth[i]);
        }
    } else if (off_peg) {
        HC_EACH(i, n) {
            const double funding = rate * level[i], before = b.before[i] * b.peg_before[i];
            b.worth[i] = mad(b.money[i], b.spot[i] * b.peg[i] - before - funding * before, b.worth[i]);
        }
    } else {
        HC_EACH(i, n) {
            const double funding = rate * level[i];
            b.worth[i] = mad(b.money[i], b.spot[i] - b.before[i] - funding * b.before[i], b.worth[i]);
        }
    }
}

// Prices of this time and what follows from them. paths is at `step`.
static void observe(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const double* log_spot = paths.log_spot[plan.asset];
    const StepPlan& now = plan.steps[step];
    if (plan.outages) outages_step(plan, paths, b, step);
    if (step > 0) {
        HC_EACH(i, n) b.before[i] = b.spot[i] + 0.0;
    }
    HC_EACH(i, n) b.spot[i] = scaled_exponential(1.0, log_spot[i]);
    if (plan.premium_adjusted || (plan.needs & (hedge_root | hedge_inverse)) || plan.kind == HedgeKind::inverse_perpetual) {
        HC_EACH(i, n) b.inverse_spot[i] = 1.0 / b.spot[i];
    }
    const double growth = now.growth;
    if (plan.premium_adjusted) {
        HC_EACH(i, n) {
            b.money[i] = b.inverse_spot[i] + 0.0;
            b.amount[i] = 1.0;
        }
    } else {
        HC_EACH(i, n) {
            b.money[i] = growth;
            b.amount[i] = growth * b.spot[i];
        }
    }
    if (plan.has[std::size_t(OutageKind::depeg)]) {
        HC_EACH(i, n) b.amount[i] *= b.peg[i];
    }
    instrument_worth(plan, b, step);
    if (plan.kind == HedgeKind::inverse_perpetual) {
        HC_EACH(i, n) {
            b.unit[i] = b.inverse_spot[i] + 0.0;
            b.per_unit[i] = b.spot[i] + 0.0;
        }
    } else if (plan.kind == HedgeKind::dated_future) {
        const double unit = now.unit, per_unit = 1.0 / now.unit;
        HC_EACH(i, n) {
            b.unit[i] = unit;
            b.per_unit[i] = per_unit;
        }
    }
    if (plan.funding_level >= 0) {
        const double* level = paths.level[plan.funding_level];
        HC_EACH(i, n) b.level[i] = level[i] + 0.0;
    } else if (step == 0) {
        HC_EACH(i, n) b.level[i] = 1.0;
    }
    const double fixed = plan.fixed;
    if (fixed > 0.0 && plan.fixed_level >= 0) {
        const double* level = paths.level[plan.fixed_level];
        HC_EACH(i, n) b.fixed[i] = fixed * level[i] * b.money[i];
    } else {
        HC_EACH(i, n) b.fixed[i] = fixed * b.money[i];
    }
    if (plan.has[std::size_t(OutageKind::depeg)]) {
        HC_EACH(i, n) b.fixed[i] *= b.peg[i];
    }
    // averages of squared returns, and past prices
    if (step > 0) {
        for (std::size_t k = 0; k < plan.variances; ++k) {
            double* variance = b.variance[k];
            const double keep = plan.variance_decay[k], per_year = (1.0 - keep) / plan.step;
            HC_EACH(i, n) {
                const double r = log_spot[i] - b.log_before[i];
                variance[i] = mad(keep, variance[i], per_year * r * r);
            }
        }
    }
    if (plan.attribution && step > 0) {
        HC_EACH(i, n) b.move[i] = log_spot[i] - b.log_before[i];
    }
    HC_EACH(i, n) b.log_before[i] = log_spot[i] + 0.0;
    if (plan.history > 0) {
        double* kept = b.moved[step % plan.history];
        HC_EACH(i, n) kept[i] = log_spot[i] + 0.0;
    }
}

// The position's Greeks, and the powers of its gamma that laws share. b.gamma is S Gamma.
static void shared_greeks(const HedgePlan& plan, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const double* log_spot = b.log_spot;
    position_greeks(plan, b, step, 1.0, log_spot, {nullptr, nullptr}, b.delta, plan.needs & hedge_gamma ? b.gamma : nullptr);
    if (!(plan.needs & (hedge_cube | hedge_root | hedge_shift | hedge_impulse))) return;
    HC_EACH(i, n) b.log_gamma[i] = finite_logarithm<false>(larger(magnitude(b.gamma[i]), 1e-300));
    const double coin = plan.premium_adjusted ? 1.0 : 0.0;
    const auto power = [&](double* out, double of_gamma, double of_spot) {
        HC_EACH(i, n) out[i] = scaled_exponential(1.0, of_gamma * b.log_gamma[i] + of_spot * log_spot[i]);
    };
    // in logarithms: ln Gamma = log_gamma - ln S
    if (plan.needs & hedge_cube) power(b.cube, 2.0 / 3.0, (coin - 1.0) / 3.0);
    if (plan.needs & hedge_root) power(b.root, 0.5, 0.5 * (coin - 1.0));
    if (plan.needs & hedge_shift) power(b.shift, 0.15, 0.15 * (1.0 - coin));
    if (plan.needs & hedge_impulse) {
        power(b.impulse, 0.5, 0.25 * coin - 0.5);
        power(b.ninth, 0.5 / 9.0, (0.25 * coin + 0.5) / 9.0);
        power(b.per_ninth, -0.5 / 9.0, -(0.25 * coin + 0.5) / 9.0);
    }
}

// All that follows from b.log_spot once more, where it is another price than before.
static void greeks_again(const HedgePlan& plan, HedgeBlock& b, std::uint64_t step) {
    if (plan.vols > 0 && !plan.model_vol) move_smiles(plan, b, step);
    for (std::size_t k = 1; k < plan.ratios; ++k) b.ratio_step[k - 1] = ~std::uint64_t(0);
    shared_greeks(plan, b, step);
}

// With permanent impact: the price that a policy lives at, before what it trades now, and the Greeks there; and those of the market again.
HC_INLINE void own_price(const HedgePlan& plan, HedgeBlock& b, std::size_t j, std::uint64_t step) {
    shift_price(plan, b.policy[j], b);
    greeks_again(plan, b, step);
}

static void market_price(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    HC_EACH(i, n) b.spot[i] = b.market[i] + 0.0;
    b.log_spot = paths.log_spot[plan.asset];
    if (step < plan.last) greeks_again(plan, b, step);
}

// What a decision that is made elsewhere is shown.
static void hedge_own_price(const HedgePlan& plan, HedgeBlock& b, std::size_t j, std::uint64_t step) {
    own_price(plan, b, j, step);
    ratio_delta(plan, b, plan.policy[j].delta, b.log_spot, step);
}

template <bool plain_unit>
HC_INLINE void expose(const PolicyPlan& p, const PolicyState& s, const HedgeBlock& b) {
    const std::size_t n = b.n;
    const double *held = s.held, *unit = b.unit, *delta = b.delta, target = p.target;
    double* exposure = s.exposure;
    if (p.in_money) {
        const double* inverse_spot = b.inverse_spot;
        HC_EACH(i, n) {
            exposure[i] += magnitude((plain_unit ? held[i] : held[i] * unit[i]) + mad(-target, inverse_spot[i], delta[i]));
        }
        return;
    }
    HC_EACH(i, n) exposure[i] += magnitude((plain_unit ? held[i] : held[i] * unit[i]) + (delta[i] - target));
}

template <bool plain_unit>
static void policies_step(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const bool moves = plan.permanent > 0.0;
    for (std::size_t j = 0; j < plan.policies; ++j) {
        const PolicyPlan& p = plan.policy[j];
        const PolicyState& s = b.policy[j];
        if (moves) {
            own_price(plan, b, j, step);
            settle_at_own_price(plan, s, b, step);
        }
        if (plan.ring > 0) fill_due<plain_unit>(plan, s, b, step);
        if (p.external) {
            if (!moves && looks(plan, p, step)) ratio_delta(plan, b, p.delta, b.log_spot, step);
            continue;
        }
        if (moves && plan.ring > 0) own_price(plan, b, j, step);
        bool exposed = false;
        if (looks(plan, p, step) && decide<plain_unit>(plan, p, s, b, paths, step, exposed)) place<plain_unit>(plan, p, s, b, paths, step);
        if (plan.settles) settle<plain_unit>(plan, p, s, b, paths, step);
        if (!exposed) expose<plain_unit>(p, s, b);
        if (moves) own_funding(plan, s, b, step);
    }
    if (moves) market_price(plan, paths, b, step);
}

static void hedge_start(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b) {
    const std::size_t n = b.n = paths.n;
    for (std::size_t k = 1; k < plan.ratios; ++k) b.ratio_step[k - 1] = ~std::uint64_t(0);
    const double initial = plan.initial_value, growth = plan.steps[0].growth;
    b.faulty = 0;
    HC_EACH(i, n) b.option[i] = -initial * growth;
    if (plan.outages) outages_start(plan, b);
    if (plan.permanent > 0.0) {
        HC_EACH(i, n) b.sunk[i] = bits_of(0.0 * b.option[i]) & 1;
    }
    for (std::size_t k = 0; k < plan.variances; ++k) {
        const double start = plan.variance_start[k];
        double* variance = b.variance[k];
        HC_EACH(i, n) variance[i] = start;
    }
    for (std::size_t j = 0; j < plan.policies; ++j) {
        double *last = b.policy[j].last, *traded = b.policy[j].traded;
        HC_EACH(i, n) {
            last[i] = __builtin_nan("");
            traded[i] = -__builtin_inf();
        }
    }
}

// What all policies hold of the instrument when the simulation begins.
static void hold_at_start(const HedgePlan& plan, HedgeBlock& b) {
    const std::size_t n = b.n;
    const double holding = plan.holding;
    for (std::size_t j = 0; j < plan.policies; ++j) {
        const PolicyState& s = b.policy[j];
        double *ordered = s.ordered, *held = s.held, *gain = s.gain;
        HC_EACH(i, n) {
            ordered[i] = holding;
            gain[i] = -holding * b.worth[i];
        }
        HC_EACH(i, n) held[i] = holding;
    }
}

// Prices and settlements of a time; with attribution, what they made of the position since the time before.
static void open_step(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    observe(plan, paths, b, step);
    b.log_spot = paths.log_spot[plan.asset];
    if (plan.permanent > 0.0) {
        HC_EACH(i, n) b.market[i] = b.spot[i] + 0.0;
    }
    if (plan.attribution) {
        HC_EACH(i, n) b.paid[i] = b.option[i] + 0.0;
    }
    settle_options(plan, step, b);
    if (step < plan.last) move_vols(plan, paths, b, step);
    if (plan.attribution) {
        HC_EACH(i, n) b.paid[i] = b.option[i] - b.paid[i];
        if (step > 0) attribute_move(plan, b, step);
        revalue(plan, paths, b, step);
    }
}

// Time `step`, before the horizon.
static void hedge_step(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    open_step(plan, paths, b, step);
    if (step == 0 && plan.holding != 0.0) hold_at_start(plan, b);
    shared_greeks(plan, b, step);
    is_plain(plan.kind) ? policies_step<true>(plan, paths, b, step) : policies_step<false>(plan, paths, b, step);
}

// What follows a decision that was made elsewhere, whose orders are in b.order.
template <bool plain_unit>
static void orders_step(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::size_t j, std::uint64_t step, bool any) {
    const PolicyPlan& p = plan.policy[j];
    const PolicyState& s = b.policy[j];
    if (any && p.filtered) any = filter_orders(plan, p, s, b, paths.log_spot[plan.asset], step);
    if (any) place<plain_unit>(plan, p, s, b, paths, step);
    if (plan.settles) settle<plain_unit>(plan, p, s, b, paths, step);
    expose<plain_unit>(p, s, b);
    if (plan.permanent > 0.0) {
        own_funding(plan, s, b, step);
        market_price(plan, paths, b, step);
    }
}

static void hedge_orders(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::size_t j, std::uint64_t step, bool any) {
    is_plain(plan.kind) ? orders_step<true>(plan, paths, b, j, step, any) : orders_step<false>(plan, paths, b, j, step, any);
}

// The horizon: the last options are settled and what is held is valued; it is sold where that is asked for.
static void hedge_finish(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b) {
    const std::size_t n = b.n;
    open_step(plan, paths, b, plan.last);
    for (std::size_t j = 0; j < plan.policies; ++j) {
        const PolicyState& s = b.policy[j];
        if (plan.permanent > 0.0) {
            shift_price(plan, s, b);
            settle_at_own_price(plan, s, b, plan.last);
        }
        if (plan.close) {
            const double* held = s.held;
            const double* unit = is_plain(plan.kind) ? nullptr : b.unit;
            const double tolerance = plan.policy[j].tolerance;
            if (unit) {
                HC_EACH(i, n) b.order[i] = from_bits(bits_of(-held[i]) & mask_of(magnitude(held[i] * unit[i]) > tolerance));
            } else {
                HC_EACH(i, n) b.order[i] = from_bits(bits_of(-held[i]) & mask_of(magnitude(held[i]) > tolerance));
            }
            is_plain(plan.kind) ? fill<true>(plan, s, b, b.order, nullptr) : fill<false>(plan, s, b, b.order, nullptr);
        } else {
            HC_EACH(i, n) s.gain[i] = mad(s.held[i], b.worth[i], s.gain[i]);
            if (plan.attribution) {
                HC_EACH(i, n) s.price[i] = mad(s.held[i], b.price_worth[i], s.price[i]);
            }
            if (plan.permanent > 0.0) value_at_own_price(plan, s, b);
        }
    }
    if (plan.permanent > 0.0) market_price(plan, paths, b, plan.last);
}
