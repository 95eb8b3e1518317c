/*
 * The ratios that decide, and what is to be reached: `house` is the first goal,
 * `goal` the last one.
 */
#include "bench.h"
#include "stats.h"
#include <stdio.h>

static const char brood[] = "brood", limit[] = "limit", pipe[] = "pipe";
static const char py_fork[] = "py.pool.fork", py_spawn[] = "py.pool.spawn";
static const char py_queue[] = "py.queue", py_lock[] = "py.lock";

typedef enum target_kind {
    PLAIN,
    PYTHON, /* needs the rows of CPython */
    SHARED, /* the same, of its queues and locks */
    QUIET,  /* valid only if two bare processes had two cpus */
    BARE    /* nothing is faster than this limit, unless it was disturbed */
} target_kind;

typedef struct target {
    const char *name;
    stats_row_name over, under;
    char sense; /* '<': at most, '>': at least, 0: only reported */
    double house, goal;
    target_kind kind;
} target;

static const target targets[] = {
    {"W1.p50 brood/limit", {brood, "W1.p50"}, {limit, "W1.p50"}, '<', 4, 2, BARE},
    {"W1.p99 brood/limit", {brood, "W1.p99"}, {limit, "W1.p99"}, '<', 0, 3, BARE},
    {"W1.parked brood/limit",
     {brood, "W1.parked.p50"},
     {limit, "W1.parked.p50"},
     '<',
     0,
     1.3,
     BARE},
    {"W1.p50 CPython/brood", {py_fork, "W1.p50"}, {brood, "W1.p50"}, 0, 0, 0, PYTHON},
    {"W2.c1 brood/CPython", {brood, "W2.c1"}, {py_fork, "W2.c1"}, '>', 100, 500, PYTHON},
    {"W2.async brood/CPython", {brood, "W2.async"}, {py_fork, "W2.async"}, '>', 0, 250, PYTHON},
    {"W2.c64 brood/CPython", {brood, "W2.c64"}, {py_fork, "W2.c64"}, '>', 0, 100, PYTHON},
    {"W2.c1 limit/brood", {limit, "W2.c1"}, {brood, "W2.c1"}, 0, 0, 0, PLAIN},
    {"W2.async limit/brood", {limit, "W2.c1"}, {brood, "W2.async"}, 0, 0, 0, PLAIN},
    {"W2.c64 limit/brood", {limit, "W2.c64"}, {brood, "W2.c64"}, 0, 0, 0, PLAIN},
    {"W3.echo64M brood/memcpy", {brood, "W3.echo64M"}, {limit, "W3.echo64M"}, '>', 0, 0.25, PLAIN},
    {"W3.block64M brood/memcpy",
     {brood, "W3.block64M"},
     {limit, "W3.block64M"},
     '<',
     0,
     1.2,
     PLAIN},
    {"W4 CPython/brood",
     {py_spawn, "W4.spawn.ready"},
     {brood, "W4.spawn.ready"},
     '>',
     20,
     50,
     PYTHON},
    {"W4 brood/limit", {brood, "W4.spawn.ready"}, {limit, "W4.spawn.ready"}, '<', 0, 1.5, PLAIN},
    {"W4 1G/small", {brood, "W4.spawn.1G.ready"}, {brood, "W4.spawn.ready"}, '<', 0, 1.2, PLAIN},
    {"W5.c1 brood/limit", {brood, "W5.c1"}, {limit, "W5.c1"}, '<', 1.03, 1.01, QUIET},
    {"W5.c250 brood/limit", {brood, "W5.c250"}, {limit, "W5.c1"}, '<', 0, 1.01, QUIET},
    {"W7 cost 64/2 workers",
     {brood, "W7.w2.n2000000"},
     {brood, "W7.w64.n2000000"},
     '<',
     0,
     1.3,
     PLAIN},
    {"W7 cost 256/2 workers",
     {brood, "W7.w2.n2000000"},
     {brood, "W7.w256.n2000000"},
     '<',
     0,
     1.5,
     PLAIN},
    {"W7 cost 10^6/10^5 tasks",
     {brood, "W7.w2.n100000"},
     {brood, "W7.w2.n1000000"},
     '<',
     0,
     1.1,
     PLAIN},
    {"W8.1x1.8B brood/CPython", {brood, "W8.1x1.8B"}, {py_queue, "W8.1x1.8B"}, '>', 0, 50, SHARED},
    {"W8.4x4.8B brood/CPython", {brood, "W8.4x4.8B"}, {py_queue, "W8.4x4.8B"}, '>', 0, 50, SHARED},
    {"W8.1x1.4K brood/CPython", {brood, "W8.1x1.4K"}, {py_queue, "W8.1x1.4K"}, '>', 0, 50, SHARED},
    {"W8.4x4.4K brood/CPython", {brood, "W8.4x4.4K"}, {py_queue, "W8.4x4.4K"}, '>', 0, 50, SHARED},
    {"W8.1x1.8B limit/brood", {limit, "W8.1x1.8B"}, {brood, "W8.1x1.8B"}, 0, 0, 0, PLAIN},
    {"W8.4x4.8B limit/brood", {limit, "W8.4x4.8B"}, {brood, "W8.4x4.8B"}, 0, 0, 0, PLAIN},
    {"W8.1x1.4K limit/brood", {limit, "W8.1x1.4K"}, {brood, "W8.1x1.4K"}, 0, 0, 0, PLAIN},
    {"W8.4x4.4K limit/brood", {limit, "W8.4x4.4K"}, {brood, "W8.4x4.4K"}, 0, 0, 0, PLAIN},
    {"W8.1x1.4K brood/pipe", {brood, "W8.1x1.4K"}, {pipe, "W8.1x1.4K"}, 0, 0, 0, PLAIN},
    {"W8.4x4.4K brood/pipe", {brood, "W8.4x4.4K"}, {pipe, "W8.4x4.4K"}, 0, 0, 0, PLAIN},
    {"W8.trip.p50 brood/limit", {brood, "W8.trip.p50"}, {limit, "W8.trip.p50"}, 0, 0, 0, BARE},
    {"W8.trip.p50 CPython/brood",
     {py_queue, "W8.trip.p50"},
     {brood, "W8.trip.p50"},
     0,
     0,
     0,
     SHARED},
    {"W8.parked.p50 brood/limit",
     {brood, "W8.parked.p50"},
     {limit, "W8.parked.p50"},
     0,
     0,
     0,
     BARE},
    {"W9.free brood/limit", {brood, "W9.free"}, {limit, "W9.free"}, 0, 0, 0, PLAIN},
    {"W9.free CPython/brood", {py_lock, "W9.free"}, {brood, "W9.free"}, 0, 0, 0, SHARED},
    {"W9.by2.handed brood/CPython",
     {brood, "W9.by2.handed"},
     {py_lock, "W9.by2.handed"},
     0,
     0,
     0,
     SHARED},
    {"W9.by4.handed brood/CPython",
     {brood, "W9.by4.handed"},
     {py_lock, "W9.by4.handed"},
     0,
     0,
     0,
     SHARED},
    {"W9.wake.p50 brood/limit", {brood, "W9.wake.p50"}, {limit, "W9.wake.p50"}, 0, 0, 0, BARE},
};

static const char *verdict(char sense, double value, double bound)
{
    return (sense == '<' ? value <= bound : value >= bound) ? "reached" : "missed";
}

static void print_value(const char *name, double value, const char *unit, char sense, double house,
                        double goal)
{
    printf("ratio\t%s\t%.4g\t%s", name, value, unit);
    if (sense && house > 0)
        printf(" (house %c= %g: %s)", sense, house, verdict(sense, value, house));
    if (sense)
        printf(" (goal %c= %g: %s)", sense, goal, verdict(sense, value, goal));
    printf("\n");
}

static bool is_disturbed(const target *t, double value)
{
    if (t->kind == QUIET)
        return stats_median(limit, "W5.c1") > 1.1;
    return t->kind == BARE && value < 0.9;
}

// The option by which the missing rows come; NULL: none, or it was given.
static const char *option_for(const target *t, const bench_options *o)
{
    if (t->kind == PYTHON && !o->python)
        return "--python";
    return t->kind == SHARED && !o->python_shared ? "--python-shared" : NULL;
}

static bool was_measured(const target *t)
{
    const stats_row_name *own = t->over.who == brood ? &t->over : &t->under;
    return stats_median(own->who, own->metric) >= 0;
}

void compare_print(const bench_options *o)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        const target *t = &targets[i];
        double value = stats_ratio(t->over, t->under);
        if (value >= 0 && is_disturbed(t, value))
            printf("ratio\t%s\t%.4g\tx (not valid: the limit was disturbed)\n", t->name, value);
        else if (value >= 0)
            print_value(t->name, value, "x", t->sense, t->house, t->goal);
        else if (option_for(t, o) && was_measured(t))
            fprintf(stderr, "%s: only with %s\n", t->name, option_for(t, o));
    }
    double memory = stats_median(brood, "W6.beyond_bare"), cpu = stats_median(brood, "W6.cpu");
    if (memory != -1)
        print_value("W6 idle worker beyond a bare one", memory, "KiB", '<', 0, 300);
    if (cpu >= 0)
        print_value("W6 cpu of an idle pool", cpu, "ms", '<', 0, 0.5);
    (void)fflush(stdout);
}
