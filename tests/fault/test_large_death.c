/*
 * Workers that are killed in the middle of something long: a result that is being
 * written, an argument that is being read. The one thing to know: the moment is chosen by
 * chance within the time that the whole takes, so either end is right; a half is not.
 */
#include "api/pools.h"
#include "fault/acts.h"

enum { LONG_BYTES = 17 << 20, ROUNDS = 100 };

static int64_t sum_of(const unsigned char *bytes, size_t size)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < size; i += 509)
        sum = sum * 31 + bytes[i];
    return (int64_t)(sum >> 1);
}

static void fill(unsigned char *bytes, size_t size, int32_t seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 7 + (i >> 13) + (size_t)seed);
}

static int writes_much(brood_message *args, brood_message *result)
{
    int32_t seed;
    int status = brood_unpack(args, "i", &seed);
    unsigned char *bytes = status ? NULL : brood_message_reserve(result, LONG_BYTES);
    if (status || !bytes)
        return status ? status : BROOD_ENOMEM;
    memset(bytes, seed, LONG_BYTES);
    return 0;
}

static int reads_much(brood_message *args, brood_message *result)
{
    size_t size;
    const unsigned char *bytes = brood_message_bytes(args, &size);
    return brood_pack(result, "x", sum_of(bytes, size));
}

/** A pool of one, the worker that it has just now, and how long the long task takes. */
typedef struct victim {
    brood_pool *pool;
    brood_function *function;
    brood_message args;
    brd_time takes;
    unsigned chance;
    int lost, done;
} victim;

static int64_t worker_of(brood_pool *pool)
{
    int64_t pid = 0;
    brood_message result = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pool_apply(pool, own_pid, NULL, &result));
    ASSERT_OK(brood_unpack(&result, "x", &pid));
    brood_message_clear(&result);
    return pid;
}

static unsigned next_chance(victim *v)
{
    v->chance = v->chance * 1103515245u + 12345u;
    return v->chance >> 8;
}

static void victim_start(victim *v, brood_function *function)
{
    brd_time start;
    v->pool = pool_of(1);
    v->function = function;
    v->chance = 20261121;
    for (int i = 0; i < 2; i++) { // the first one pays for the pages
        start = brd_os_now();
        ASSERT_OK(brood_pool_apply(v->pool, function, &v->args, NULL));
        v->takes = brd_os_now() - start;
    }
}

/** Kills the worker at a moment within the task. The future of that task. */
static brood_future *kill_within(victim *v)
{
    brood_future *future = NULL;
    int64_t pid = worker_of(v->pool);
    brd_time start = brd_os_now();
    brd_time until = start + v->takes * (next_chance(v) % 1100) / 1000;
    ASSERT_OK(brood_pool_apply_async(v->pool, v->function, &v->args, NULL, &future));
    while (brd_os_now() < until)
        brd_os_pause();
    (void)act_kill(pid);
    return future;
}

/** One round; `check` looks at a result that came. */
static void kill_once(victim *v, void (*check)(const victim *v, brood_message *result))
{
    brood_message result = BROOD_MESSAGE_INIT;
    brood_future *future = kill_within(v);
    int status = brood_future_get(future, BROOD_FOREVER, &result);
    if (status == BROOD_OK) {
        v->done++;
        check(v, &result);
    } else {
        v->lost++;
        CU_ASSERT_EQUAL(status, BROOD_EWORKERLOST);
    }
    CU_ASSERT_EQUAL(apply_number(v->pool, square, 12), 144);
    brood_message_clear(&result);
    brood_future_destroy(future);
}

static void check_written(const victim *v, brood_message *result)
{
    size_t size = 0, wrong = 0;
    const unsigned char *bytes = brood_message_bytes(result, &size);
    (void)v;
    CU_ASSERT_EQUAL_FATAL(size, LONG_BYTES);
    for (size_t i = 0; i < size; i++)
        wrong += bytes[i] != 0x5a;
    CU_ASSERT_EQUAL(wrong, 0);
}

static void check_read(const victim *v, brood_message *result)
{
    size_t size = 0;
    int64_t sum = 0;
    const unsigned char *bytes = brood_message_bytes(&v->args, &size);
    ASSERT_OK(brood_unpack(result, "x", &sum));
    CU_ASSERT_EQUAL(sum, sum_of(bytes, size));
}

static void victim_end(victim *v)
{
    printf("        %d lost, %d done\n", v->lost, v->done);
    CU_ASSERT(v->lost > 0);
    brood_message_clear(&v->args);
    pool_end(v->pool);
}

static void killed_while_it_writes_a_result(void)
{
    victim v = {.args = BROOD_MESSAGE_INIT};
    ASSERT_OK(brood_pack(&v.args, "i", 0x5a));
    victim_start(&v, writes_much);
    for (int round = 0; round < ROUNDS; round++)
        kill_once(&v, check_written);
    victim_end(&v);
}

static void killed_while_it_reads_an_argument(void)
{
    victim v = {.args = BROOD_MESSAGE_INIT};
    unsigned char *bytes = brood_message_reserve(&v.args, LONG_BYTES);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    fill(bytes, LONG_BYTES, 3);
    victim_start(&v, reads_much);
    for (int round = 0; round < ROUNDS; round++)
        kill_once(&v, check_read);
    victim_end(&v);
}

static const test_case cases[] = {
    TEST_CASE(killed_while_it_writes_a_result),
    TEST_CASE(killed_while_it_reads_an_argument),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "large_death", cases);
}
