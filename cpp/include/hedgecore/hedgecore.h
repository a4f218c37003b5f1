/* hedgecore in plain C: surfaces and scenario grids. Arrays in and out, a status back, no exception and no signal across.
 *
 * Arrays are contiguous and hold as many values as said; a null pointer is a column that is not given, where that is allowed.
 * Vols are decimals per square-root year, times are years (ACT/365). Functions may be called from many threads at once.
 * Structures begin with their size in bytes, which the caller sets to sizeof: later versions add members at the end and
 * read of an older caller only what it has. */
#ifndef HEDGECORE_H
#define HEDGECORE_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
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

typedef enum hc_greek { HC_PRICE = 0, HC_DELTA = 1, HC_GAMMA = 2, HC_VEGA = 3, HC_THETA = 4,
                        HC_BLACK_DELTA = 17, HC_BLACK_GAMMA = 18 /* of coin-settled options */ } hc_greek;

/* n European options under Black in forward form. */
typedef struct hc_options {
    size_t size;
    size_t n;
    int coin_settled;      /* 0: premium and payoff in the quote currency; 1: in the coin, payoff (S - K)+ / S */
    const int8_t* kind;    /* +1 call, -1 put */
    const double *strike, *expiry, *vol, *forward, *weight;
    const int32_t* bucket; /* of each option, from 0 to the number of buckets - 1 */
    const double* rate;    /* null: 0 */
    const double* slope;   /* null: 0; d vol / d ln(forward), by which vols go with the spot factor */
} hc_options;

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
HC_API hc_status hc_scenario_sums(const hc_options* options, const hc_nodes* nodes, size_t greeks, const hc_greek* greek,
                                  double* sums, const hc_execution* execution, hc_faults* faults);

#ifdef __cplusplus
}
#endif
#endif
