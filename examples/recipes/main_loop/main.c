/*
 * A program whose main thread belongs to an event loop, as those with windows have one. The
 * one thing to know: with .own_loop brood has no thread for callbacks. They run in
 * brood_pool_dispatch, which the loop calls when the pool's handle wakes it: in the main
 * thread, so they may touch what is on the screen, and need no locks.
 */
#include "loop.h"
#include <brood/brood.h>
#include <stdio.h>

enum { PARTS = 20, PART = 10000, PRIMES = 17984 /* below PARTS * PART */ };

typedef struct app {
    loop loop;
    brood_pool *pool;
    int waiting, failed, idle;
    int64_t primes;
} app;

static int count_primes(brood_message *args, brood_message *result)
{
    int32_t first;
    int64_t primes = 0;
    int status = brood_unpack(args, "i", &first);
    for (int32_t n = first < 2 ? 2 : first; !status && n < first + PART; n++) {
        int32_t divisor = 2;
        while (divisor * divisor <= n && n % divisor)
            divisor++;
        primes += divisor * divisor > n;
    }
    return status ? status : brood_pack(result, "x", primes);
}

/* ----------------------------------------------------- in the main thread, all of it */

static void on_counted(brood_future *future, void *baton)
{
    app *a = baton;
    int64_t primes = 0;
    if (brood_future_unpack(future, 0, "x", &primes) == BROOD_OK)
        a->primes += primes;
    else
        a->failed++;
    printf("%d parts to go, %lld primes\n", --a->waiting, (long long)a->primes);
    a->loop.quit = a->waiting == 0;
}

static void on_handle(void *baton)
{
    app *a = baton;
    (void)brood_pool_dispatch(a->pool, 0);
}

/* Where a program with windows would be busy with its user. */
static void on_idle(void *baton)
{
    app *a = baton;
    a->idle++;
}

static int hand_in(app *a)
{
    brood_message args = BROOD_MESSAGE_INIT;
    int status = BROOD_OK;
    for (int32_t part = 0; !status && part < PARTS; part++) {
        brood_message_clear(&args);
        status = brood_pack(&args, "i", part * PART);
        if (!status)
            status = brood_pool_apply_async(
                a->pool, count_primes, &args,
                BROOD_TASK(.callback = on_counted, .error_callback = on_counted, .baton = a), NULL);
        a->waiting += !status;
    }
    brood_message_clear(&args);
    return status;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    app a = {.loop = {.on_handle = on_handle, .interval = 5, .on_idle = on_idle, .baton = &a}};
    int status = brood_pool_create(&a.pool, BROOD_POOL(.own_loop = 1));
    if (!status)
        status = hand_in(&a);
    if (status) {
        fprintf(stderr, "main_loop: %s\n", brood_status_text(status));
    } else {
        a.loop.handle = brood_pool_handle(a.pool);
        status = loop_run(&a.loop);
        printf("%lld primes below %d; the loop was idle %d times\n", (long long)a.primes,
               PARTS * PART, a.idle);
    }
    brood_pool_destroy(a.pool);
    return status || a.failed || a.primes != PRIMES;
}
