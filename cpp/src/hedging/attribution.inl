// What made the P&L of the position: Taylor's series in the price and the vols with the Greeks of the start of a step, and what the
// revaluation has beyond it. In coins the variable is P = -1 / S, in which spot, perpetuals and futures are linear:
// dC/dP = S (Delta - V / S), d2C/dP2 = S^3 Gamma, d2C/dP dvol = S vanna - vega. With y = dS in money of the horizon, or S dP in coins,
// both are net delta y, and hedges gain y for each coin of their delta.

static double* line_of(const HedgeBlock& b, HedgeLine line) { return b.line[std::size_t(line)]; }

// The terms of the move from step - 1 to `step`, whose prices and vols are known, with Greeks still those of before.
static void attribute_move(const HedgePlan& plan, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const double growth = plan.steps[step].growth, grown = growth - plan.steps[step - 1].growth, h = plan.step;
    if (plan.premium_adjusted) {
        HC_EACH(i, n) b.per[i] = 1.0 / b.before[i];
    } else {
        HC_EACH(i, n) b.per[i] = growth;
    }
    double *delta = line_of(b, HedgeLine::delta), *convexity = line_of(b, HedgeLine::gamma_theta), *carry = line_of(b, HedgeLine::carry);
    const double coin = plan.premium_adjusted ? 1.0 : 0.0, quote = 1.0 - coin;
    HC_EACH(i, n) {
        const double y = b.money[i] * (b.spot[i] - b.before[i]);
        const double first = b.delta[i] * y;
        const double second = 0.5 * b.gamma[i] * y * y * (coin + quote / (b.before[i] * growth));
        const double decay = mad(b.theta[i] * h, b.per[i], second);
        b.push[i] = y;
        b.taylor[i] = first + decay;
        delta[i] += first;
        convexity[i] += decay;
        carry[i] = mad(grown, b.value[i], carry[i]);
        b.old_value[i] = b.value[i] * b.per[i];
    }
    if (plan.kind == HedgeKind::inverse_perpetual) {
        HC_EACH(i, n) b.price_worth[i] += b.push[i] / b.before[i];
    } else {
        const double unit = plan.kind == HedgeKind::dated_future ? plan.steps[step - 1].unit : 1.0;
        HC_EACH(i, n) b.price_worth[i] = mad(unit, b.push[i], b.price_worth[i]);
    }
    if (step == plan.last) return;  // what expires has no vol any more
    double *vega = line_of(b, HedgeLine::vega), *vanna = line_of(b, HedgeLine::vanna), *volga = line_of(b, HedgeLine::volga);
    for (std::size_t k = 0; k < plan.vols; ++k) {
        const VolLanes& lanes = b.vols[k];
        HC_EACH(i, n) {
            const double move = lanes.vol[i] - lanes.before[i], other = move * b.per[i];
            const double first = lanes.vega[i] * other, cross = lanes.vanna[i] * move * b.push[i], second = 0.5 * lanes.volga[i] * move * other;
            vega[i] += first;
            vanna[i] += cross;
            volga[i] += second;
            b.taylor[i] += first + cross + second;
        }
    }
}

// Adds value and theta of an option, and where it has a vol of `lanes` and lives after the next step, the Greeks of that vol.
template <bool own_vol, bool premium_adjusted>
static void add_value(const HedgePlan& plan, const OptionPlan& o, HedgeBlock& b, std::uint64_t step, const double* log_spot) {
    const std::size_t n = b.n;
    const double left = double(o.expiry - step) * plan.step, root = __builtin_sqrt(left), rate = plan.rate, per_left = 1.0 / left;
    const double base = o.vol * root, inverse_base = 1.0 / base;
    const double centre = o.log_strike - rate * left, kind = o.kind, quantity = o.quantity;
    const VolFactors own = vols_of(o, b);
    HC_EACH(i, n) {
        const double s = own_vol ? base * own.vol[i] : base, inverse = own_vol ? inverse_base * own.inverse[i] : inverse_base;
        const double x = log_spot[i] - centre;
        const double d1 = larger(smaller(mad(x, inverse, 0.5 * s), 50.0), -50.0), d2 = larger(smaller(mad(x, inverse, -0.5 * s), 50.0), -50.0);
        const double density = scaled_exponential(inverse_sqrt_2pi, -0.5 * d1 * d1);
        const double tail1 = density * mills_ratio(magnitude(d1)), tail2 = density * mills_ratio(magnitude(d2));
        const double discount = scaled_exponential(1.0, -larger(smaller(x, 600.0), -600.0));
        const double share = kind * (kind * d1 > 0.0 ? 1.0 - tail1 : tail1), paid = kind * (kind * d2 > 0.0 ? discount - tail2 : tail2);
        const double size = quantity * b.spot[i];
        b.value[i] = mad(size, share - paid, b.value[i]);
        // Black's equation: theta = -(1/2) vol^2 S^2 Gamma - r (S Delta - V)
        b.theta[i] = mad(size, -mad(0.5 * per_left * density, s, rate * paid), b.theta[i]);
    }
    if (!own_vol || o.expiry == step + 1) return;
    const VolLanes& lanes = b.vols[o.vols];
    HC_EACH(i, n) {
        const double s = base * own.vol[i], inverse = inverse_base * own.inverse[i];
        const double x = log_spot[i] - centre;
        const double d1 = larger(smaller(mad(x, inverse, 0.5 * s), 50.0), -50.0), d2 = d1 - s;
        const double by_vol = quantity * root * scaled_exponential(inverse_sqrt_2pi, -0.5 * d1 * d1), vega = by_vol * b.spot[i];
        const double bend = inverse * d2;
        lanes.vega[i] += vega;
        lanes.vanna[i] -= premium_adjusted ? by_vol * (1.0 + bend) : by_vol * bend;
        lanes.volga[i] = mad(vega * d1 * root, bend, lanes.volga[i]);
    }
}

// The value of the position at `step` and the Greeks that the next move is put down to; what the last move has beyond its terms.
static void revalue(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const double* log_spot = paths.log_spot[plan.asset];
    HC_EACH(i, n) {
        b.value[i] = 0.0 * b.spot[i];
        b.theta[i] = 0.0 * b.spot[i];
    }
    for (std::size_t k = 0; k < plan.vols; ++k) {
        const VolLanes& lanes = b.vols[k];
        HC_EACH(i, n) {
            lanes.vega[i] *= 0.0;
            lanes.vanna[i] *= 0.0;
            lanes.volga[i] *= 0.0;
        }
    }
    for (std::size_t j = 0; j < plan.options; ++j) {
        const OptionPlan& o = plan.option[j];
        if (o.expiry <= step) continue;
        if (plan.premium_adjusted) {
            o.vols < 0 ? add_value<false, true>(plan, o, b, step, log_spot) : add_value<true, true>(plan, o, b, step, log_spot);
        } else {
            o.vols < 0 ? add_value<false, false>(plan, o, b, step, log_spot) : add_value<true, false>(plan, o, b, step, log_spot);
        }
    }
    if (step == 0) {
        double* edge = line_of(b, HedgeLine::edge);
        const double paid = plan.initial_value * plan.steps[0].growth;
        HC_EACH(i, n) {
            edge[i] = mad(b.money[i], b.value[i], -paid);
            b.price_worth[i] = 0.0 * b.spot[i];
        }
        return;
    }
    double *jumps = line_of(b, HedgeLine::jumps), *residual = line_of(b, HedgeLine::residual);
    const double least = 16.0 * plan.step * plan.mean_vol * plan.mean_vol;
    if (plan.model_vol) {
        // at the last step the vols have not moved on
        const double *before = step == plan.last ? b.vols[0].vol : b.vols[0].before, scale = 16.0 * plan.step;
        HC_EACH(i, n) b.per[i] = scale * before[i] * before[i];
    } else {
        HC_EACH(i, n) b.per[i] = least;
    }
    HC_EACH(i, n) {
        const double rest = mad(b.money[i], b.value[i], b.paid[i]) - b.old_value[i] - b.taylor[i];
        const bool jump = b.move[i] * b.move[i] > b.per[i];
        jumps[i] += jump ? rest : 0.0;
        residual[i] += jump ? 0.0 : rest;
    }
}
