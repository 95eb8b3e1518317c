/*
 * Workers that write what makes no sense: into their result ring, its shared words, or
 * their channel. Each is ended, its own task fails, nobody else notices. Run on every
 * system from this one source. The one thing to know: a short argument lies in the shared
 * segment itself, so from its address a task finds the whole of it.
 */
#include "api/early.h"
#include "api/listeners.h"
#include "fault/acts.h"
#include "ipc/wire.h"
#include "pool/state.h"

/* ----------------------------------------------------------- what a liar has */

typedef struct liar {
    brd_link_words *words;
    unsigned char *ring; /* of results */
    brd_ring_out out;
} liar;

static bool liar_of(liar *l, brood_message *args)
{
    size_t size;
    const void *inside = brood_message_bytes(args, &size);
    l->words = act_mapping_of(inside);
    if (!l->words)
        return false;
    l->ring = (unsigned char *)l->words + sizeof(brd_link_words) + BRD_RING_BYTES;
    brd_ring_out_init(&l->out, &l->words->results, l->ring, BRD_RING_BYTES);
    l->out.at = l->out.published = atomic_load(&l->words->results.written);
    l->out.head = atomic_load(&l->words->results.head);
    return true;
}

/** A record as the worker itself would write it. */
static void say(liar *l, uint32_t kind, const void *bytes, size_t size)
{
    void *room = brd_ring_reserve(&l->out, size);
    if (!room)
        exit(1);
    memcpy(room, bytes, size);
    brd_ring_commit(&l->out, size, kind);
    brd_ring_publish(&l->out);
}

/** Waits for the punishment. */
static _Noreturn void await_end(void)
{
    for (;;)
        moment();
}

/** The number of the task at hand is in the record of which the arguments are part. */
static uint64_t own_id(brood_message *args)
{
    size_t size;
    const unsigned char *contents = brood_message_bytes(args, &size);
    brd_task_head head;
    memcpy(&head, contents - sizeof head, sizeof head);
    return head.id;
}

static void write_to_channel(const void *bytes, size_t size)
{
    if (!act_write(act_channel(), bytes, size))
        exit(1);
}

/* -------------------------------------------------------------------- lies */

static int moves_the_tail_far_away(brood_message *args, brood_message *result)
{
    liar l;
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    atomic_store(&l.words->results.written, l.out.at + (UINT64_C(1) << 40));
    atomic_store(&l.words->results.tail, l.out.at + (UINT64_C(1) << 40));
    await_end();
}

static int moves_the_tail_by_one(brood_message *args, brood_message *result)
{
    liar l;
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    atomic_store(&l.words->results.written, l.out.at + 1);
    atomic_store(&l.words->results.tail, l.out.at + 1);
    await_end();
}

static int writes_garbage(brood_message *args, brood_message *result)
{
    liar l;
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    memset(l.ring, 0xff, BRD_RING_BYTES);
    atomic_store(&l.words->results.written, l.out.at + 4096);
    atomic_store(&l.words->results.tail, l.out.at + 4096);
    await_end();
}

// Also over the words that say which task has started.
static int writes_garbage_everywhere(brood_message *args, brood_message *result)
{
    liar l;
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    memset((void *)l.words, 0xa5, BRD_SEGMENT_SIZE);
    act_kill_self();
}

static int flips_its_words(brood_message *args, brood_message *result)
{
    liar l;
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    for (uint64_t i = 0;; i++) {
        atomic_store(&l.words->results.tail, l.out.at + (i % 3 ? i * 977 : 16));
        atomic_store(&l.words->results.written, l.out.at + (i % 5 ? i * 1013 : 32));
        atomic_store(&l.words->tasks.head, i * 7919);
        l.ring[i * 31 % BRD_RING_BYTES] = (unsigned char)i;
    }
}

static int answers_for_another(brood_message *args, brood_message *result)
{
    liar l;
    brd_result_head head = {.id = own_id(args) + 1};
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    say(&l, BRD_RECORD_RESULT, &head, sizeof head);
    await_end();
}

static int answers_for_the_third_item(brood_message *args, brood_message *result)
{
    liar l;
    brd_result_head head = {.id = own_id(args), .index = 2};
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    say(&l, BRD_RECORD_RESULT, &head, sizeof head);
    await_end();
}

static int claims_a_huge_size(brood_message *args, brood_message *result)
{
    liar l;
    brd_result_head head = {.id = own_id(args), .size = UINT64_C(1) << 62};
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    say(&l, BRD_RECORD_RESULT, &head, sizeof head);
    await_end();
}

static int names_a_block_that_is_not(brood_message *args, brood_message *result)
{
    liar l;
    struct {
        brd_result_head head;
        uint64_t block;
    } lie = {.head = {.id = own_id(args), .flags = BRD_IN_BLOCK, .size = 100000}, .block = 77};
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    say(&l, BRD_RECORD_RESULT, &lie, sizeof lie);
    await_end();
}

static int says_hello_again(brood_message *args, brood_message *result)
{
    liar l;
    brd_hello hello = {.protocol = BRD_PROTOCOL, .pid = brd_os_pid()};
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    say(&l, BRD_RECORD_HELLO, &hello, sizeof hello);
    await_end();
}

static int says_what_nobody_knows(brood_message *args, brood_message *result)
{
    liar l;
    brd_result_head head = {.id = own_id(args)};
    (void)result;
    if (!liar_of(&l, args))
        exit(1);
    say(&l, 99, &head, sizeof head);
    await_end();
}

static int sends_garbage(brood_message *args, brood_message *result)
{
    unsigned char garbage[512];
    (void)args;
    (void)result;
    memset(garbage, 0xff, sizeof garbage);
    write_to_channel(garbage, sizeof garbage);
    await_end();
}

static int announces_a_block_without_one(brood_message *args, brood_message *result)
{
    unsigned char frame[BRD_FRAME_SIZE] = {BRD_FRAME_BLOCK};
    (void)args;
    (void)result;
    frame[8] = 1;     // its number
    frame[23] = 0x7f; // its size: more than there is
    frame[24] = 99;   // a handle that never came
    write_to_channel(frame, sizeof frame);
    await_end();
}

// A worker may say why it did not run the function; not that there is no function, or
// that it has not ended.
static _Noreturn void refuse(brood_message *args, int status)
{
    liar l;
    brd_result_head head = {.id = own_id(args), .status = status, .flags = BRD_REFUSED};
    if (!liar_of(&l, args))
        exit(1);
    say(&l, BRD_RECORD_RESULT, &head, sizeof head);
    await_end();
}

static int refuses_as_if_all_had_ended(brood_message *args, brood_message *result)
{
    (void)result;
    refuse(args, BROOD_EEND);
}

static int refuses_as_if_nothing_had_ended(brood_message *args, brood_message *result)
{
    (void)result;
    refuse(args, BROOD_EAGAIN);
}

static int refuses_as_if_time_were_over(brood_message *args, brood_message *result)
{
    (void)result;
    refuse(args, BROOD_ETIMEDOUT);
}

/* --------------------------------------------------------------- the tests */

/**
 * Hands in the lie, and others behind it. Whoever writes into the task ring too can take
 * those with it that were at the same worker (`may_lose`), and nobody else.
 */
static void check_lie(brood_function *lie, bool may_lose)
{
    brood_pool *pool = pool_of(2);
    brood_future *bad = NULL, *others[100];
    brood_message args = BROOD_MESSAGE_INIT;
    int wrong = 0;
    for (int32_t i = 0; i < 40; i++)
        CU_ASSERT_EQUAL(apply_number(pool, square, i), (int64_t)i * i);
    ASSERT_OK(brood_pack(&args, "i", 1));
    ASSERT_OK(brood_pool_apply_async(pool, lie, &args, NULL, &bad));
    for (int32_t i = 0; i < 100; i++)
        others[i] = hand_in_number(pool, square, i);
    int status = brood_future_get(bad, test_ms(20000), NULL);
    CU_ASSERT(status == BROOD_EWORKERLOST || status == BROOD_EPROTOCOL);
    const brood_error *error = brood_future_error(bad);
    CU_ASSERT_PTR_NOT_NULL(error);
    if (error) // not by its own doing: it was ended
        CU_ASSERT(error->exit_kind != BROOD_EXIT_CODE || error->exit_code != 1);
    for (int32_t i = 0; i < 100; i++) {
        int64_t value = -1;
        int taken = take_number(others[i], &value);
        wrong += !(taken == BROOD_OK && value == (int64_t)i * i) &&
                 !(may_lose && taken == BROOD_EWORKERLOST);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    brood_message_clear(&args);
    brood_future_destroy(bad);
    pool_end(pool);
}

#define LIE(function)                                                                              \
    static void it_##function(void)                                                                \
    {                                                                                              \
        check_lie(function, (brood_function *)(function) == writes_garbage_everywhere);            \
    }

LIE(moves_the_tail_far_away)
LIE(moves_the_tail_by_one)
LIE(writes_garbage)
LIE(writes_garbage_everywhere)
LIE(flips_its_words)
LIE(answers_for_another)
LIE(answers_for_the_third_item)
LIE(claims_a_huge_size)
LIE(names_a_block_that_is_not)
LIE(says_hello_again)
LIE(says_what_nobody_knows)
LIE(sends_garbage)
LIE(announces_a_block_without_one)
LIE(refuses_as_if_all_had_ended)
LIE(refuses_as_if_nothing_had_ended)
LIE(refuses_as_if_time_were_over)

/* ------------------------------------------------- lies that harm somebody else */

/** The head of the task behind this one, which must be there. */
static brd_task_head *head_behind(const liar *l, brood_message *args)
{
    size_t size;
    const unsigned char *contents = brood_message_bytes(args, &size);
    unsigned char *ring = (unsigned char *)(l->words + 1);
    uint32_t record, kind;
    size_t at = (size_t)(contents - sizeof(brd_task_head) - BRD_RING_HEADER - ring);
    memcpy(&record, ring + at, sizeof record);
    if (atomic_load(&l->words->tasks.tail) % BRD_RING_BYTES <= at + record)
        exit(1);
    memcpy(&kind, ring + at + record + sizeof record, sizeof kind);
    if (kind != BRD_RECORD_TASK)
        exit(1);
    return (brd_task_head *)(void *)(ring + at + record + BRD_RING_HEADER);
}

static int64_t number_of(brood_message *args)
{
    size_t size;
    int64_t number;
    memcpy(&number, brood_message_bytes(args, &size), sizeof number);
    return number;
}

// The third of many items.
static int says_that_the_stream_is_over(brood_message *args, brood_message *result)
{
    liar l;
    size_t size;
    brd_task_head head;
    (void)result;
    if (number_of(args) != 2)
        return 0;
    if (!liar_of(&l, args))
        exit(1);
    // Behind the head stand a brd_items_head and the length of the only item.
    const unsigned char *item = brood_message_bytes(args, &size);
    memcpy(&head, item - sizeof head - sizeof(brd_items_head) - sizeof(uint64_t), sizeof head);
    brd_result_head lie = {.id = head.id, .status = BROOD_EEND, .flags = BRD_REFUSED};
    say(&l, BRD_RECORD_RESULT, &lie, sizeof lie);
    await_end();
}

// The loop that items.h shows sees all items.
static void no_worker_ends_a_stream(void)
{
    enum { ITEMS = 10 };
    int64_t in[ITEMS];
    int status = BROOD_OK, good = 0, bad = 0;
    brood_iterator *iterator = NULL;
    brood_pool *pool = pool_of(1);
    for (int i = 0; i < ITEMS; i++)
        in[i] = i;
    ASSERT_OK(brood_pool_imap(pool, says_that_the_stream_is_over,
                              brood_items_structs(in, sizeof *in, ITEMS), NULL, &iterator));
    while ((status = brood_iterator_next(iterator, LONG, NULL, NULL)) != BROOD_EEND &&
           status != BROOD_ETIMEDOUT) {
        good += status == BROOD_OK;
        bad += status == BROOD_EWORKERLOST;
    }
    CU_ASSERT_EQUAL(good, ITEMS - 1);
    CU_ASSERT_EQUAL(bad, 1);
    brood_iterator_destroy(iterator);
    pool_end(pool);
}

// When the gate opens, a chunk stands behind this task: its first item is answered,
// although none of it was begun.
static int answers_ahead(brood_message *args, brood_message *result)
{
    liar l;
    int status = gate_pass(args, result);
    brd_result_head own = {.id = own_id(args)};
    if (status || !liar_of(&l, args))
        exit(1);
    brd_result_head next = {.id = head_behind(&l, args)->id};
    say(&l, BRD_RECORD_RESULT, &own, sizeof own);
    say(&l, BRD_RECORD_RESULT, &next, sizeof next);
    act_kill_self();
}

// The worker that gets the chunk then does all of it, and is believed.
static void no_chunk_is_half_done_elsewhere(void)
{
    enum { ITEMS = 4 };
    static const int32_t in[ITEMS] = {2, 3, 4, 5};
    diary d;
    gate g;
    brood_future *lie = NULL, *map = NULL;
    diary_make(&d);
    gate_make(&g);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, WATCHED(&d)));
    make_rings_deep(pool);
    lie = running(pool, answers_ahead, &g, 0, NULL);
    ASSERT_OK(brood_pool_map_async(pool, square, brood_items_int32(in, ITEMS),
                                   BROOD_MAP(.chunksize = ITEMS), &map));
    gate_open(&g);
    CU_ASSERT_EQUAL(brood_future_get(lie, LONG, NULL), BROOD_OK);
    CU_ASSERT_EQUAL(brood_future_get(map, LONG, NULL), BROOD_OK);
    for (size_t i = 0; i < ITEMS; i++) {
        int64_t value = -1;
        ASSERT_OK(brood_unpack(brood_results_at(brood_future_results(map), i), "x", &value));
        CU_ASSERT_EQUAL(value, (int64_t)in[i] * in[i]);
    }
    brood_future_destroy(lie);
    brood_future_destroy(map);
    pool_end(pool);
    CU_ASSERT_EQUAL(d.of[BROOD_WORKER_LOST], 1);
    diary_clear(&d);
    gate_remove(&g, 1);
}

// As if it had begun the second task and not the first.
static int swaps_claims(brood_message *args, brood_message *result)
{
    liar l;
    size_t size;
    (void)result;
    if (number_of(args))
        return 0;
    if (!liar_of(&l, args))
        exit(1);
    brd_task_head *next = head_behind(&l, args);
    unsigned char *contents = (unsigned char *)(uintptr_t)brood_message_bytes(args, &size);
    brd_task_head *own = (brd_task_head *)(void *)(contents - sizeof *own);
    atomic_store(&own->claim, BRD_UNCLAIMED);
    atomic_store(&next->claim, BRD_STARTED);
    act_kill_self();
}

// Ending the job takes the first task from the worker whose second one is being lost.
static void no_claim_upsets_the_count_of_the_busy(void)
{
    static const int64_t in[2] = {0, 1};
    brood_results *results = NULL;
    brood_pool *pool = pool_of(1);
    make_rings_deep(pool);
    int status = brood_pool_map(pool, swaps_claims, brood_items_structs(in, sizeof *in, 2),
                                BROOD_MAP(.chunksize = 1, .fail_fast = 1), &results);
    CU_ASSERT_NOT_EQUAL(status, BROOD_OK);
    const brood_error *error = brood_results_error(results, 1);
    CU_ASSERT_PTR_NOT_NULL(error);
    if (error) // it died of its lie, not for want of a second task
        CU_ASSERT(error->exit_kind != BROOD_EXIT_CODE || error->exit_code != 1);
    brood_results_destroy(results);
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    brd_os_mutex_lock(&pool->lock);
    CU_ASSERT_EQUAL(pool->busy, 0);
    CU_ASSERT_EQUAL(pool->in_flight, 0);
    brd_os_mutex_unlock(&pool->lock);
    pool_end(pool);
}

/* --------------------------------------------------- a worker that does not listen */

enum { NAMED = 1290, LONG_RESULT = 100000 };

// The first item's result is in a block; then that block is named in results for nearly
// all other items, and what the parent says to each of them is not read.
static int names_one_block_for_ever(brood_message *args, brood_message *result)
{
    liar l;
    struct {
        brd_result_head head;
        uint64_t block;
    } lie;
    if (number_of(args) == 0)
        return brood_message_reserve(result, LONG_RESULT) ? 0 : 1;
    if (number_of(args) != 1) // what is left of them, at another worker
        return 0;
    if (!liar_of(&l, args))
        exit(1);
    memcpy(&lie, l.ring + l.out.at % BRD_RING_BYTES - sizeof lie, sizeof lie);
    if (!(lie.head.flags & BRD_IN_BLOCK))
        exit(1);
    for (lie.head.index = 1; lie.head.index < NAMED; lie.head.index++) {
        void *room = brd_ring_reserve(&l.out, sizeof lie);
        if (!room)
            exit(1);
        memcpy(room, &lie, sizeof lie);
        brd_ring_commit(&l.out, sizeof lie, BRD_RECORD_RESULT);
    }
    brd_ring_publish(&l.out);
    (void)act_stop(brd_os_pid());
    await_end();
}

/** Ends all workers when the test has not ended in time: it may be stuck itself. */
typedef struct rescue {
    brd_thread thread;
    watch w;
    int over;
    bool needed;
    diary d;
} rescue;

static void rescue_run(void *baton)
{
    rescue *r = baton;
    r->needed = !watch_await(&r->w, &r->over, 1);
    for (int i = 0; r->needed && i < r->d.count; i++)
        (void)act_kill(r->d.events[i].worker);
}

static brood_pool *rescue_begin(rescue *r)
{
    *r = (rescue){0};
    watch_make(&r->w);
    diary_make(&r->d);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 2, WATCHED(&r->d)));
    CU_ASSERT(diary_await(&r->d, BROOD_WORKER_READY, 2));
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&r->thread, rescue_run, r), 0);
    return pool;
}

static void rescue_end(rescue *r, brood_pool *pool)
{
    watch_add(&r->w, &r->over);
    brd_os_thread_join(&r->thread);
    CU_ASSERT_FALSE(r->needed);
    pool_end(pool);
    diary_clear(&r->d);
    watch_clear(&r->w);
}

static void nobody_waits_for_a_worker_that_does_not_listen(void)
{
    static int64_t in[NAMED + 10];
    static rescue r;
    brood_future *map = NULL;
    if (!act_stop(0x7fffffff) && act_is_wine())
        TEST_SKIP("no process can be stopped here");
    for (int i = 0; i < NAMED + 10; i++)
        in[i] = i;
    brood_pool *pool = rescue_begin(&r);
    ASSERT_OK(brood_pool_map_async(pool, names_one_block_for_ever,
                                   brood_items_structs(in, sizeof *in, NAMED + 10),
                                   BROOD_MAP(.chunksize = NAMED + 10), &map));
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    CU_ASSERT_EQUAL(brood_future_get(map, test_ms(60000), NULL), BROOD_EWORKERLOST);
    const brood_error *error = brood_future_error(map);
    CU_ASSERT(error && (error->exit_kind != BROOD_EXIT_CODE || error->exit_code != 1));
    CU_ASSERT_EQUAL(apply_number(pool, square, 6), 36);
    brood_future_destroy(map);
    rescue_end(&r, pool);
}

static const test_case cases[] = {
    TEST_CASE(it_moves_the_tail_far_away),
    TEST_CASE(it_moves_the_tail_by_one),
    TEST_CASE(it_writes_garbage),
    TEST_CASE(it_writes_garbage_everywhere),
    TEST_CASE(it_flips_its_words),
    TEST_CASE(it_answers_for_another),
    TEST_CASE(it_answers_for_the_third_item),
    TEST_CASE(it_claims_a_huge_size),
    TEST_CASE(it_names_a_block_that_is_not),
    TEST_CASE(it_says_hello_again),
    TEST_CASE(it_says_what_nobody_knows),
    TEST_CASE(it_sends_garbage),
    TEST_CASE(it_announces_a_block_without_one),
    TEST_CASE(it_refuses_as_if_all_had_ended),
    TEST_CASE(it_refuses_as_if_nothing_had_ended),
    TEST_CASE(it_refuses_as_if_time_were_over),
    TEST_CASE(no_worker_ends_a_stream),
    TEST_CASE(no_chunk_is_half_done_elsewhere),
    TEST_CASE(no_claim_upsets_the_count_of_the_busy),
    TEST_CASE(nobody_waits_for_a_worker_that_does_not_listen),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "worker_lies", cases);
}
