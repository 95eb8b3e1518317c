/*
 * Numbers: one value a round and row, printed as the median of the rounds, and
 * ratios taken within a round. The one thing to know: on a noisy machine only the
 * ratio of two values of the same round means something.
 */
#ifndef BENCH_STATS_H
#define BENCH_STATS_H

#include <stddef.h>
#include <stdint.h>

/** One value of a row; rows are made when first named. */
void stats_add(const char *who, const char *metric, double value, const char *unit);

/** p50 and p99 in us of these nanoseconds, which get sorted. */
void stats_percentiles(const char *who, const char *metric, int64_t *ns, size_t count);

/** The same, and the rate in rt/s. */
void stats_latency(const char *who, const char *metric, int64_t *ns, size_t count);

/** Prints the medians of all rows that were not printed yet. */
void stats_print(void);

/** The median of a row; negative if there is no such row. */
double stats_median(const char *who, const char *metric);

typedef struct stats_row_name {
    const char *who;
    const char *metric;
} stats_row_name;

/**
 * over / under: the median of the ratios of each round where both rows have the
 * same number of values, else the ratio of the medians; negative without either.
 */
double stats_ratio(stats_row_name over, stats_row_name under);

#endif
