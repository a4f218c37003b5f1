// Fills change the ledgers. Trading at time t a unit whose P&L since time 0 is worth[t] and holding it to the end gains worth[end] -
// worth[t]: a ledger changes only when there is a trade.

// Costs that the turnover does not tell: of each trade, and of every attempt to trade where there are some.
template <bool plain_unit>
static void charge(const HedgePlan& plan, const PolicyState& s, const HedgeBlock& b, const double* size, const double* attempts,
                   const double* amount) {
    const std::size_t n = b.n;
    const double *unit = b.unit, *money = b.money, *peg = b.peg;
    const bool off_peg = plan.has[std::size_t(OutageKind::depeg)];
    if (plan.fixed > 0.0) {
        double* fixed = s.fixed;
        const double* attempt = b.fixed;
        if (attempts) {
            HC_EACH(i, n) fixed[i] = mad(attempts[i], attempt[i], fixed[i]);
        } else {
            HC_EACH(i, n) fixed[i] += chosen(size[i] != 0.0, attempt[i], 0.0);
        }
    }
    if (plan.impact > 0.0) {
        double* impact = s.impact;
        const double eta = plan.impact;
        HC_EACH(i, n) {
            const double coins = plain_unit ? size[i] : size[i] * unit[i], dollar = off_peg ? money[i] * peg[i] : money[i];
            impact[i] = mad(eta * coins * coins, dollar, impact[i]);
        }
    }
    if (plan.root_impact > 0.0) {
        double* impact = s.impact;
        const double share = plan.root_impact;
        HC_EACH(i, n) {
            const double coins = plain_unit ? magnitude(size[i]) : magnitude(size[i] * unit[i]);
            impact[i] = mad(share * coins * __builtin_sqrt(coins), amount[i], impact[i]);
        }
    }
    if (plan.fee_schedule) {
        double* fees = s.fees;
        const double fee = plan.fee, per_coin = plan.fee_per_coin, cap = plan.fee_cap, least = plan.least_fee;
        HC_EACH(i, n) {
            const double coins = plain_unit ? magnitude(size[i]) : magnitude(size[i] * unit[i]), dollar = off_peg ? money[i] * peg[i] : money[i];
            const double each = mad(fee, amount[i], smaller(per_coin * dollar, cap * amount[i]));
            fees[i] += size[i] != 0.0 ? larger(coins * each, least * dollar) : 0.0;
        }
    }
    if (plan.depeg_cost > 0.0) {
        double* outage = s.outage;
        const std::uint64_t* off = b.down[std::size_t(OutageKind::depeg)];
        const double share = plan.depeg_cost;
        HC_EACH(i, n) {
            const double coins = plain_unit ? magnitude(size[i]) : magnitude(size[i] * unit[i]);
            outage[i] += from_bits(bits_of(share * coins * amount[i]) & off[i]);
        }
    }
}

// Fills of `size` units at this time, where it is not 0.
template <bool plain_unit>
static void fill(const HedgePlan& plan, const PolicyState& s, HedgeBlock& b, const double* size, const double* attempts) {
    const std::size_t n = b.n;
    double *held = s.held, *gain = s.gain, *turnover = s.turnover, *trades = s.trades;
    const double *worth = b.worth, *unit = b.unit, *amount = plan.permanent > 0.0 ? own_amounts(plan, s, b, size) : b.amount;
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
    if (plan.small_costs) charge<plain_unit>(plan, s, b, size, attempts, amount);
}
