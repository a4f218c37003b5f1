// Prices that were: resampled histories, replays of windows, given paths. Rows are looked up lane by lane.

// The stationary bootstrap (Politis and Romano, "The stationary bootstrap", JASA 89, 1994): with probability `restart` a step takes
// a row drawn anew, else the row after the last one; after the last row of the history comes the first. One uniform decides both:
// below `restart` it is uniform there, and says which row. Number 0 draws the row that the path starts at, for its levels.
static void bootstrap_step(const PathPlan& plan, PathBlock& b, std::uint64_t number) {
    const std::size_t n = b.n, columns = plan.assets + plan.levels - plan.processes;
    draw<false>(b, b.choice, stream_of(PathStream::choice, 0), number);
    const double* u = b.choice.uniform[number & 1];
    const bool start = number == 0;
    const double restart = start ? 1.0 : plan.restart, rows = double(plan.history_rows);
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint32_t next = b.row[i] + 1 < plan.history_rows ? b.row[i] + 1 : 0;
        const std::uint32_t drawn = std::uint32_t(smaller(u[i] / restart * rows, rows - 0.5));
        const std::uint32_t row = u[i] < restart ? drawn : next;
        const double* values = plan.history + std::size_t(row) * columns;
        b.row[i] = row;
        for (std::size_t a = 0; a < plan.assets && !start; ++a) b.log_spot[a][i] += values[a];
        for (std::size_t c = plan.assets; c < columns; ++c) b.level[c - plan.assets][i] = values[c];
    }
}

// Lanes in a window take its returns, times the factor, in place of the model's; so do the levels.
static void replay_step(const PathPlan& plan, PathBlock& b, std::uint64_t step) {
    const std::size_t n = b.n, columns = plan.assets + plan.levels - plan.processes;
    draw<false>(b, b.splice, stream_of(PathStream::splice, 0), step);
    const double* u = b.splice.uniform[step & 1];
    for (std::size_t i = 0; i < n; ++i) {
        if (b.window[i] == no_row) {
            if (!(u[i] < plan.splice)) continue;
            const double count = double(plan.window_count);
            const std::uint32_t which = std::uint32_t(smaller(u[i] / plan.splice * count, count - 0.5));
            b.window[i] = plan.window_first[which];
            b.window_end[i] = plan.window_first[which + 1];
        }
        const double* values = plan.windows + std::size_t(b.window[i]) * columns;
        for (std::size_t a = 0; a < plan.assets; ++a) b.log_spot[a][i] = mad(plan.factor, values[a], b.before[a][i]);
        for (std::size_t c = plan.assets; c < columns; ++c) b.level[c - plan.assets][i] = values[c];
        if (++b.window[i] == b.window_end[i]) b.window[i] = no_row;
    }
}

// Time `index` of the given paths, 0 being the start.
static void given_step(const PathPlan& plan, PathBlock& b, std::uint64_t index) {
    const std::size_t n = b.n, columns = plan.assets + plan.levels - plan.processes;
    for (std::size_t c = 0; c < columns; ++c) {
        double* out = c < plan.assets ? b.log_spot[c] : b.level[c - plan.assets];
        const double* from = plan.given + std::ptrdiff_t(c) * plan.given_column + std::ptrdiff_t(index) * plan.given_time;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t path = b.first + i < b.last ? b.first + i : b.last;
            out[i] = from[std::ptrdiff_t(path - plan.given_first) * plan.given_path];
        }
        if (c < plan.assets) {
            HC_EACH(i, n) out[i] = logarithm(out[i]);
        }
    }
}
