/*
 * The library of shop.h. With a static brood it has a copy of brood of its own, with all
 * its variables; nothing but these functions is exported. One with SHOP_SICK
 * cannot begin in a worker, and one with SHOP_STAYS can be told never to come up.
 */
#include "modules/shop.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

EXPORTED shop_door shop_open;
EXPORTED int brood_module_init(void);

#define NAME_OF(number) "shop " #number
#define NAME_AS(number) NAME_OF(number)
#define NAME            NAME_AS(SHOP_NUMBER)

static int number = SHOP_NUMBER;

/* -------------------------------------------------------------- in the worker */

static int keep_number(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    brood_set_worker_state(&number);
    return BROOD_OK;
}

static int square(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "x", (int64_t)n * n);
}

static int self(brood_message *args, brood_message *result)
{
    int32_t depth = (int32_t)brood_current_process().depth;
    const int *kept = brood_worker_state();
    (void)args;
    return brood_pack(result, "x", (int64_t)number * 1000 + depth * 10 + (kept == &number));
}

static int fail(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return brood_fail("shop %d is closed", number);
}

static int nested(brood_message *args, brood_message *result)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = 1, .initializer = keep_number));
    if (!status)
        status = brood_pool_apply(pool, self, args, result);
    brood_pool_destroy(pool);
    return status;
}

static int here(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)SHOP_HERE);
}

static int there(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)SHOP_THERE);
}

static int early[2] = {-1, -1};

// Made by every worker, each of which would make one again.
static int try_a_pool(void)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    int status = brood_context_create(&context, BROOD_CONTEXT(.executable = BROOD_TEST_WORKER));
    if (!status)
        status = brood_pool_create(&pool, BROOD_POOL(.processes = 1, .context = context));
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    return status;
}

#if SHOP_EAGER && !defined(_WIN32) // there the loader's lock is held, and nothing may wait
__attribute__((constructor)) static void begin(void)
{
    early[1] = try_a_pool();
}
#endif

#if SHOP_STAYS
static volatile unsigned turns;

/** If somebody asks for it, in a file: tells who it is, and stays where it is. */
__attribute__((constructor)) static void stay(void)
{
    const char *path = getenv("BROOD_TEST_TRAP_FILE");
    FILE *file = path ? fopen(path, "r+b") : NULL;
    if (!file)
        return;
    fprintf(file, "%lld\n", (long long)brood_pid());
    fclose(file);
    while (turns != 1)
        turns = 0;
}
#endif

static int tell_early(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "x", (int64_t)early[n != 0]);
}

static int main_again(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    brood_main(NULL, NULL);
    return status ? status : brood_pack(result, "x", (int64_t)n);
}

int brood_module_init(void)
{
    static const bool sick = SHOP_SICK;
    early[0] = try_a_pool();
    return sick ? brood_fail("shop %d is sick", number) : brood_register(NAME, there);
}

/* ---------------------------------------------------------------- in the host */

static brood_function *const tasks[SHOP_TASKS] = {
    [SHOP_SQUARE] = square,    [SHOP_SELF] = self,  [SHOP_FAIL] = fail,
    [SHOP_NESTED] = nested,    [SHOP_NAMED] = here, [SHOP_MAIN_AGAIN] = main_again,
    [SHOP_EARLY] = tell_early,
};

static int run_in_pool(brood_pool *pool, const shop_order *order, shop_answer *answer)
{
    brood_message result = BROOD_MESSAGE_INIT;
    int status = brood_pool_run(pool, tasks[order->task], &result, "i", order->n);
    const brood_error *error = brood_message_error(&result);
    if (error)
        (void)snprintf(answer->text, sizeof answer->text, "%s", error->text);
    if (!status)
        status = brood_unpack(&result, "x", &answer->value);
    brood_message_clear(&result);
    return status;
}

static int run(const shop_order *order, shop_answer *answer)
{
    const char *const modules[] = {order->module, NULL};
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    *answer = (shop_answer){.value = -1};
    int status = brood_context_create(
        &context, BROOD_CONTEXT(.method = order->method, .executable = order->worker,
                                .modules = order->module ? modules : NULL));
    if (!status && order->task == SHOP_NAMED)
        status = brood_register(NAME, here);
    if (!status)
        status = brood_pool_create(
            &pool, BROOD_POOL(.processes = 1, .context = context, .initializer = keep_number));
    if (!status)
        status = run_in_pool(pool, order, answer);
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    return status;
}

const shop *shop_open(void)
{
    static const shop me = {SHOP_NUMBER, square, run};
    return &me;
}
