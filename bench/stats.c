/*
 * The rows: a small table, searched by name.
 */
#include "stats.h"
#include "bench.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROWS = 192, MOST_VALUES = 1024 };

typedef struct row {
    char who[48];
    char metric[48];
    char unit[16];
    bool printed;
    size_t count;
    double values[MOST_VALUES];
} row;

static row *rows[MOST_ROWS];
static size_t row_count;

static row *find(const char *who, const char *metric)
{
    for (size_t i = 0; i < row_count; i++)
        if (strcmp(rows[i]->who, who) == 0 && strcmp(rows[i]->metric, metric) == 0)
            return rows[i];
    return NULL;
}

void stats_add(const char *who, const char *metric, double value, const char *unit)
{
    row *r = find(who, metric);
    if (!r) {
        r = row_count < MOST_ROWS ? calloc(1, sizeof *r) : NULL;
        if (!r)
            bench_fail("no room for another row", BROOD_ENOMEM);
        (void)snprintf(r->who, sizeof r->who, "%s", who);
        (void)snprintf(r->metric, sizeof r->metric, "%s", metric);
        (void)snprintf(r->unit, sizeof r->unit, "%s", unit);
        rows[row_count++] = r;
    }
    if (r->count < MOST_VALUES)
        r->values[r->count++] = value;
}

static int compare_times(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const int64_t *sorted, size_t count, double part)
{
    return (double)sorted[(size_t)(part * (double)(count - 1) + 0.5)];
}

void stats_percentiles(const char *who, const char *metric, int64_t *ns, size_t count)
{
    char name[48];
    qsort(ns, count, sizeof *ns, compare_times);
    (void)snprintf(name, sizeof name, "%s.p50", metric);
    stats_add(who, name, percentile(ns, count, 0.50) / 1e3, "us");
    (void)snprintf(name, sizeof name, "%s.p99", metric);
    stats_add(who, name, percentile(ns, count, 0.99) / 1e3, "us");
}

void stats_latency(const char *who, const char *metric, int64_t *ns, size_t count)
{
    char name[48];
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)ns[i];
    stats_percentiles(who, metric, ns, count);
    (void)snprintf(name, sizeof name, "%s.rate", metric);
    stats_add(who, name, (double)count / (sum / 1e9), "rt/s");
}

static double median(const double *values, size_t count)
{
    double sorted[MOST_VALUES];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare_doubles);
    return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

void stats_print(void)
{
    for (size_t i = 0; i < row_count; i++) {
        row *r = rows[i];
        if (!r->printed)
            printf("%s\t%s\t%.6g\t%s\n", r->who, r->metric, median(r->values, r->count), r->unit);
        r->printed = true;
    }
    (void)fflush(stdout);
}

double stats_median(const char *who, const char *metric)
{
    const row *r = find(who, metric);
    return r ? median(r->values, r->count) : -1;
}

double stats_ratio(stats_row_name over, stats_row_name under)
{
    const row *a = find(over.who, over.metric), *b = find(under.who, under.metric);
    double ratios[MOST_VALUES];
    if (!a || !b)
        return -1;
    if (a->count != b->count)
        return median(a->values, a->count) / median(b->values, b->count);
    for (size_t i = 0; i < a->count; i++)
        ratios[i] = a->values[i] / b->values[i];
    return median(ratios, a->count);
}
