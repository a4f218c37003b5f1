/* hedgecore in plain C: prices, Greeks, implied vols, sums of books, surfaces, scenario grids, hedging simulations. Arrays in and out, a
 * status back, no exception and no signal across.
 *
 * Arrays are contiguous and hold as many values as said; a null pointer is a column that is not given, where that is allowed.
 * Vols are decimals per square-root year, times are years (ACT/365). Functions may be called from many threads at once.
 * Structures begin with their size in bytes, which the caller sets to sizeof: later versions add members at the end and
 * read of an older caller only what it has. */
#ifndef HEDGECORE_H
#define HEDGECORE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && defined(HC_EXPORTS) /* while a module or a DLL is made of it */
#define HC_API __declspec(dllexport)
#elif defined(_WIN32)
#define HC_API
#else
#define HC_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when a function or a structure changes otherwise than by members at its end. */
#define HC_API_VERSION 1
HC_API int hc_api_version(void);
HC_API const char* hc_version(void); /* of the library: "0.1.0" */

typedef enum hc_status {
    HC_OK = 0,
    HC_BAD_ROWS = 1,         /* done, but rows were outside their domain: NaN in results by row, nothing added to sums */
    HC_INVALID_ARGUMENT = 2, /* nothing was computed */
    HC_STOPPED = 3,          /* poll asked to stop; results are incomplete */
    HC_OUT_OF_MEMORY = 4,
    HC_FAILED = 5
} hc_status;

/* What the last call of this thread that did not return HC_OK had to say, until its next call; "" before. */
HC_API const char* hc_last_error(void);

/* How a call may run; null: threads by default, never stopped. */
typedef struct hc_execution {
    size_t size;
    int threads;              /* 0: the default of the process (CPUs, HEDGECORE_NUM_THREADS) */
    int (*poll)(void* user);  /* null, or called now and then on the calling thread: not 0 stops the call */
    void* user;
} hc_execution;

/* The rows that could not be valued: how many, the first of them, and what was wrong with it (static texts). */
typedef struct hc_faults {
    size_t size;
    size_t count, row;
    const char* argument;
    double value;
    const char* demand;
} hc_faults;

/* The threads of a call by default: CPUs or HEDGECORE_NUM_THREADS, else what was set last, from 1 to 1024. */
HC_API hc_status hc_num_threads(int* threads);
HC_API hc_status hc_set_num_threads(int threads);

/* A host's threads in place of the library's. A call hands over `work` once for each further thread that it could use, to be run once, as
 * work(argument), at any time and on any thread; the calling thread works too and waits only for what has begun. The host returns 0 if it
 * will run it (which frees the argument) and another number if it will not: the results are the same bits. It must not throw. The
 * executor is of calls that begin from now on; null: the library's threads. */
typedef void (*hc_work)(void* argument);
typedef int (*hc_submit)(void* user, hc_work work, void* argument);
HC_API hc_status hc_set_executor(hc_submit submit, void* user);

/* --- prices, Greeks, implied vols ---------------------------------------------------------------------------------- */

/* HC_PHI is of the spot form; HC_BLACK_DELTA and HC_BLACK_GAMMA of coin-settled options. docs/conventions.md defines all. */
typedef enum hc_greek {
    HC_PRICE = 0, HC_DELTA = 1, HC_GAMMA = 2, HC_VEGA = 3, HC_THETA = 4, HC_RHO = 5, HC_PHI = 6, HC_VANNA = 7, HC_VOLGA = 8,
    HC_CHARM = 9, HC_VETA = 10, HC_SPEED = 11, HC_ZOMMA = 12, HC_COLOR = 13, HC_ULTIMA = 14, HC_DUAL_DELTA = 15, HC_DUAL_GAMMA = 16,
    HC_BLACK_DELTA = 17, HC_BLACK_GAMMA = 18
} hc_greek;

typedef enum hc_model { HC_BLACK = 0, HC_BACHELIER = 1 } hc_model;
/* One unit of the quote currency or of the underlying if in the money; under HC_BLACK alone. */
typedef enum hc_payoff { HC_VANILLA = 0, HC_CASH_OR_NOTHING = 1, HC_ASSET_OR_NOTHING = 2 } hc_payoff;

/* Row i is data[i * stride]: a stride of 1 for an array, of 0 for one number for all rows. Null data: not given. */
typedef struct hc_column {
    const double* data;
    ptrdiff_t stride;
} hc_column;

/* n European options. The forward form has `forward` and, where it is not 1, `discount`; the spot form has `spot` and, where they are not 0,
 * `rate` and `carry`. */
typedef struct hc_options {
    size_t size;
    size_t n;
    int coin_settled;      /* 0: premium and payoff in the quote currency; 1: in the coin, payoff (S - K)+ / S */
    hc_model model;
    hc_payoff payoff;
    const int8_t* kind;    /* +1 call, -1 put */
    ptrdiff_t kind_stride; /* 1, or 0: one kind for all */
    hc_column strike, expiry;
    hc_column vol;         /* not read by hc_implied_vol */
    hc_column forward, discount;
    hc_column spot, rate, carry;
} hc_options;

/* out[j][i] = greek[j] of row i; each Greek once. Rows outside the domain are NaN and reported. */
HC_API hc_status hc_greeks(const hc_options* options, size_t greeks, const hc_greek* greek, double* const* out,
                           const hc_execution* execution, hc_faults* faults);

typedef enum hc_vol_status {
    HC_VOL_OK = 0, HC_VOL_BELOW_INTRINSIC = 1, HC_VOL_ABOVE_MAXIMUM = 2, HC_VOL_INVALID_INPUT = 3
} hc_vol_status;

/* The vols at which vanilla options are worth `price`; NaN where there is none. vol_status: null, or an hc_vol_status for each row. */
HC_API hc_status hc_implied_vol(const hc_options* options, const hc_column* price, double* vol, int8_t* vol_status,
                                const hc_execution* execution, hc_faults* faults);

/* sums[t * buckets + b] = sum over the options of bucket b of weight[t] x greek[t]. bucket: of each option, from 0 to buckets - 1, or null:
 * all in the first. The same bits for any number of threads. */
HC_API hc_status hc_greek_sums(const hc_options* options, size_t terms, const hc_greek* greek, const hc_column* weight,
                               const int32_t* bucket, size_t buckets, double* sums, const hc_execution* execution,
                               hc_faults* faults);

/* --- surfaces ------------------------------------------------------------------------------------------------------ */

typedef enum hc_smile_model {
    HC_SVI = 0, /* a, b, rho, m, sigma of w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2)): SVI and eSSVI fits */
    HC_SABR = 1 /* alpha, beta, nu, rho: Hagan's vol */
} hc_smile_model;

typedef struct hc_surface hc_surface;

/* A surface of `slices` smiles in order of time: expiry and forward of each, and their parameters one after the other (5 each for
 * HC_SVI, 4 for HC_SABR). Between slices total variance is linear in time at constant k = ln(strike / forward). The surface
 * keeps copies; free it with hc_surface_free. */
HC_API hc_status hc_surface_new(hc_smile_model model, size_t slices, const double* expiry, const double* forward,
                                const double* parameters, hc_surface** surface);
HC_API void hc_surface_free(hc_surface* surface); /* null is allowed */

/* Vols of n strikes at n expiries; forward: of each row, or null for those of the surface. faults: null, or filled in. */
HC_API hc_status hc_surface_vol(const hc_surface* surface, size_t n, const double* strike, const double* expiry,
                                const double* forward, double* vol, const hc_execution* execution, hc_faults* faults);

/* Total variance w at n points (k, expiry), with dw/dk, d2w/dk2 and dw/dT per year; n values each. */
HC_API hc_status hc_surface_variance(const hc_surface* surface, size_t n, const double* k, const double* expiry,
                                     double* variance, double* slope, double* curvature, double* rise,
                                     const hc_execution* execution, hc_faults* faults);

/* --- scenario grids ------------------------------------------------------------------------------------------------ */

/* n European options under Black in forward form. Greeks: HC_PRICE to HC_THETA, HC_BLACK_DELTA, HC_BLACK_GAMMA. */
typedef struct hc_scenario_options {
    size_t size;
    size_t n;
    int coin_settled;      /* 0: premium and payoff in the quote currency; 1: in the coin, payoff (S - K)+ / S */
    const int8_t* kind;    /* +1 call, -1 put */
    const double *strike, *expiry, *vol, *forward, *weight;
    const int32_t* bucket; /* of each option, from 0 to the number of buckets - 1 */
    const double* rate;    /* null: 0 */
    const double* slope;   /* null: 0; d vol / d ln(forward), by which vols go with the spot factor */
} hc_scenario_options;

/* The smile of a bucket: near_weight x near + far_weight x far in total variance, SVI each; see ScenarioSmile in risk.hpp. */
typedef struct hc_smile {
    double near_svi[5], far_svi[5];
    double near_weight, far_weight, expiry, stickiness;
} hc_smile;

/* n nodes; shocks of bucket b at node i stand at [b * n + i]. At a node the forward is forward x spot_factor, the expiry less
 * time_shift, and the vol max((vol + slide) vol_scale + vol_shift + vol_skew z + vol_curvature z^2, vol_floor) with
 * z = ln(strike / forward) / (atm_vol sqrt(expiry)), at most 5 in magnitude. */
typedef struct hc_nodes {
    size_t size;
    size_t n, buckets;
    const double *spot_factor, *vol_scale, *vol_shift;
    const double* time_shift; /* [n] */
    const double *vol_skew, *vol_curvature; /* null: 0; both or none */
    const double* vol_floor;  /* null: none */
    const double* atm_vol;    /* [buckets], needed by vol_skew and vol_curvature */
    const hc_smile* smiles;   /* [buckets], null: vols stay with their strikes */
} hc_nodes;

/* sums[(g * buckets + bucket) * n + node] = sum over the options of the bucket of weight x Greek g at the node. The same bits for any
 * number of threads. */
HC_API hc_status hc_scenario_sums(const hc_scenario_options* options, const hc_nodes* nodes, size_t greeks, const hc_greek* greek,
                                  double* sums, const hc_execution* execution, hc_faults* faults);

/* --- hedging simulations ------------------------------------------------------------------------------------------- */

typedef enum hc_path_kind {
    HC_PATHS_GBM = 0, HC_PATHS_MERTON = 1, HC_PATHS_KOU = 2, HC_PATHS_HESTON = 3, HC_PATHS_BATES = 4, HC_PATHS_GIVEN = 5
} hc_path_kind;

/* Prices of one underlying; what a kind has not is not read. Times are years, variances and intensities per year. */
typedef struct hc_path_model {
    size_t size;
    hc_path_kind kind;
    double spot, drift;                    /* at the start; E[S_t] = spot exp(drift t), jumps compensated; not of given paths */
    double vol;                            /* GBM, Merton, Kou; of given paths what they are said to have */
    double v0, kappa, theta, xi, rho;      /* Heston, Bates: variances v0 and theta, dv = kappa (theta - v) dt + xi sqrt(v) dW */
    double intensity, jump_mean, jump_std; /* Merton, Bates: jumps of the logarithm */
    double up_share, up_rate, down_rate;   /* Kou, with intensity */
    const double* given;                   /* [1 + given_levels][given_paths][steps + 1]: prices, then levels */
    size_t given_paths, given_levels;
    uint64_t given_first;                  /* the number of the first given path */
} hc_path_model;

/* n European options on the price, held to their expiries, each of which must fall on a step. */
typedef struct hc_hedged_options {
    size_t size;
    size_t n;
    const int8_t* kind;    /* +1 call, -1 put */
    const double *strike, *expiry;
    const double* quantity; /* negative: sold */
    const double* vol;      /* null: the root of the paths' variance */
    const double* premium;  /* of one option, in the quote currency, paid or received at the start; null: Black's value at the vol */
} hc_hedged_options;

typedef struct hc_hedge_run {
    size_t size;
    uint64_t seed, first_path; /* path i has the same numbers in any run that contains it */
    size_t paths;
    size_t steps;              /* from the start to the last expiry */
    double rate;               /* per year, of cash and of the options' forward */
    int coin;                  /* 1: amounts are coins and the delta is net of premium; 0: the quote currency */
} hc_hedge_run;

typedef enum hc_hedge_kind { HC_SPOT = 0, HC_LINEAR_PERPETUAL = 1, HC_INVERSE_PERPETUAL = 2, HC_DATED_FUTURE = 3 } hc_hedge_kind;

/* What is traded: coins, of the inverse perpetual USD. */
typedef struct hc_hedge_instrument {
    size_t size;
    hc_hedge_kind kind;
    double funding;        /* of perpetuals, per year, paid by longs; a factor of the level where there is one */
    int has_funding_level;
    size_t funding_level;  /* of the given levels */
    double basis;          /* of a dated future: S exp(basis (maturity - t)) */
    double maturity;       /* years from the start */
} hc_hedge_instrument;

typedef enum hc_trigger { HC_TRIGGER_DEVIATION = 0, HC_TRIGGER_MOVE = 1, HC_TRIGGER_INTERVAL = 2 } hc_trigger;
typedef enum hc_centre { HC_CENTRE_RATIO = 0, HC_CENTRE_ZAKAMOULINE = 1 } hc_centre;
typedef enum hc_width {
    HC_WIDTH_FIXED = 0, HC_WIDTH_WHALLEY_WILMOTT = 1, HC_WIDTH_ZAKAMOULINE = 2, HC_WIDTH_FIXED_AND_PROPORTIONAL = 3,
    HC_WIDTH_REALISED_VOL = 4, HC_WIDTH_SMOOTH = 5
} hc_width;

/* A policy trades when x, the delta of position and hedge less the target, leaves [-down H, up H]: to the nearest of inner x these
 * bounds (1 the edge, 0 the middle) or, by_ratio, by `ratio` of x. Members are those of HedgePolicy in hedging.hpp, which says more;
 * hc_hedge_policy_init sets all to what means nothing, and trades to x = 0 at each step. */
typedef struct hc_hedge_policy {
    size_t size;
    hc_trigger trigger;
    hc_centre centre;
    hc_width width;
    size_t every;          /* it looks at steps 0, every, 2 every, ... */
    double half_width;     /* H where fixed; a factor of the law elsewhere */
    double up, down, inner;
    int by_ratio;
    double ratio, target, least_width, risk_aversion;
    double cost, fixed_cost; /* what the law takes them to be: a share of the amount, USD a trade */
    double vol;              /* what the law takes it to be */
    double vol_scale;        /* the delta is at the options' vols times this */
    double zakamouline;      /* 4.76 */
    double decay, power;     /* of HC_WIDTH_REALISED_VOL */
    double impact;           /* of HC_WIDTH_SMOOTH */
    double least_trade, lot;
    size_t cool_down, blackout, move_window;
    double least_move;
    double least_fall;       /* negative: least_move */
    int in_money;            /* target and fixed widths are USD */
} hc_hedge_policy;
HC_API hc_status hc_hedge_policy_init(hc_hedge_policy* policy); /* its size must be set */

/* Zeros: no costs, the hedge is sold at the end. */
typedef struct hc_hedge_costs {
    size_t size;
    double fee, half_spread; /* shares of the traded amount */
    double fixed;            /* USD for every attempt; a factor of the level where there is one */
    int has_fixed_level;
    size_t fixed_level;      /* of the given levels */
    double impact;           /* USD per coin squared */
    double root_impact;      /* a share of the price times sqrt(coins) */
    double fee_per_coin;     /* USD, at most fee_cap of the amount */
    double fee_cap;          /* 0: none */
    double least_fee;        /* USD a trade */
    int keep_at_end;         /* 1: the hedge is valued at the end and not sold */
    double permanent;        /* USD per coin squared: each coin traded moves the price for good */
} hc_hedge_costs;

/* No decisions; no fills, what is due waits; the quote currency is off its peg. */
typedef enum hc_outage_kind { HC_OUTAGE_KEEPER = 0, HC_OUTAGE_CHAIN = 1, HC_OUTAGE_DEPEG = 2 } hc_outage_kind;

/* Events that all policies see: by chance, with a move of the price, and at fixed times. */
typedef struct hc_outage {
    size_t size;
    hc_outage_kind kind;
    double rate, mean;       /* how many begin a year; their mean length in years */
    double move;             /* one begins where ln S moved by more within a step; 0: none does */
    const uint64_t* window; /* [2 windows]: the first step and the step after the last, of one window after another */
    size_t windows;
    double discount, cost;   /* off the peg: a coin of the currency is worth 1 - discount USD; an added share of the traded amount */
} hc_outage;

/* From the decision to the fill. Zeros: at once. */
typedef struct hc_order_execution {
    size_t size;
    const double* latency; /* [latencies]: probabilities of 0, 1, 2, ... steps; null: none */
    size_t latencies;
    double failure;        /* of an attempt, which is made again */
    int first_late;        /* 1: the trade at the start has latency too */
    size_t poll, poll_phase;   /* decisions at steps poll_phase, poll_phase + poll, ...; 0: all */
    size_t block, block_phase; /* fills at steps block_phase, block_phase + block, ...; 0: all */
    const double* inclusion;   /* [inclusions]: probabilities of 0, 1, 2, ... further blocks; null: none */
    size_t inclusions;
    size_t settle_every;   /* decisions are netted and settled every so many steps; 0: not by time */
    double settle_size;    /* or as soon as the net is so many coins; 0: not by size */
    const hc_outage* outage; /* [outages]: structures of one size, one after the other */
    size_t outages;
    int leakage;           /* 1: HC_DELTA_DRIFT and HC_GAMMA_LEAKAGE are kept, what the position moved between decision and fill */
} hc_order_execution;

/* The ledgers of a policy and path: amounts in money of the last step. */
typedef enum hc_ledger {
    HC_PNL = 0, HC_COST = 1, HC_TURNOVER = 2, HC_TRADES = 3, HC_FIXED = 4, HC_IMPACT = 5, HC_LATENCY = 6, HC_EXPOSURE = 7,
    HC_FAILURES = 8, HC_FEE = 9, HC_SPREAD = 10, HC_OUTAGE = 11, HC_PEG = 12, HC_DELTA_DRIFT = 13, HC_GAMMA_LEAKAGE = 14,
    HC_PERMANENT = 15
} hc_ledger;
#define HC_LEDGERS 16

/* What the position earned, by what made it: HedgeLine in hedging.hpp says more. */
typedef enum hc_line {
    HC_LINE_EDGE = 0, HC_LINE_DELTA = 1, HC_LINE_GAMMA_THETA = 2, HC_LINE_VEGA = 3, HC_LINE_VANNA = 4, HC_LINE_VOLGA = 5, HC_LINE_CARRY = 6,
    HC_LINE_JUMPS = 7, HC_LINE_RESIDUAL = 8
} hc_line;
#define HC_LINES 9

typedef struct hc_hedge_outputs {
    size_t size;
    size_t ledgers;         /* how many the caller knows: HC_LEDGERS */
    double* const* ledger;  /* null, or [ledgers] arrays [policy * paths + path], null where not wanted */
    double* sums;           /* null, or [policy][ledger][2]: over the paths, of the ledger and of its square */
    double* unhedged;       /* null, or [paths]: the P&L of the position alone */
    size_t lines;           /* how many the caller knows: HC_LINES */
    double* const* line;    /* null: no attribution; or [lines] arrays [path], null where not wanted */
    double* price;          /* null, or with attribution [policy * paths + path]: what the hedge earned by moves of the price */
} hc_hedge_outputs;

/* Hedges the options on all paths by every policy, all on the same paths. `policy` has `policies` structures of one size, one after the
 * other. instrument, costs, orders: null for the coin, no costs, at once. The same bits for any number of threads; what was written is of
 * no use unless HC_OK comes back. */
HC_API hc_status hc_hedge_simulate(const hc_path_model* model, const hc_hedge_run* run, const hc_hedged_options* options,
                                   const hc_hedge_instrument* instrument, size_t policies, const hc_hedge_policy* policy,
                                   const hc_hedge_costs* costs, const hc_order_execution* orders,
                                   const hc_hedge_outputs* outputs, const hc_execution* execution);

#ifdef __cplusplus
}
#endif
#endif
