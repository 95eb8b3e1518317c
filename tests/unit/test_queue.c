/*
 * Queues whose shared words somebody has scribbled on, or whose locks a dead process has: who
 * puts and gets is told, and nobody waits for ever or spins.
 */
#include "harness.h"
#include "ipc/queue.h"

#include <stdlib.h>

#define ONE_RECORD (UINT64_C(1) << 32)

static brood_queue *queue_of(uint32_t maxsize)
{
    brood_queue *q = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_queue_create(&q, BROOD_QUEUE(.maxsize = maxsize)), BROOD_OK);
    return q;
}

static int put(brood_queue *q, int64_t timeout)
{
    return brood_queue_put_bytes(q, "item", 4, timeout);
}

static int get(brood_queue *q, int64_t timeout)
{
    char bytes[4];
    size_t size = 0;
    return brood_queue_get_bytes(q, bytes, sizeof bytes, &size, timeout);
}

/** All four positions: what each side has seen of the other's is in the same memory. */
static void scribble(brood_queue *q, uint64_t head, uint64_t tail)
{
    brd_buffer_words *words = &q->words->buffer;
    atomic_store(&words->head_seen, head);
    atomic_store(&words->tail_seen, tail);
    atomic_store(&words->head, head);
    atomic_store(&words->tail, tail);
}

static void records_that_are_not_there(void)
{
    brood_queue *q = queue_of(0);
    scribble(q, 0, ONE_RECORD);
    CU_ASSERT_EQUAL(get(q, 0), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(get(q, BROOD_FOREVER), BROOD_EPROTOCOL);
    scribble(q, 3 * ONE_RECORD, 0);
    CU_ASSERT_EQUAL(get(q, BROOD_FOREVER), BROOD_EPROTOCOL);
    brood_queue_destroy(q);
}

static void more_than_can_be_there(void)
{
    brood_queue *q = queue_of(4);
    const uint64_t units = q->buffer.capacity / BRD_BUFFER_UNIT;
    scribble(q, 10 * ONE_RECORD, 0);
    CU_ASSERT_EQUAL(put(q, 0), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(put(q, BROOD_FOREVER), BROOD_EPROTOCOL);
    scribble(q, 0, 2 * ONE_RECORD + units + 1);
    CU_ASSERT_EQUAL(put(q, BROOD_FOREVER), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(get(q, BROOD_FOREVER), BROOD_EPROTOCOL);
    scribble(q, 0, units);
    CU_ASSERT_EQUAL(put(q, BROOD_FOREVER), BROOD_EPROTOCOL);
    brood_queue_destroy(q);
}

static void put_once(void *baton)
{
    brood_queue *q = baton;
    CU_ASSERT_EQUAL(put(q, BROOD_FOREVER), BROOD_EPROTOCOL);
}

static void who_waits_already_is_told(void)
{
    brood_queue *q = queue_of(2);
    brd_thread putter = {0};
    CU_ASSERT_EQUAL(put(q, 0), BROOD_OK);
    CU_ASSERT_EQUAL(put(q, 0), BROOD_OK);
    CU_ASSERT_EQUAL(put(q, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&putter, put_once, q), 0);
    while (atomic_load(&q->words->freed.sleepers) == 0)
        brd_os_yield();
    atomic_store(&q->words->buffer.head, 10 * ONE_RECORD);
    brd_os_thread_join(&putter);
    brood_queue_destroy(q);
}

// A number that nobody has: the owner is dead.
static void the_locks_of_the_dead_are_taken(void)
{
    brood_queue *q = queue_of(0);
    for (int i = 0; i < 3; i++) {
        atomic_store(&q->words->putting.owner, 1);
        CU_ASSERT_EQUAL(put(q, 0), BROOD_OK);
        atomic_store(&q->words->getting.owner, 1);
        CU_ASSERT_EQUAL(get(q, 0), BROOD_OK);
    }
    brood_queue_destroy(q);
}

static const test_case cases[] = {
    TEST_CASE(records_that_are_not_there),
    TEST_CASE(more_than_can_be_there),
    TEST_CASE(who_waits_already_is_told),
    TEST_CASE(the_locks_of_the_dead_are_taken),
    {0},
};

/** What the system opens on first use. */
static void warm_up(void)
{
    brood_queue *q = NULL;
    if (brood_queue_create(&q, NULL) == BROOD_OK)
        (void)put(q, 0);
    brood_queue_destroy(q);
}

int main(int argc, char **argv)
{
    test_warm_up = warm_up;
    return test_main(argc, argv, "queue", cases);
}
