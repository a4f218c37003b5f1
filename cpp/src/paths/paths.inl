// The start and the steps of a block of paths, whatever the model. What is zero or none at the start is set by the PathSource.

// Levels that move by themselves: a mean-reverting state, as it is or as a logarithm, with spikes that decay; between limits.
static void process_levels(const PathPlan& plan, PathBlock& b) {
    const std::size_t n = b.n, first = plan.levels - plan.processes;
    for (std::size_t k = 0; k < plan.processes; ++k) {
        const ProcessStep& p = plan.process[k];
        const double *state = b.state[k], *excess = b.excess[k];
        double* level = b.level[first + k];
        if (p.logarithmic) {
            HC_EACH(i, n) level[i] = larger(smaller(exponential(state[i] + excess[i]), p.high), p.low);
        } else {
            HC_EACH(i, n) {
                const double x = state[i] + excess[i];
                const double pulled = larger(smaller(p.anchor, x + p.band), x - p.band);  // x + clamp(anchor - x)
                level[i] = larger(smaller(pulled, p.high), p.low);
            }
        }
    }
}

static void process_step(const PathPlan& plan, PathBlock& b, std::uint64_t step) {
    const std::size_t n = b.n, half = step & 1;
    for (std::size_t k = 0; k < plan.processes; ++k) {
        const ProcessStep& p = plan.process[k];
        double *state = b.state[k], *excess = b.excess[k];
        draw(b, b.process[k], stream_of(PathStream::process, k), step);
        const double* z = b.process[k].normal[half];
        HC_EACH(i, n) state[i] = mad(p.noise * p.rest, z[i], mad(p.keep, state[i] - p.mean, p.mean));
        if (p.correlation != 0.0) {
            draw(b, b.diffusion[0], stream_of(PathStream::price, 0), step);
            const double* price = b.diffusion[0].normal[half];
            HC_EACH(i, n) state[i] = mad(p.noise * p.correlation, price[i], state[i]);
        }
        if (p.spike_share > 0.0) {
            draw<false>(b, b.spike[k], stream_of(PathStream::spike, k), step);
            const double* u = b.spike[k].uniform[half];
            HC_EACH(i, n) excess[i] *= p.spike_keep;
            for (std::size_t i = 0; i < n; ++i) {
                if (u[i] < p.spike_share) excess[i] -= p.spike_scale * logarithm_of_ratio<false>(u[i], p.spike_share);
            }
        }
    }
    process_levels(plan, b);
}

static void path_start(const PathPlan& plan, PathBlock& b) {
    const std::size_t n = b.n;
    for (std::size_t a = 0; a < plan.assets; ++a) {
        const AssetStep& asset = plan.asset[a];
        HC_EACH(i, n) b.log_spot[a][i] = asset.log_spot;
        HC_EACH(i, n) b.variance[a][i] = asset.variance;
        b.diffusion[a].call = b.variation[a].call = b.jump[a].call = ~std::uint64_t(0);
    }
    b.choice.call = b.splice.call = ~std::uint64_t(0);
    if (plan.history) bootstrap_step(plan, b, 0);
    if (plan.given) given_step(plan, b, 0);
    for (std::size_t k = 0; k < plan.processes; ++k) {
        const double start = plan.process[k].start;
        b.process[k].call = b.spike[k].call = ~std::uint64_t(0);
        HC_EACH(i, n) b.state[k][i] = start;
    }
    process_levels(plan, b);
}

// From time `step` to time `step + 1`.
static void path_advance(const PathPlan& plan, PathBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    if (plan.windows) {
        for (std::size_t a = 0; a < plan.assets; ++a) {
            const double* from = b.log_spot[a];
            double* to = b.before[a];
            HC_EACH(i, n) to[i] = from[i];
        }
    }
    if (plan.given) {
        given_step(plan, b, step + 1);
    } else if (plan.history) {
        bootstrap_step(plan, b, step + 1);
    } else {
        diffusion_step(plan, b, step);
    }
    if (plan.windows) replay_step(plan, b, step);
    if (plan.processes) process_step(plan, b, step);
}

// Uniforms or normals of the block, number by number: out[number * stride + lane].
static void path_numbers(PathBlock& b, std::uint32_t stream, std::uint64_t first, std::size_t count, bool normal, double* out,
                         std::size_t stride) {
    const std::size_t n = b.n;
    b.choice.call = ~std::uint64_t(0);
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t half = (first + k) & 1;
        normal ? draw<true>(b, b.choice, stream, first + k) : draw<false>(b, b.choice, stream, first + k);
        const double* from = normal ? b.choice.normal[half] : b.choice.uniform[half];
        double* to = out + k * stride;
        HC_EACH(i, n) to[i] = from[i];
    }
}
