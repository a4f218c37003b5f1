// Prices under a constant variance (exact) and under Heston's (Andersen's QE-M), with correlated Brownian motions.

// The pair of numbers that a step lies in, made when its first step comes; the half of the step is number & 1.
template <bool with_normals = true>
static void draw(const PathBlock& b, PathDraws& d, std::uint32_t stream, std::uint64_t number) {
    const std::uint64_t call = number >> 1;
    if (d.call == call) return;
    d.call = call;
    uniform_pair(b, stream, std::uint32_t(call), d.uniform[0], d.uniform[1]);
    if constexpr (with_normals) {
        normals_of(d.uniform[0], d.normal[0], b.n);
        normals_of(d.uniform[1], d.normal[1], b.n);
    }
}

HC_INLINE std::uint32_t stream_of(PathStream kind, std::size_t asset, std::uint32_t index = 0) {
    return std::uint32_t(kind) | std::uint32_t(asset) << 8 | index << 16;
}

// The normals of one asset: its own, or its row of `mixing` times those of all assets up to it.
static const double* mixed_normals(const PathPlan& plan, PathDraws* draws, std::size_t asset, std::size_t half, Lane& out, std::size_t n) {
    if (!plan.correlated || asset == 0) return draws[asset].normal[half];
    const double* z = draws[0].normal[half];
    const double first = plan.mixing[asset][0];
    HC_EACH(i, n) out[i] = first * z[i];
    for (std::size_t j = 1; j <= asset; ++j) {
        const double* y = draws[j].normal[half];
        const double share = plan.mixing[asset][j];
        HC_EACH(i, n) out[i] = mad(share, y[i], out[i]);
    }
    return out;
}

static void constant_variance_step(const AssetStep& a, const double* z, double* log_spot, std::size_t n) {
    const double drift = a.drift, diffusion = a.diffusion;
    HC_EACH(i, n) log_spot[i] = mad(diffusion, z[i], log_spot[i] + drift);
}

// Andersen, "Efficient simulation of the Heston stochastic volatility model", J. Computational Finance 11 (2008), sections 3.2.4
// (QE) and 4.3 (martingale correction), gamma1 = gamma2 = 1/2, with t = 2 / psi. psi above 3/2 takes the exponential branch, which is
// computed only for blocks that have such a lane. That both corrections exist is seen to by the driver. uv are the uniforms of zv;
// null where zv is a sum of normals.
static void heston_step(const AssetStep& asset, const double* zv, const double* uv, const double* z, double* log_spot,
                        double* variance, Lane (&scratch)[5], std::size_t n) {
    const HestonStep& h = asset.heston;
    double *next = scratch[0], *correction = scratch[1], *mean = scratch[2], *t_of = scratch[3];
    constexpr double edge = 4.0 / 3.0;
    std::uint64_t wild = 0;
    HC_EACH(i, n) {
        const double m = mad(h.mean_slope, variance[i], h.mean_shift);
        const double square = mad(h.square_slope, variance[i], h.square_shift);
        const double raw = 2.0 * m * m / square, t = smaller(larger(raw, edge), 1e100);
        const double b_square = __builtin_sqrt(t * (t - 1.0)) + (t - 1.0);
        // a = m / (1 + b^2) and b^2 a / (1 - 2 A a) from one division
        const double below = 1.0 + b_square, left = mad(-2.0 * h.a, m, below), inverse = m / (below * left);
        const double scale = left * inverse, root = __builtin_sqrt(b_square) + zv[i];
        mean[i] = m;
        t_of[i] = raw;
        next[i] = scale * root * root;
        const double logarithm_left = finite_logarithm<false>(mad(-2.0 * h.a, scale, 1.0));
        correction[i] = mad(0.5, logarithm_left, -h.a * b_square * below * inverse);
        wild |= mask_of(raw < edge);
    }
    if (wild) {
        if (!uv) {
            HC_EACH(i, n) scratch[4][i] = smaller(normal_distribution(zv[i]), 0.99999999999999988898);
            uv = scratch[4];
        }
        HC_EACH(i, n) {
            const double psi = 2.0 / smaller(t_of[i], edge), inverse = 1.0 / (psi + 1.0);
            const double p = (psi - 1.0) * inverse, rest = 2.0 * inverse;  // rest = 1 - p
            const double beta = rest / mean[i], u = uv[i];
            const double drawn = u <= p ? 0.0 : logarithm_of_ratio<false>(rest, 1.0 - u) / beta;
            const double moment = finite_logarithm<false>(mad(beta, rest / (beta - h.a), p));
            const bool here = t_of[i] < edge;
            next[i] = chosen(here, drawn, next[i]);
            correction[i] = chosen(here, -moment, correction[i]);
        }
    }
    const double drift = asset.drift;
    HC_EACH(i, n) {
        const double v = variance[i], w = next[i];
        const double spread = __builtin_sqrt(mad(h.k3, v, h.k4 * w));
        const double shift = mad(h.k1 - h.k13, v, h.k2 * w) + correction[i];
        // K0* carries -(K1 + K3 / 2) v, which is put together with K1 v
        log_spot[i] = mad(spread, z[i], log_spot[i] + (drift + shift));
        variance[i] = w;
    }
}

// What the jumps of a step add. Counts by inversion of the Poisson law, exact for any intensity; a normal sum of `count` jumps takes
// one normal, double exponential jumps one uniform each. Few lanes jump: they are treated one by one.
static void jump_step(const JumpStep& j, std::uint64_t step, const double* u, const PathLanes& b, double* log_spot) {
    const std::size_t n = b.n;
    const double none = j.below[0];
    std::uint64_t any = 0;
    HC_EACH(i, n) any |= mask_of(u[i] > none);
    if (!any) return;
    for (std::size_t i = 0; i < n; ++i) {
        if (!(u[i] > none)) continue;
        std::uint32_t count = 1;
        while (count < j.counts && u[i] > j.below[count]) ++count;
        if (j.kind == JumpKind::normal) {
            const double z = normal_quantile(uniform(b.seed, stream_of(PathStream::jump_size, j.asset), b.path[i], b.mirror[i], step));
            log_spot[i] += mad(j.std * __builtin_sqrt(double(count)), z, j.mean * double(count));
            continue;
        }
        double sum = 0.0;
        for (std::uint32_t k = 0; k < count; ++k) {
            const double x = uniform(b.seed, stream_of(PathStream::jump_size, j.asset, k), b.path[i], b.mirror[i], step);
            const bool down = x < j.down_share;
            const double share = down ? j.down_share : 1.0 - j.down_share;
            const double size = -logarithm_of_ratio<false>(down ? x : 1.0 - x, share);
            sum += down ? -j.down_scale * size : j.up_scale * size;
        }
        log_spot[i] += sum;
    }
}

static void diffusion_step(const PathPlan& plan, PathBlock& b, std::uint64_t step) {
    const std::size_t n = b.n, half = step & 1;
    for (std::size_t a = 0; a < plan.assets; ++a) {
        draw(b, b.diffusion[a], stream_of(PathStream::price, a), step);
        if (plan.stochastic && (plan.asset[a].stochastic || plan.correlated)) {
            draw(b, b.variation[a], stream_of(PathStream::variance, a), step);
        }
    }
    for (std::size_t a = 0; a < plan.assets; ++a) {
        const AssetStep& asset = plan.asset[a];
        const double* z = mixed_normals(plan, b.diffusion, a, half, b.mixed[0], n);
        if (asset.stochastic) {
            const double* zv = mixed_normals(plan, b.variation, a, half, b.mixed[1], n);
            const double* uv = zv == b.variation[a].normal[half] ? b.variation[a].uniform[half] : nullptr;
            heston_step(asset, zv, uv, z, b.log_spot[a], b.variance[a], b.scratch, n);
        } else {
            constant_variance_step(asset, z, b.log_spot[a], n);
        }
        const JumpStep& jumps = asset.jumps;
        if (jumps.kind == JumpKind::none) continue;
        PathDraws& counts = b.jump[jumps.asset];
        draw<false>(b, counts, stream_of(PathStream::jump_count, jumps.asset), step);
        jump_step(jumps, step, counts.uniform[half], b, b.log_spot[a]);
    }
}
