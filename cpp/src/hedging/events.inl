// Outages: on which paths there is one at this step, the same for all policies. Step s takes number s of the event's stream, s = 1, 2, ...

// One number says whether an event begins by chance, and how long it lasts: below `start` it does, and is then uniform again; above, what
// it is above is uniform, and tells how long an event lasts that begins with a move.
static void outage_begins(const OutagePlan& o, const double* log_spot, const HedgeBlock& b, double* until, const double* u, std::uint64_t step) {
    const std::size_t n = b.n;
    const double* before = b.log_before;
    const double now = double(step), start = o.start, per_start = start > 0.0 ? 1.0 / start : 0.0, per_rest = 1.0 / (1.0 - start);
    const double mean = o.mean, move = o.move;
    HC_EACH(i, n) {
        const bool by_chance = u[i] < start, by_move = magnitude(log_spot[i] - before[i]) > move;
        const double share = by_chance ? u[i] * per_start : (u[i] - start) * per_rest;
        const double length = -mean * finite_logarithm<false>(larger(share, 1e-300));
        const double end = now + larger(length, 0.5);  // this step at least
        until[i] = chosen(by_chance | by_move, larger(until[i], end), until[i]);
    }
}

static void outages_step(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    for (std::size_t kind = 0; kind < outage_kinds; ++kind) {
        HC_EACH(i, n) b.down[kind][i] = bits_of(0.0 * b.peg[i]);
    }
    const double now = double(step);
    for (std::size_t e = 0; e < plan.outages; ++e) {
        const OutagePlan& o = plan.outage[e];
        double* until = b.until[e];
        if (step > 0 && o.mean > 0.0) {
            draw<false>(paths, b.draws[e], stream_of(PathStream::outage, 0, std::uint32_t(e)), step);
            outage_begins(o, paths.log_spot[plan.asset], b, until, b.draws[e].uniform[step & 1], step);
        }
        bool window = false;
        for (std::size_t w = 0; w < o.window_count; ++w) window |= o.windows[2 * w] <= step && step < o.windows[2 * w + 1];
        const std::uint64_t all = mask_of(window);
        std::uint64_t* down = b.down[std::size_t(o.kind)];
        HC_EACH(i, n) down[i] |= all | mask_of(until[i] > now);
    }
    if (step < plan.last) {
        for (std::size_t kind = 0; kind < outage_kinds; ++kind) {
            HC_EACH(i, n) b.down_time[kind][i] += from_bits(bits_of(1.0) & b.down[kind][i]);
        }
    }
    if (plan.has[std::size_t(OutageKind::depeg)]) {
        const std::uint64_t* off = b.down[std::size_t(OutageKind::depeg)];
        const double peg = plan.peg;
        HC_EACH(i, n) {
            b.peg_before[i] = b.peg[i] + 0.0;
            b.peg[i] = chosen(off[i] != 0, peg, 1.0);
        }
    }
}

static void outages_start(const HedgePlan& plan, HedgeBlock& b) {
    const std::size_t n = b.n;
    for (std::size_t e = 0; e < plan.outages; ++e) {
        b.draws[e].call = ~std::uint64_t(0);
        double* until = b.until[e];
        HC_EACH(i, n) until[i] = -1.0;
    }
    for (std::size_t kind = 0; kind < outage_kinds; ++kind) {
        HC_EACH(i, n) b.down_time[kind][i] *= 0.0;
    }
    HC_EACH(i, n) b.peg[i] = 1.0;
}
