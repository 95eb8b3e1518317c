/*
 * Processes that are killed at every step of putting and getting. Run on every system from
 * this one source. The one thing to know: the steps are those of base/step.h, and a victim
 * counts them itself.
 */
#include "fault/queue_kills.h"

#include "base/step.h"

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
