/*
 * Callers that keep a pool busy, or asleep, must not keep it from what it owes others:
 * starts and ends of workers in time, and the arguments of tasks that are on their way.
 * Run on every system from this one source. The one thing to know: what is looked for
 * happens beside a caller that never waits, or waits without looking by itself.
 */
// First: on Windows they bring names with them that ours are to hide.
#include <apr_env.h>
#include <apr_pools.h>

#include "api/listeners.h"

/* ------------------------------------------------ workers that never say hello */

static const char mute[] = "BROOD_TEST_MUTE";

// Instead of brood_main: a worker that nobody will ever hear of. It has an end of its
// own, in case that its parent forgets it.
static void hang_if_mute(int argc, char **argv)
{
    static const char word[] = "--brood-worker=";
    if (!getenv(mute) || argc < 2 || strncmp(argv[1], word, sizeof word - 1) != 0)
        return;
    for (brd_time until = test_deadline(60000); brd_os_now() < until;)
        moment();
    exit(1);
}

static void make_workers_mute(bool so)
{
    apr_pool_t *memory = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    CU_ASSERT_EQUAL(so ? apr_env_set(mute, "1", memory) : apr_env_delete(mute, memory), 0);
    apr_pool_destroy(memory);
}

static brood_pool *pool_of_the_mute(void)
{
    return pool_with(
        BROOD_POOL(.processes = 1, .on_demand = 1, .start_timeout = 200, .restarts = 1));
}

// Whoever waits has been asleep since before there was a worker to look after.
static void a_sleeping_caller_keeps_no_worker_alive(void)
{
    brood_future *future = NULL;
    needs_spawn();
    make_workers_mute(true);
    brood_pool *pool = pool_of_the_mute();
    ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL, NULL, &future));
    CU_ASSERT_EQUAL(brood_future_get(future, test_ms(20000), NULL), BROOD_EBROKEN);
    brood_future_destroy(future);
    brood_pool_destroy(pool);
    pool = pool_of_the_mute();
    CU_ASSERT_EQUAL(brood_pool_prewarm(pool, 1, test_ms(20000)), BROOD_EBROKEN);
    brood_pool_destroy(pool);
    make_workers_mute(false);
}

/* ------------------------------------------------------------ an endless stream */

enum { STREAM_US = 50 }; /* between two tasks: much less than the pool's own ticks */

// Waits for nothing, but would fill all memory if nobody did these tasks.
static void hand_one_in(brood_pool *pool)
{
    brd_time next = brd_os_now() + STREAM_US * BRD_MS / 1000;
    ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL, NULL, NULL));
    while (brd_os_now() < next)
        brd_os_yield();
}

// Hands in all the time, until so many calls have come.
static bool stream_until(brood_pool *pool, tally *t, int count, brd_time until)
{
    while (watch_read(&t->w, &t->count) < count && brd_os_now() < until)
        hand_one_in(pool);
    return watch_read(&t->w, &t->count) >= count;
}

static int hangs(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    for (brd_time until = test_deadline(60000); brd_os_now() < until;)
        moment();
    return brood_fail("nobody ended it");
}

// Once it may go well by chance: the system takes the cpu from the stream for a moment.
static void check_stream(brood_function *function, int64_t limit, int expected)
{
    enum { WORKERS = 2, TURNS = 6 };
    tally t;
    int bad = 0;
    tally_make(&t);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = WORKERS, .grace = 20));
    ASSERT_OK(brood_pool_prewarm(pool, WORKERS, LONG));
    brd_time until = test_deadline(10000);
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < WORKERS; i++, bad++)
            ASSERT_OK(brood_pool_apply_async(
                pool, function, NULL, BROOD_TASK(HEARD(&t), .time_limit = limit, .priority = 1),
                NULL));
        CU_ASSERT(stream_until(pool, &t, bad, until));
    }
    pool_end(pool); // what was handed in meanwhile is done by those that came after
    CU_ASSERT_EQUAL(t.bad, bad);
    CU_ASSERT_EQUAL(t.status, expected);
    tally_clear(&t);
}

static void a_stream_of_tasks_hides_no_death(void)
{
    check_stream(dies, 0, BROOD_EWORKERLOST);
}

static void a_stream_of_tasks_hides_no_time_limit(void)
{
    check_stream(hangs, 50, BROOD_ETIMELIMIT);
}

/* --------------------------------------------------- tasks that nobody looked at */

enum { ITEMS = 200, STREAMED = 24, SHORTER = 20, ROUNDS = 100 };

/** 10,000 bytes, of which the first are a number and all others 0. */
typedef struct big {
    uint64_t words[1250];
} big;

static int is_whole(brood_message *args, brood_message *result)
{
    size_t size, count = sizeof(big) / sizeof(uint64_t);
    const uint64_t *words = brood_message_bytes(args, &size);
    for (size_t i = 1; i < count; i++)
        if (size != sizeof(big) || words[i])
            return brood_fail("word %u of %u bytes is not what it was", (unsigned)i,
                              (unsigned)size);
    return brood_message_set(result, words, sizeof *words);
}

// The worker gets the time to end the item before; the pool, that looks by itself only
// now and then, does not.
static int next_big(void *baton, brood_message *item)
{
    int *made = baton;
    brd_time until = brd_os_now() + 60 * BRD_MS / 1000;
    big *b = *made < STREAMED ? brood_message_reserve(item, sizeof *b) : NULL;
    if (!b)
        return BROOD_EEND;
    *b = (big){.words = {(uint64_t)*made}};
    ++*made;
    while (brd_os_now() < until)
        brd_os_pause();
    return BROOD_OK;
}

// The results of the first iterator are there and nobody has read them; tasks of the
// second one stand where its own stood. Then it is given up.
static int count_harmed(brood_pool *pool, const big *in)
{
    int made = 0, harmed = 0, status = 0;
    brood_iterator *given_up = NULL, *innocent = NULL;
    ASSERT_OK(brood_pool_imap(pool, is_whole, brood_items_generator(next_big, &made),
                              BROOD_MAP(.buffersize = STREAMED), &given_up));
    ASSERT_OK(brood_pool_imap(pool, is_whole, brood_items_structs(in, sizeof *in, SHORTER),
                              BROOD_MAP(.buffersize = SHORTER + 1), &innocent));
    brood_iterator_destroy(given_up);
    for (int i = 0; i < SHORTER; i++)
        harmed += brood_iterator_next(innocent, LONG, NULL, NULL) != BROOD_OK;
    status = brood_iterator_next(innocent, LONG, NULL, NULL);
    CU_ASSERT_EQUAL(status, BROOD_EEND);
    brood_iterator_destroy(innocent);
    return harmed;
}

static void what_is_given_up_harms_nobody(void)
{
    diary d;
    int harmed = 0;
    big *in = calloc(ITEMS, sizeof *in);
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    diary_make(&d);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, WATCHED(&d)));
    for (int i = 0; i < ROUNDS && !harmed; i++) {
        // After short tasks more of them are sent at once.
        ASSERT_OK(brood_pool_map(pool, is_whole, brood_items_structs(in, sizeof *in, ITEMS),
                                 BROOD_MAP(.chunksize = 1), NULL));
        harmed += count_harmed(pool, in);
    }
    CU_ASSERT_EQUAL(harmed, 0);
    pool_end(pool);
    CU_ASSERT_EQUAL(d.of[BROOD_WORKER_LOST], 0);
    diary_clear(&d);
    free(in);
}

static const test_case cases[] = {
    TEST_CASE(a_sleeping_caller_keeps_no_worker_alive),
    TEST_CASE(a_stream_of_tasks_hides_no_death),
    TEST_CASE(a_stream_of_tasks_hides_no_time_limit),
    TEST_CASE(what_is_given_up_harms_nobody),
    {0},
};

int main(int argc, char **argv)
{
    hang_if_mute(argc, argv);
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "starved", cases);
}
