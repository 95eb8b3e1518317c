/*
 * A plug-in that works in processes of its own, whatever program has loaded it. Its workers
 * are brood-worker, which lies beside it: they load this library, and run its functions as
 * if they were its host. One that crashes costs its task, and never the host.
 */
#include "plugin.h"

#include <brood/brood.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define WORKER "brood-worker.exe"
#else
#define WORKER "brood-worker"
#endif

enum { STEP = 10000 };

static brood_context *context;
static brood_pool *pool;
static char text[2048];

/* ------------------------------------------------------------ in a worker */

static int is_prime(int64_t n)
{
    for (int64_t d = 2; d * d <= n; d++)
        if (n % d == 0)
            return 0;
    return n >= 2;
}

static int count_primes(brood_message *args, brood_message *result)
{
    int64_t from, to, count = 0;
    int status = brood_unpack(args, "xx", &from, &to);
    if (status)
        return status;
    if (from < 0)
        abort(); /* as a fault in the code would end it */
    for (int64_t n = from; n < to; n++)
        count += is_prime(n);
    return brood_pack(result, "x", count);
}

/* ------------------------------------------------------------- in the host */

int plugin_open(const char *directory)
{
    char worker[1024];
    snprintf(worker, sizeof worker, "%s/" WORKER, directory);
    int status = brood_context_create(&context, BROOD_CONTEXT(.executable = worker));
    if (!status)
        status = brood_pool_create(&pool, BROOD_POOL(.processes = 2, .context = context));
    if (status)
        snprintf(text, sizeof text, "%s: %s", worker, brood_status_text(status));
    return status;
}

static int next_range(void *baton, brood_message *item)
{
    int64_t *at = baton; /* where the next range begins, and where the last one ends */
    int64_t from = at[0], to = from + STEP < at[1] ? from + STEP : at[1];
    if (from >= at[1])
        return BROOD_EEND;
    at[0] = to;
    return brood_pack(item, "xx", from, to);
}

static long add_up(brood_results *results)
{
    int64_t sum = 0;
    for (size_t i = 0; i < brood_results_count(results); i++) {
        int64_t count;
        const brood_error *error = brood_results_error(results, i);
        if (!error && brood_unpack(brood_results_at(results, i), "x", &count) == BROOD_OK) {
            sum += count;
            continue;
        }
        snprintf(text, sizeof text, "%s", error ? error->text : "no number");
        return -1;
    }
    return (long)sum;
}

long plugin_count(long below)
{
    int64_t range[2] = {below < 0 ? below : 0, below < 0 ? 0 : below};
    brood_results *results = NULL;
    int status = brood_pool_map(pool, count_primes, brood_items_generator(next_range, range), NULL,
                                &results);
    long sum = -1;
    if (results)
        sum = add_up(results);
    else
        snprintf(text, sizeof text, "%s", brood_status_text(status));
    brood_results_destroy(results);
    return sum;
}

const char *plugin_text(void)
{
    return text;
}

void plugin_close(void)
{
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    pool = NULL;
    context = NULL;
}
