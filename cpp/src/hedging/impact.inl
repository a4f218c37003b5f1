// Permanent impact: own trades move the price by `permanent` for each coin, for good. What a policy has moved it by is permanent times
// what it holds, so that it lives at a price of its own. A trade of d coins from a holding of h is filled on average half way, at
// S + permanent (h + d / 2): a round trip costs nothing. Everything that the own price changes in the P&L is the ledger `permanent`, a
// loss; all other ledgers of gains are those of the market's price.

// The amount of a coin at the fills of `size`, which become losses at once; before they change the holding.
static const double* own_amounts(const HedgePlan& plan, const PolicyState& s, HedgeBlock& b, const double* size) {
    const std::size_t n = b.n;
    const double *held = s.held, *money = b.money;
    double *loss = s.permanent, *amount = b.own_amount;
    const double nu = plan.permanent, sign = plan.kind == HedgeKind::spot ? 1.0 : -1.0;  // a perpetual is marked: what it moves it gains
    HC_EACH(i, n) {
        const double moved = nu * mad(0.5, size[i], held[i]);
        amount[i] = mad(moved, money[i], b.amount[i]);
        loss[i] = mad(sign * size[i] * moved, money[i], loss[i]);
    }
    return amount;
}

// The price that a policy sees, and its logarithm.
HC_INLINE void shift_price(const HedgePlan& plan, const PolicyState& s, HedgeBlock& b) {
    const std::size_t n = b.n;
    const double* held = s.held;
    const double nu = plan.permanent;
    HC_EACH(i, n) {
        const double own = mad(nu, held[i], b.market[i]);
        b.sunk[i] |= mask_of(own <= 0.0);
        const double price = larger(own, 1e-9 * b.market[i]);  // the run ends in an error
        b.spot[i] = price;
        b.inverse_spot[i] = 1.0 / price;
        b.own_log[i] = finite_logarithm<false>(price);
    }
    b.log_spot = b.own_log;
}

// What options that expire now pay at the own price beyond what they pay at the market's.
static void settle_at_own_price(const HedgePlan& plan, const PolicyState& s, const HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    double* loss = s.permanent;
    for (std::size_t j = 0; j < plan.options; ++j) {
        const OptionPlan& o = plan.option[j];
        if (o.expiry != step) continue;
        const double kind = o.kind, strike = o.strike, quantity = o.quantity;
        HC_EACH(i, n) {
            const double own = larger(kind * (b.spot[i] - strike), 0.0), market = larger(kind * (b.market[i] - strike), 0.0);
            loss[i] = mad(-quantity * (own - market), b.money[i], loss[i]);
        }
    }
}

// Funding is paid on the own price, at the end of the step that begins now.
static void own_funding(const HedgePlan& plan, const PolicyState& s, const HedgeBlock& b, std::uint64_t step) {
    if (plan.kind != HedgeKind::linear_perpetual || plan.funding == 0.0) return;
    const std::size_t n = b.n;
    const double *held = s.held, *level = b.level;
    double* loss = s.permanent;
    const double rate = plan.funding * plan.step * plan.permanent * plan.steps[step + 1].growth;
    HC_EACH(i, n) loss[i] = mad(rate * level[i] * held[i], held[i], loss[i]);
}

// A holding that is kept is valued at the own price; a perpetual has been already.
static void value_at_own_price(const HedgePlan& plan, const PolicyState& s, const HedgeBlock& b) {
    if (plan.kind != HedgeKind::spot) return;
    const std::size_t n = b.n;
    const double *held = s.held, *money = b.money;
    double* loss = s.permanent;
    const double nu = plan.permanent;
    HC_EACH(i, n) loss[i] = mad(-nu * held[i] * held[i], money[i], loss[i]);
}
