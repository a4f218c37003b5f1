// A surface between its slices: total variance linear in time at constant k; before the first slice and after the last the vol of
// the nearest.

// The slice after each row: 0 up to the first time, `last` + 1 from the last on. True if it is the same for all.
static bool surface_search(SurfaceBlock& b, const double* times, std::size_t last) {
    const std::size_t n = b.n;
    const double end = times[last];
    HC_EACH(i, n) b.after[i] = end <= b.expiry[i] ? 1.0 : 0.0;
    for (std::size_t j = 0; j < last; ++j) {
        const double time = times[j];
        HC_EACH(i, n) b.after[i] += time < b.expiry[i] ? 1.0 : 0.0;
    }
    const double first = b.after[0];
    std::uint64_t same = 0;
    HC_EACH(i, n) same += std::uint64_t(b.after[i] == first);
    return same == n;
}

// Shares of the slices, and k of strikes. True if a row is outside of the domain.
static bool surface_place(SurfaceBlock& b) {
    const std::size_t n = b.n;
    std::uint64_t good = 0;
    HC_EACH(i, n) {
        const double t = b.expiry[i], near = b.near_time[i], span = b.far_time[i] - near;
        const bool outside = span == 0.0;
        const double share = (outside ? t : t - near) / (outside ? near : span);
        // outside of the slices the vol does without the expiry, so that 0 has one, too
        const double per_year = 1.0 / (outside ? near : t);
        const double near_share = outside ? share : 1.0 - share, far_share = outside ? 0.0 : share;
        b.near_share[i] = near_share;
        b.far_share[i] = far_share;
        b.near_rate[i] = (outside ? 1.0 : near_share) * per_year;
        b.far_rate[i] = far_share * per_year;
        good += std::uint64_t(t >= 0.0) & std::uint64_t(t < __builtin_inf());
    }
    if (b.forward) {
        HC_EACH(i, n) {
            const double strike = b.strike[i], forward = b.forward[i];
            const double k = plain_logarithm_of_ratio<false>(strike, forward);
            const bool sound = (strike > 0.0) & (strike < __builtin_inf()) & (forward > 0.0) & (forward < __builtin_inf());
            b.own_k[i] = sound ? k : __builtin_inf();
        }
        b.k = b.own_k;
    } else if (b.strike) {
        HC_EACH(i, n) {
            const double near = b.near_log_forward[i], level = mad(b.far_share[i], b.far_log_forward[i] - near, near);
            b.own_k[i] = logarithm(b.strike[i]) - level;
        }
        b.k = b.own_k;
    }
    std::uint64_t finite = 0;
    HC_EACH(i, n) finite += std::uint64_t(magnitude(b.k[i]) < __builtin_inf());
    return good != n || finite != n;
}

template <bool sabr>
HC_INLINE SmilePoint point_of(const Lane (&p)[slice_width], std::size_t i, double k) {
    if constexpr (sabr) return sabr_point(p[0][i], p[1][i], p[2][i], p[3][i], p[4][i], k);
    return svi_point(p[0][i], p[1][i], p[2][i], p[3][i], p[4][i], k);
}

template <bool sabr>
static void surface_derivatives(SurfaceBlock& b) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const SmilePoint near = point_of<sabr>(b.near, i, b.k[i]), far = point_of<sabr>(b.far, i, b.k[i]);
        const double near_share = b.near_share[i], far_share = b.far_share[i];
        const double near_time = b.near_time[i], span = b.far_time[i] - near_time;
        const bool outside = span == 0.0;
        b.variance[i] = mad(far_share, far.w, near_share * near.w);
        b.slope[i] = mad(far_share, far.slope, near_share * near.slope);
        b.curvature[i] = mad(far_share, far.curvature, near_share * near.curvature);
        b.rise[i] = (outside ? near.w : far.w - near.w) / (outside ? near_time : span);
    }
}

template <bool sabr>
static void surface_vol(SurfaceBlock& b) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const double near = point_of<sabr>(b.near, i, b.k[i]).w, far = point_of<sabr>(b.far, i, b.k[i]).w;
        b.vol[i] = __builtin_sqrt(mad(b.far_rate[i], far, b.near_rate[i] * near));
    }
}
