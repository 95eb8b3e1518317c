/*
 * Workers that write what makes no sense: into their result ring, its shared words, or
 * their channel. Each is ended, its own task fails, nobody else notices. Run on every
 * system from this one source. The one thing to know: a short argument lies in the shared
 * segment itself, so from its address a task finds the whole of it.
 */
#include "api/pools.h"
#include "fault/acts.h"
#include "ipc/wire.h"

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
    static const char word[] = "--brood-worker=";
    char argument[64] = "";
    if (brd_os_argument(1, argument, sizeof argument) ||
        !act_write(test_handle(argument + sizeof word - 1), bytes, size))
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
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "worker_lies", cases);
}
