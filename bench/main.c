/*
 * brood_bench: how fast brood is, in the same run as what limits it.
 */
#include "bench.h"
#include "limit.h"
#include "stats.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: brood_bench [--works W1,W2,...] [--rounds N] [--compare] [--python CMD]\n"
    "                   [--python-shared CMD] [--quick]\n";

static const struct work {
    const char *name;
    void (*round)(const bench_options *o, int round);
    int most_rounds; /* 0: as many as asked for */
} works[] = {{"W1", work_latency, 0}, {"W2", work_throughput, 0}, {"W3", work_large, 0},
             {"W4", work_start, 0},   {"W5", work_uneven, 0},     {"W6", work_idle, 1},
             {"W7", work_many, 3},    {"W8", work_queue, 0},      {"W9", work_lock, 0}};

enum { WORKS = sizeof works / sizeof *works };

_Noreturn void bench_fail(const char *what, int status)
{
    fprintf(stderr, "brood_bench: %s: %s\n", what, brood_status_text(status));
    exit(1);
}

void bench_pause_ms(int64_t ms)
{
    brd_mutex lock;
    brd_cond never;
    brd_time until = brd_os_now() + ms * BRD_MS;
    bench_check(brd_os_mutex_init(&lock), "a mutex");
    bench_check(brd_os_cond_init(&never), "a condition");
    brd_os_mutex_lock(&lock);
    while (brd_os_now() < until)
        (void)brd_os_cond_wait(&never, &lock, until);
    brd_os_mutex_unlock(&lock);
    brd_os_cond_clear(&never);
    brd_os_mutex_clear(&lock);
}

static int choose(const char *list, bool *chosen)
{
    memset(chosen, 0, WORKS * sizeof *chosen);
    while (*list) {
        size_t length = strcspn(list, ","), i = 0;
        while (i < WORKS &&
               (strlen(works[i].name) != length || strncmp(works[i].name, list, length) != 0))
            i++;
        if (i == WORKS)
            return BROOD_EINVAL;
        chosen[i] = true;
        list += length + (list[length] == ',');
    }
    return BROOD_OK;
}

static int read_arguments(int argc, char **argv, bench_options *o, bool *chosen)
{
    int status = BROOD_OK;
    for (int i = 1; !status && i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--compare") == 0) {
            o->compare = true;
        } else if (strcmp(argv[i], "--quick") == 0) {
            o->quick = true;
        } else if (!value) {
            status = BROOD_EINVAL;
        } else {
            i++;
            if (strcmp(argv[i - 1], "--works") == 0)
                status = choose(value, chosen);
            else if (strcmp(argv[i - 1], "--python") == 0)
                o->python = value;
            else if (strcmp(argv[i - 1], "--python-shared") == 0)
                o->python_shared = value;
            else if (strcmp(argv[i - 1], "--rounds") == 0)
                o->rounds = (int)strtol(value, NULL, 10);
            else
                status = BROOD_EINVAL;
        }
    }
    return o->rounds > 0 && o->rounds <= 100 ? status : BROOD_EINVAL;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    if (argc > 1 && strcmp(argv[1], LIMIT_ARGUMENT) == 0)
        limit_child(argc, argv);
    bench_options o = {.rounds = 5};
    bool chosen[WORKS];
    for (size_t i = 0; i < WORKS; i++)
        chosen[i] = true;
    if (read_arguments(argc, argv, &o, chosen)) {
        fputs(usage, stderr);
        return 2;
    }
    for (size_t i = 0; i < WORKS; i++) {
        int most = works[i].most_rounds ? works[i].most_rounds : o.rounds;
        for (int round = 0; chosen[i] && round < o.rounds && round < most; round++)
            works[i].round(&o, round);
        stats_print();
    }
    if (o.compare)
        compare_print(&o);
    return 0;
}
