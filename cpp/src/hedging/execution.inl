// From the decision to the fill: decisions wait for their settlement, where there is one, then orders lie in a ring by the time of their
// fill. All decisions are numbers of the path's stream, so that all policies see the same latencies.

static Lane* orders_at(const HedgePlan& plan, const PolicyState& s, std::uint64_t step) { return s.orders + (step % plan.ring) * plan.parts; }
static Lane* waiting(const HedgePlan& plan, const PolicyState& s) { return s.orders + plan.ring * plan.parts; }

// Adds the orders of this time to others.
static void join(const HedgePlan& plan, const HedgeBlock& b, Lane* to) {
    const std::size_t n = b.n;
    const double *order = b.order, *worth = b.worth;
    double *size = to[order_size], *amount = to[order_amount], *attempts = to[order_attempts];
    HC_EACH(i, n) {
        size[i] += order[i];
        amount[i] += order[i] * worth[i];
        attempts[i] += order[i] != 0.0 ? 1.0 : 0.0;
    }
    if (plan.parts == plain_parts) return;
    double *count = to[order_count], *delta = to[order_delta];
    double *gamma = to[order_gamma], *gamma_spot = to[order_gamma_spot], *gamma_square = to[order_gamma_square];
    HC_EACH(i, n) {
        const std::uint64_t here = mask_of(order[i] != 0.0);
        const double coins = from_bits(bits_of(b.gamma[i]) & here), spot = b.spot[i];
        count[i] += from_bits(bits_of(1.0) & here);
        delta[i] += from_bits(bits_of(b.delta[i]) & here);
        gamma[i] += coins / spot;
        gamma_spot[i] += coins;
        gamma_square[i] += coins * spot;
    }
}

// Moves the picked orders on to others.
static void move_picked(const HedgePlan& plan, const HedgeBlock& b, const std::uint64_t* picked, Lane* from, Lane* to) {
    const std::size_t n = b.n;
    for (std::size_t part = 0; part < plan.parts; ++part) {
        double *out = from[part], *in = to[part];
        HC_EACH(i, n) {
            const std::uint64_t bits = bits_of(out[i]);
            in[i] += from_bits(bits & picked[i]);
            out[i] = from_bits(bits & ~picked[i]);
        }
    }
}

// Fills what is due now and empties its slot; where the chain is halted it is due at the next step.
template <bool plain_unit>
static void fill_due(const HedgePlan& plan, const PolicyState& s, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    Lane* due = orders_at(plan, s, step);
    double *size = due[order_size], *amount = due[order_amount], *attempts = due[order_attempts], *latency = s.latency;
    std::uint64_t any = 0;
    HC_EACH(i, n) any |= bits_of(attempts[i]);
    if (!any) return;
    if (plan.has[std::size_t(OutageKind::chain)]) {
        move_picked(plan, b, b.down[std::size_t(OutageKind::chain)], due, orders_at(plan, s, step + 1));
    }
    fill<plain_unit>(plan, s, b, size, attempts);
    const double* worth = b.worth;
    HC_EACH(i, n) latency[i] += size[i] * worth[i] - amount[i];
    if (plan.parts != plain_parts) {
        const double *count = due[order_count], *delta = due[order_delta];
        const double *gamma = due[order_gamma], *gamma_spot = due[order_gamma_spot], *gamma_square = due[order_gamma_square];
        double *drift = s.delta_drift, *leakage = s.gamma_leakage;
        HC_EACH(i, n) {
            const double spot = b.spot[i], moved = mad(spot, mad(spot, gamma[i], -2.0 * gamma_spot[i]), gamma_square[i]);
            drift[i] += magnitude(b.delta[i] - delta[i] / larger(count[i], 1.0)) * smaller(count[i], 1.0);
            leakage[i] = mad(0.5 * moved, b.money[i], leakage[i]);
        }
    }
    for (std::size_t part = 0; part < plan.parts; ++part) {
        double* lane = due[part];
        HC_EACH(i, n) lane[i] *= 0.0;
    }
}

// The first block after a time.
HC_INLINE std::uint64_t block_after(const HedgePlan& plan, std::uint64_t time) {
    return time + plan.block - (time + plan.block - plan.block_phase) % plan.block;
}

// When an order of this time is filled where nothing is random.
HC_INLINE std::uint64_t constant_fill(const HedgePlan& plan, std::uint64_t step) {
    const std::uint64_t sent = step + plan.latency;
    return plan.block > 0 ? block_after(plan, sent) + plan.inclusion * plan.block : sent;
}

// When an order of this time is filled, and after how many attempts. Each attempt has its own latency, inclusion and failure.
HC_INLINE std::uint64_t random_fill(const HedgePlan& plan, const PathBlock& paths, std::size_t i, std::uint64_t step, double& attempts) {
    const std::uint32_t kind = std::uint32_t(PathStream::execution), more = std::uint32_t(PathStream::inclusion);
    const auto number = [&](std::uint32_t stream) __attribute__((always_inline)) { return uniform(paths.seed, stream, paths.path[i], paths.mirror[i], step); };
    const auto wait = [](const double* below, std::size_t longest, double u) {
        std::size_t k = 0;
        while (k < longest && u > below[k]) ++k;
        return k;
    };
    std::uint64_t time = step;
    for (std::uint32_t k = 0;; ++k) {
        const std::uint64_t before = time;
        if (plan.latency > 0) time += wait(plan.below, plan.latency, number(kind | (2 * k) << 16));
        if (plan.block > 0) {
            time = block_after(plan, time);
            if (plan.inclusion > 0) time += plan.block * wait(plan.inclusion_below, plan.inclusion, number(more | k << 16));
        }
        attempts += 1.0;
        if (plan.failure == 0.0 || k + 1 == plan.most_attempts || number(kind | (2 * k + 1) << 16) >= plan.failure) return time;
        time += time == before;  // the next attempt is at the next step
    }
}

// Sends the picked orders of those that wait: each path has one, whose attempts are counted from here on.
template <bool plain_unit>
static void send(const HedgePlan& plan, const PolicyState& s, HedgeBlock& b, const PathBlock& paths, std::uint64_t step) {
    const std::size_t n = b.n;
    Lane* from = waiting(plan, s);
    const std::uint64_t* picked = b.picked;
    if (plan.constant_delay) {
        double* attempts = from[order_attempts];
        HC_EACH(i, n) attempts[i] = chosen(picked[i] != 0, 1.0, attempts[i]);
        const std::uint64_t time = constant_fill(plan, step);
        if (time <= plan.last) move_picked(plan, b, picked, from, orders_at(plan, s, time));
        if (time == step) fill_due<plain_unit>(plan, s, b, step);
        return;
    }
    bool now = false;
    for (std::size_t i = 0; i < n; ++i) {
        if (!picked[i]) continue;
        double attempts = 0.0;
        const std::uint64_t time = random_fill(plan, paths, i, step, attempts);
        s.failures[i] += attempts - 1.0;
        from[order_attempts][i] = attempts;
        const bool comes = time <= plan.last;  // else it lapses
        Lane* to = orders_at(plan, s, comes ? time : step);
        for (std::size_t part = 0; part < plan.parts; ++part) {
            if (comes) to[part][i] += from[part][i];
            from[part][i] = 0.0;
        }
        now |= time == step;
    }
    if (now) fill_due<plain_unit>(plan, s, b, step);
}

// Settles what waits: at the end of a window or where the net is large, and the keeper is there. What nets to nothing goes on waiting.
template <bool plain_unit>
HC_INLINE void settle(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const PathBlock& paths,
                   std::uint64_t step) {
    const std::size_t n = b.n;
    const double *size = waiting(plan, s)[order_size], *unit = b.unit;
    const bool window = plan.settle_every > 0 && step > 0 && step % plan.settle_every == 0;
    const double least = window ? 0.0 : plan.settle_size, tolerance = p.tolerance;
    std::uint64_t *picked = b.picked, any = 0;
    HC_EACH(i, n) {
        const double coins = plain_unit ? magnitude(size[i]) : magnitude(size[i] * unit[i]);
        picked[i] = mask_of(coins > tolerance) & mask_of(coins >= least);
        any |= picked[i];
    }
    if (plan.has[std::size_t(OutageKind::keeper)]) {
        const std::uint64_t* down = b.down[std::size_t(OutageKind::keeper)];
        HC_EACH(i, n) picked[i] &= ~down[i];
    }
    if (any) send<plain_unit>(plan, s, b, paths, step);
}

// The orders of this time, in b.order.
template <bool plain_unit>
static void place(const HedgePlan& plan, const PolicyPlan& p, const PolicyState& s, HedgeBlock& b, const PathBlock& paths,
                  std::uint64_t step) {
    const std::size_t n = b.n;
    const double *order = b.order, *log_spot = b.log_spot;
    if (p.keeps_price) {
        double* last = s.last;
        HC_EACH(i, n) last[i] = chosen(order[i] != 0.0, log_spot[i], last[i]);
    }
    if (p.keeps_time) {
        double* traded = s.traded;
        const double now = double(step);
        HC_EACH(i, n) traded[i] = chosen(order[i] != 0.0, now, traded[i]);
    }
    const bool at_once = plan.ring == 0 || (step == 0 && plan.first_at_once);
    if (at_once) fill<plain_unit>(plan, s, b, order, nullptr);
    if (plan.ring == 0) return;
    HC_EACH(i, n) s.ordered[i] += order[i];
    if (at_once) return;
    if (plan.settles) {
        join(plan, b, waiting(plan, s));
    } else if (plan.constant_delay) {
        const std::uint64_t time = constant_fill(plan, step);
        if (time <= plan.last) join(plan, b, orders_at(plan, s, time));
        if (time == step) fill_due<plain_unit>(plan, s, b, step);
    } else {
        join(plan, b, waiting(plan, s));
        HC_EACH(i, n) b.picked[i] = mask_of(order[i] != 0.0);
        send<plain_unit>(plan, s, b, paths, step);
    }
}
