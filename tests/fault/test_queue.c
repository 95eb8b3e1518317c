/*
 * Processes that are killed at every step of putting and getting. Run on every system from
 * this one source. The one thing to know: the steps are those of base/step.h, and a victim
 * counts them itself.
 */
#include "fault/queue_kills.h"

#include "base/step.h"
#include "ipc/queue.h"

enum {
    MOST_STEPS = 60, /* a victim dies at one of the first so many */
    BUDGET_MS = 1500,
    LEAST_KILLS = 30
};

/* -------------------------------------------------------- in the victim */

static int steps_left;

static void dies_at_its_step(const char *name)
{
    (void)name;
    if (--steps_left == 0)
        brd_os_exit(86); // nothing runs on the way out, as if it were killed
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
    goes_on(s);
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

/* ------------------------------------------------- what the dead has fetched */

static void dies_when_fetched(const char *name)
{
    if (strcmp(name, "queue.fetched") == 0)
        brd_os_exit(86);
}

/** "Q": dies with the handles of an item in its hand, before the item is gone. */
static int dies_with_handles(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    int status = brood_unpack(args, "Q", &queue);
    (void)result;
    brd_step_taken = dies_when_fetched;
    return status ? status : brood_queue_get(queue, &item, LONG);
}

// The item goes with who died. On Windows the handles were numbers in this process, and are
// those of something else by now: nobody may take that for the item, or close it.
static void what_was_fetched_is_not_fetched_again(void)
{
    enum { OTHERS = 64 };
    brood_queue *queue = NULL;
    brood_process *victim = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    brd_shm shm;
    brd_handle others[OTHERS];
    int32_t n = 0;
    ASSERT_OK(brood_queue_create(&queue, NULL));
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 1), 0);
    ASSERT_OK(brood_queue_put_values(queue, LONG, "h", shm.segment.os));
    ASSERT_OK(brood_queue_put_values(queue, LONG, "i", 7));
    ASSERT_OK(brood_process_call(&victim, dies_with_handles, "Q", queue));
    ASSERT_OK(brood_process_join(victim, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(victim).code, 86);
    for (size_t i = 0; i < OTHERS; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_copy(shm.segment, &others[i]), 0);
    ASSERT_OK(brood_queue_get(queue, &item, LONG));
    ASSERT_OK(brood_unpack(&item, "i", &n));
    CU_ASSERT_EQUAL(n, 7);
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    for (size_t i = 0; i < OTHERS; i++) {
        brd_handle copy = BRD_NONE;
        CU_ASSERT_EQUAL(brd_os_copy(others[i], &copy), 0);
        brd_os_close(&copy);
        brd_os_close(&others[i]);
    }
    brood_message_clear(&item);
    brood_process_destroy(victim);
    brood_queue_destroy(queue);
    brd_os_shm_unmap(&shm);
}

// Many who died just before their item was there have filled the locker. Where handles are in a
// process's table there is nothing to fill.
static void what_the_dead_have_left_is_cleared_out(void)
{
    enum { MOST = 20000 };
    brood_queue *queue = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    brd_shm shm;
    intptr_t got = -1;
    int left = 0, status = BROOD_OK;
    ASSERT_OK(brood_queue_create(&queue, NULL));
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 1), 0);
    while (!queue->locker.keeper && !status && left++ < MOST) {
        uint64_t token, tag = atomic_fetch_add(&queue->words->last_tag, 1) + 1;
        status = brd_os_locker_leave(&queue->locker, tag, &shm.segment, 1, &token);
    }
    CU_ASSERT_EQUAL(status, queue->locker.keeper ? BROOD_OK : BROOD_EAGAIN);
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(brood_queue_put_values(queue, LONG, "h", shm.segment.os));
        ASSERT_OK(brood_queue_get(queue, &item, LONG));
        ASSERT_OK(brood_unpack(&item, "h", &got));
        brd_handle handle = {got};
        brd_os_close(&handle);
    }
    brood_message_clear(&item);
    brood_queue_destroy(queue);
    brd_os_shm_unmap(&shm);
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
    TEST_CASE(what_was_fetched_is_not_fetched_again),
    TEST_CASE(what_the_dead_have_left_is_cleared_out),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "queue", cases);
}
