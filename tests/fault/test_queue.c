/*
 * Processes that are killed at every step of putting and getting. Run on every system from
 * this one source. The one thing to know: every item is a number with a line in a ledger that
 * all processes map, where each writes down what it is about to do and what it has done; the
 * steps are those of base/step.h.
 */
#include "api/pools.h"
#include "base/step.h"

#define LONG test_ms(20000)

enum {
    ROOM = 1 << 16,  /* numbers */
    MOST_STEPS = 60, /* a victim dies at one of the first so many */
    BUDGET_MS = 1500,
    LEAST_KILLS = 30
};

/** What became of each number. */
typedef struct ledger {
    _Atomic uint32_t next;
    _Atomic uint8_t begun[ROOM], put[ROOM], got[ROOM];
} ledger;

/* -------------------------------------------------------- in the victim */

static int steps_left;

static void dies_at_its_step(const char *name)
{
    (void)name;
    if (--steps_left == 0)
        brd_os_exit(86); // nothing runs on the way out, as if it were killed
}

/** The ledger is in a segment that came as a handle. */
static int open_ledger(intptr_t handle, brd_shm *shm)
{
    *shm = (brd_shm){.segment = BRD_NONE};
    return brd_os_shm_map(shm, (brd_handle){handle}, sizeof(ledger), true);
}

static int put_one(brood_queue *queue, ledger *l, bool with_handle, int64_t timeout)
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

static int get_one(brood_queue *queue, ledger *l, int64_t timeout)
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

/** "Qhib": puts and gets until it has come to its step. */
static int dies_on_the_way(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    intptr_t handle = -1;
    int32_t step = 0;
    int handles = 0;
    brd_shm shm;
    int status = brood_unpack(args, "Qhib", &queue, &handle, &step, &handles);
    (void)result;
    if (!status)
        status = open_ledger(handle, &shm);
    steps_left = step;
    brd_step_taken = dies_at_its_step;
    while (!status) {
        status = put_one(queue, shm.base, handles, LONG);
        if (!status)
            status = get_one(queue, shm.base, LONG);
    }
    return status;
}

/* ------------------------------------------------------------------- helpers */

typedef struct scene {
    brood_queue *queue;
    brd_shm shm;
    bool handles;
    int kills;
} scene;

static ledger *book_of(const scene *s)
{
    return s->shm.base;
}

static void set_up(scene *s, bool handles)
{
    *s = (scene){.handles = handles, .shm = {.segment = BRD_NONE}};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&s->shm, sizeof(ledger)), 0);
    // So small that who puts must wait as often as who gets.
    CU_ASSERT_EQUAL_FATAL(brood_queue_create(&s->queue, BROOD_QUEUE(.maxsize = 2)), BROOD_OK);
}

/** One more victim, and a survivor who works on the same queue meanwhile. */
static void kill_one(scene *s, int32_t step)
{
    brood_process *victim = NULL;
    ASSERT_OK(brood_process_call(&victim, dies_on_the_way, "Qhib", s->queue, s->shm.segment.os,
                                 step, (int)s->handles));
    while (brood_process_is_alive(victim)) {
        // Full of what victims have left, or empty since this one got it.
        int put = put_one(s->queue, book_of(s), s->handles, 20);
        int got = get_one(s->queue, book_of(s), 20);
        CU_ASSERT(put == BROOD_OK || put == BROOD_ETIMEDOUT);
        CU_ASSERT(got == BROOD_OK || got == BROOD_ETIMEDOUT);
    }
    ASSERT_OK(brood_process_join(victim, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(victim).code, 86);
    brood_process_destroy(victim);
    s->kills++;
    while (brood_queue_size(s->queue)) {
        // An item whose handles died with the victim is passed over.
        int got = get_one(s->queue, book_of(s), 0);
        CU_ASSERT(got == BROOD_OK || (s->handles && got == BROOD_ETIMEDOUT));
    }
    ASSERT_OK(put_one(s->queue, book_of(s), s->handles, LONG));
    ASSERT_OK(get_one(s->queue, book_of(s), LONG));
}

/** Nothing came twice, and of what was put no more is missing than died with its getter. */
static void close_the_books(scene *s)
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

/** As many as the environment asks for, or as fit into the time, each step in turn. */
static void kill_many(bool handles)
{
    scene s;
    const char *asked = getenv("BROOD_TEST_KILLS");
    int kills = asked ? atoi(asked) : 0;
    brd_time until = brd_os_now() + BUDGET_MS * BRD_MS;
    set_up(&s, handles);
    while (kills ? s.kills < kills : s.kills < LEAST_KILLS || brd_os_now() < until) {
        kill_one(&s, 1 + s.kills % MOST_STEPS);
        if (atomic_load(&book_of(&s)->next) > ROOM / 2) { // a new ledger
            close_the_books(&s);
            int done = s.kills;
            set_up(&s, handles);
            s.kills = done;
        }
    }
    close_the_books(&s);
}

/* --------------------------------------------------------------------- tests */

static void killed_at_every_step(void)
{
    kill_many(false);
}

static void killed_at_every_step_with_handles(void)
{
    kill_many(true);
}

static const test_case cases[] = {
    TEST_CASE(killed_at_every_step),
    TEST_CASE(killed_at_every_step_with_handles),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "queue", cases);
}
