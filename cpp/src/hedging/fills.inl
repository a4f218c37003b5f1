// Orders become fills, and fills move the ledgers. Trading at time t a unit whose P&L since time 0 is worth[t] and holding it to the
// end gains worth[end] - worth[t]: a ledger changes only when there is a trade.

// Fills of `size` units at this time, where it is not 0.
template <bool plain_unit, bool small_costs>
static void fill(const HedgePlan& plan, const PolicyState& s, const HedgeBlock& b, const double* size, const double* attempts) {
    const std::size_t n = b.n;
    double *held = s.held, *gain = s.gain, *turnover = s.turnover, *trades = s.trades;
    const double *worth = b.worth, *unit = b.unit, *amount = b.amount;
    HC_EACH(i, n) {
        const double coins = plain_unit ? magnitude(size[i]) : magnitude(size[i] * unit[i]);
        held[i] += size[i];
        gain[i] = mad(-size[i], worth[i], gain[i]);
        turnover[i] = mad(coins, amount[i], turnover[i]);
        trades[i] += size[i] != 0.0 ? 1.0 : 0.0;
    }
    if (plan.attribution) {
        double* price = s.price;
        const double* price_worth = b.price_worth;
        HC_EACH(i, n) price[i] = mad(-size[i], price_worth[i], price[i]);
    }
    if constexpr (small_costs) {
        double *fixed = s.fixed, *impact = s.impact;
        const double *attempt = b.fixed, *money = b.money, eta = plan.impact;
        if (attempts) {
            HC_EACH(i, n) fixed[i] = mad(attempts[i], attempt[i], fixed[i]);
        } else {
            HC_EACH(i, n) fixed[i] += chosen(size[i] != 0.0, attempt[i], 0.0);
        }
        HC_EACH(i, n) {
            const double coins = plain_unit ? size[i] : size[i] * unit[i];
            impact[i] = mad(eta * coins * coins, money[i], impact[i]);
        }
    }
}

template <bool plain_unit>
static void fill_any(const HedgePlan& plan, const PolicyState& s, const HedgeBlock& b, const double* size, const double* attempts) {
    const bool small_costs = plan.fixed > 0.0 || plan.impact > 0.0;
    small_costs ? fill<plain_unit, true>(plan, s, b, size, attempts) : fill<plain_unit, false>(plan, s, b, size, attempts);
}

// The orders of this time: those without latency are filled, the others join those in flight.
template <bool plain_unit>
static void place(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const PathBlock& paths,
                  std::uint64_t step) {
    const std::size_t n = b.n;
    const double *order = b.order, *log_spot = paths.log_spot[plan.asset];
    if (p.trigger == Trigger::move) {
        double* last = s.last;
        HC_EACH(i, n) last[i] = chosen(order[i] != 0.0, log_spot[i], last[i]);
    }
    if (p.cool_down > 0) {
        double* ready = s.ready;
        const double next = double(step) + double(p.cool_down) + 1.0;
        HC_EACH(i, n) ready[i] = chosen(order[i] != 0.0, next, ready[i]);
    }
    if (plan.ring == 0 || (step == 0 && plan.first_at_once)) {
        fill_any<plain_unit>(plan, s, b, order, nullptr);
        if (plan.ring > 0) {
            HC_EACH(i, n) s.ordered[i] += order[i];
        }
        return;
    }
    HC_EACH(i, n) s.ordered[i] += order[i];
    if (plan.constant_latency && plan.failure == 0.0) {
        const std::size_t slot = (step + plan.latency) % plan.ring;
        double *size = s.ring.size[slot], *amount = s.ring.amount[slot], *attempts = s.ring.attempts[slot];
        const double* worth = b.worth;
        HC_EACH(i, n) {
            size[i] = order[i] + 0.0;
            amount[i] = order[i] * worth[i];
            attempts[i] = order[i] != 0.0 ? 1.0 : 0.0;
        }
        return;
    }
    // Each attempt has two numbers of its own: latency and failure. All policies see the same.
    const std::uint32_t kind = std::uint32_t(PathStream::execution);
    for (std::size_t i = 0; i < n; ++i) {
        if (order[i] == 0.0) continue;
        std::size_t delay = 0;
        double attempts = 0.0;
        for (std::uint32_t k = 0;; ++k) {
            const double u = uniform(paths.seed, kind | (2 * k) << 16, paths.path[i], paths.mirror[i], step);
            std::size_t wait = 0;
            while (wait < plan.latency && u > plan.below[wait]) ++wait;
            delay += wait;
            attempts += 1.0;
            if (plan.failure == 0.0 || k + 1 == plan.most_attempts) break;
            if (uniform(paths.seed, kind | (2 * k + 1) << 16, paths.path[i], paths.mirror[i], step) >= plan.failure) break;
            delay += wait == 0;  // the next attempt is at the next step
        }
        s.failures[i] += attempts - 1.0;
        if (delay == 0) {  // only this path's fill
            const double coins = plain_unit ? order[i] : order[i] * b.unit[i];
            s.held[i] += order[i];
            s.gain[i] = mad(-order[i], b.worth[i], s.gain[i]);
            if (plan.attribution) s.price[i] = mad(-order[i], b.price_worth[i], s.price[i]);
            s.turnover[i] = mad(magnitude(coins), b.amount[i], s.turnover[i]);
            s.trades[i] += 1.0;
            s.fixed[i] = mad(attempts, b.fixed[i], s.fixed[i]);
            s.impact[i] = mad(plan.impact * coins * coins, b.money[i], s.impact[i]);
            continue;
        }
        if (delay >= plan.ring) continue;  // beyond the horizon
        const std::size_t slot = (step + delay) % plan.ring;
        s.ring.size[slot][i] += order[i];
        s.ring.amount[slot][i] += order[i] * b.worth[i];
        s.ring.attempts[slot][i] += attempts;
    }
}

// Fills what is due now and empties its slot.
template <bool plain_unit>
static void fill_due(const HedgePlan& plan, const PolicyState& s, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n, slot = step % plan.ring;
    double *size = s.ring.size[slot], *amount = s.ring.amount[slot], *attempts = s.ring.attempts[slot], *latency = s.latency;
    std::uint64_t any = 0;
    HC_EACH(i, n) any |= bits_of(attempts[i]);
    if (!any) return;
    fill_any<plain_unit>(plan, s, b, size, attempts);
    const double* worth = b.worth;
    HC_EACH(i, n) {
        latency[i] += mad(size[i], worth[i], -amount[i]);
        size[i] *= 0.0;
        amount[i] *= 0.0;
        attempts[i] *= 0.0;
    }
}
