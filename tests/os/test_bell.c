/*
 * The bell: one process or thread wakes another that parked on a shared word. Run on
 * every system from this one source. The one thing to know: a lost ring shows as a test
 * that runs into its deadline, so the ping-pong is long.
 */
#include "harness.h"

#include <string.h>

enum { TURNS = 5000 };

/** Two bells and two counters in shared memory: a's ring wakes a. */
typedef struct table {
    _Atomic uint32_t parked_a;
    _Atomic uint32_t parked_b;
    _Atomic uint32_t ping;
    _Atomic uint32_t pong;
} table;

/** Waits until the counter has that value, in the order that os.h asks for. */
static int await(const brd_bell *bell, _Atomic uint32_t *counter, uint32_t value)
{
    brd_time until = test_deadline(20000);
    int status = 0;
    while (status == 0 && atomic_load(counter) != value) {
        atomic_store(bell->word, 1);
        if (atomic_load(counter) != value)
            status = brd_os_bell_wait(bell, until);
        atomic_store(bell->word, 0);
    }
    return atomic_load(counter) == value ? 0 : status;
}

static void announce(const brd_bell *bell, _Atomic uint32_t *counter, uint32_t value)
{
    atomic_store(counter, value);
    atomic_thread_fence(memory_order_seq_cst);
    brd_os_bell_ring(bell);
}

static int answer(table *t, brd_handle bell_a, brd_handle bell_b)
{
    brd_bell a = {&t->parked_a, bell_a};
    brd_bell b = {&t->parked_b, bell_b};
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        int status = await(&b, &t->ping, turn);
        if (status)
            return status;
        announce(&a, &t->pong, turn);
    }
    return 0;
}

static int ask(table *t, brd_handle bell_a, brd_handle bell_b)
{
    brd_bell a = {&t->parked_a, bell_a};
    brd_bell b = {&t->parked_b, bell_b};
    for (uint32_t turn = 1; turn <= TURNS; turn++) {
        int status = 0;
        announce(&b, &t->ping, turn);
        status = await(&a, &t->pong, turn);
        if (status)
            return status;
    }
    return 0;
}

static int child_answers(int argc, char **argv)
{
    brd_shm shm = {.segment = BRD_NONE};
    brd_handle a = BRD_NONE;
    brd_handle b = BRD_NONE;
    int status = 0;
    TEST_CHILD_CHECK(argc == 1 || argc == 3);
    if (argc == 3) {
        a = test_handle(argv[1]);
        b = test_handle(argv[2]);
    }
    TEST_CHILD_CHECK(brd_os_shm_map(&shm, test_handle(argv[0]), sizeof(table), true) == 0);
    status = answer(shm.base, a, b);
    brd_os_shm_unmap(&shm);
    brd_os_close(&a);
    brd_os_close(&b);
    return status ? 1 : 0;
}

static void wakes_across_processes(void)
{
    brd_shm shm = {.segment = BRD_NONE};
    brd_handle list[3] = {BRD_NONE, BRD_NONE, BRD_NONE};
    brd_proc child = {0};
    test_start how = {.child = "answers", .inherit = list, .ninherit = 3};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, sizeof(table)), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&list[1]), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&list[2]), 0);
    list[0] = shm.segment;
    if (brd_is_none(list[1]))
        how.ninherit = 1;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    CU_ASSERT_EQUAL(ask(shm.base, list[1], list[2]), 0);
    CU_ASSERT_EQUAL(test_end(&child), 0);
    brd_os_close(&list[1]);
    brd_os_close(&list[2]);
    brd_os_shm_unmap(&shm);
}

typedef struct partner {
    table *t;
    brd_handle a, b;
    int status;
} partner;

static void thread_answers(void *baton)
{
    partner *p = baton;
    p->status = answer(p->t, p->a, p->b);
}

static void wakes_across_threads(void)
{
    table t = {0};
    partner p = {&t, BRD_NONE, BRD_NONE, -1};
    brd_thread thread = {0};
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&p.a), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&p.b), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, thread_answers, &p), 0);
    CU_ASSERT_EQUAL(ask(&t, p.a, p.b), 0);
    brd_os_thread_join(&thread);
    CU_ASSERT_EQUAL(p.status, 0);
    brd_os_close(&p.a);
    brd_os_close(&p.b);
}

static void does_not_wait_when_awake(void)
{
    _Atomic uint32_t word = 0;
    brd_bell bell = {&word, BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&bell.handle), 0);
    CU_ASSERT_EQUAL(brd_os_bell_wait(&bell, BRD_FOREVER), 0);
    brd_os_bell_ring(&bell);
    CU_ASSERT_EQUAL(atomic_load(&word), 0);
    brd_os_close(&bell.handle);
}

static void waits_until_a_time(void)
{
    _Atomic uint32_t word = 1;
    brd_bell bell = {&word, BRD_NONE};
    brd_time until = 0;
    int status = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&bell.handle), 0);
    CU_ASSERT_EQUAL(brd_os_bell_wait(&bell, 0), BROOD_ETIMEDOUT);
    until = brd_os_now() + 20 * BRD_MS;
    do {
        status = brd_os_bell_wait(&bell, until);
    } while (status == 0);
    CU_ASSERT_EQUAL(status, BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() >= until);
    CU_ASSERT_EQUAL(atomic_load(&word), 1);
    brd_os_close(&bell.handle);
}

static void remembers_a_ring(void)
{
    _Atomic uint32_t word = 1;
    brd_bell bell = {&word, BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&bell.handle), 0);
    brd_os_bell_ring(&bell);
    CU_ASSERT_EQUAL(atomic_load(&word), 0);
    // Rings between the store of 1 and the wait: the word tells.
    CU_ASSERT_EQUAL(brd_os_bell_wait(&bell, BRD_FOREVER), 0);
    brd_os_bell_ring(&bell);
    brd_os_bell_ring(&bell);
    CU_ASSERT_EQUAL(atomic_load(&word), 0);
    brd_os_close(&bell.handle);
}

/** The bell of a waiter, rung from another process through its inherited handle. */
static int child_rings_waiter(int argc, char **argv)
{
    brd_shm shm = {.segment = BRD_NONE};
    brd_bell bell = {NULL, BRD_NONE};
    TEST_CHILD_CHECK(argc == 2);
    TEST_CHILD_CHECK(brd_os_shm_map(&shm, test_handle(argv[0]), sizeof(table), true) == 0);
    bell = (brd_bell){&((table *)shm.base)->parked_a, test_handle(argv[1])};
    brd_os_bell_ring(&bell);
    TEST_CHILD_CHECK(atomic_load(bell.word) == 0);
    // The waiter is awake now: this ring says nothing.
    brd_os_bell_ring(&bell);
    brd_os_close(&bell.handle);
    brd_os_shm_unmap(&shm);
    return 0;
}

static void wakes_a_waiter(void)
{
    brd_waiter *w = NULL;
    brd_shm shm = {.segment = BRD_NONE};
    brd_handle list[2] = {BRD_NONE, BRD_NONE};
    brd_proc child = {0};
    brd_event events[4];
    size_t count = 0;
    test_start how = {.child = "rings-waiter", .inherit = list, .ninherit = 2};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, sizeof(table)), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    list[0] = shm.segment;
    list[1] = brd_os_waiter_bell(w);
    CU_ASSERT_FALSE(brd_is_none(list[1]));
    atomic_store(&((table *)shm.base)->parked_a, 1);
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_wait(w, test_deadline(20000), events, 4, &count), 0);
    CU_ASSERT_EQUAL(count, 1);
    CU_ASSERT_PTR_NULL(events[0].tag);
    CU_ASSERT_EQUAL(test_end(&child), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_wait(w, 0, events, 4, &count), BROOD_ETIMEDOUT);
    brd_os_waiter_close(&w);
    brd_os_shm_unmap(&shm);
}

static const test_case cases[] = {
    TEST_CASE(wakes_across_processes),
    TEST_CASE(wakes_across_threads),
    TEST_CASE(does_not_wait_when_awake),
    TEST_CASE(waits_until_a_time),
    TEST_CASE(remembers_a_ring),
    TEST_CASE(wakes_a_waiter),
    TEST_CHILD("answers", child_answers),
    TEST_CHILD("rings-waiter", child_rings_waiter),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "bell", cases);
}
