/*
 * What the suites share in which processes die on a queue. Every item is a number with a line
 * in a ledger that all processes map, where each writes down what it is about to do and what
 * it has done.
 */
#ifndef BRD_TESTS_QUEUE_KILLS_H
#define BRD_TESTS_QUEUE_KILLS_H

#include "api/pools.h"

#define LONG test_ms(20000)

enum {
    ROOM = 1 << 16 /* numbers */
};

/** What became of each number. */
typedef struct ledger {
    _Atomic uint32_t next;
    _Atomic uint32_t stop; /* for whoever gets on meanwhile */
    _Atomic uint8_t begun[ROOM], put[ROOM], got[ROOM];
} ledger;

/** The ledger is in a segment that came as a handle. */
static inline int open_ledger(intptr_t handle, brd_shm *shm)
{
    *shm = (brd_shm){.segment = BRD_NONE};
    return brd_os_shm_map(shm, (brd_handle){handle}, sizeof(ledger), true);
}

static inline int put_one(brood_queue *queue, ledger *l, bool with_handle, int64_t timeout)
{
    uint32_t n = atomic_fetch_add(&l->next, 1);
    brood_pipe *one = NULL, *other = NULL;
    int status = n < ROOM ? BROOD_OK : BROOD_EEND;
    if (!status && with_handle)
        status = brood_pipe_create(&one, &other, NULL);
    if (!status)
        atomic_store(&l->begun[n], 1);
    if (!status)
        status = with_handle ? brood_queue_put_values(queue, timeout, "up", n, one)
                             : brood_queue_put_values(queue, timeout, "u", n);
    if (!status)
        atomic_store(&l->put[n], 1);
    brood_pipe_destroy(one);
    brood_pipe_destroy(other);
    return status;
}

static inline int get_one(brood_queue *queue, ledger *l, int64_t timeout)
{
    brood_message item = BROOD_MESSAGE_INIT;
    uint32_t n = ROOM;
    int status = brood_queue_get(queue, &item, timeout);
    if (!status)
        status = brood_unpack(&item, "u", &n);
    if (!status && n >= ROOM)
        status = BROOD_EPROTOCOL;
    if (!status)
        atomic_fetch_add(&l->got[n], 1);
    brood_message_clear(&item);
    return status;
}

/* ------------------------------------------------------------------- helpers */

typedef struct scene {
    brood_queue *queue;
    brd_shm shm;
    bool handles;
    int kills;
} scene;

static inline ledger *book_of(const scene *s)
{
    return s->shm.base;
}

static inline void set_up(scene *s, bool handles)
{
    *s = (scene){.handles = handles, .shm = {.segment = BRD_NONE}};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&s->shm, sizeof(ledger)), 0);
    // So small that who puts must wait as often as who gets.
    CU_ASSERT_EQUAL_FATAL(brood_queue_create(&s->queue, BROOD_QUEUE(.maxsize = 2)), BROOD_OK);
}

/** A victim is dead: whoever is left can put and get at once, whatever it has left behind. */
static inline void goes_on(scene *s)
{
    while (brood_queue_size(s->queue)) {
        // An item whose handles died with the victim is passed over.
        int got = get_one(s->queue, book_of(s), 0);
        CU_ASSERT(got == BROOD_OK || (s->handles && got == BROOD_ETIMEDOUT));
    }
    ASSERT_OK(put_one(s->queue, book_of(s), s->handles, LONG));
    ASSERT_OK(get_one(s->queue, book_of(s), LONG));
}

/** Nothing came twice, and of what was put no more is missing than died with its getter. */
static inline void close_the_books(scene *s)
{
    const ledger *l = book_of(s);
    uint32_t all = atomic_load(&l->next), lost = 0, twice = 0, from_nowhere = 0;
    while (get_one(s->queue, book_of(s), 0) == BROOD_OK)
        continue;
    CU_ASSERT_EQUAL(brood_queue_size(s->queue), 0);
    for (uint32_t i = 0; i < all && i < ROOM; i++) {
        lost += l->put[i] && !l->got[i];
        twice += l->got[i] > 1;
        from_nowhere += l->got[i] && !l->begun[i];
    }
    CU_ASSERT_EQUAL(twice, 0);
    CU_ASSERT_EQUAL(from_nowhere, 0);
    CU_ASSERT(lost <= (uint32_t)s->kills);
    brood_queue_destroy(s->queue);
    brd_os_shm_unmap(&s->shm);
}

#endif
