/*
 * As test_queue.c, but the kills come at system calls, counted from the first on: at each of
 * them there is, whether or not somebody thought of it. Linux only, since it takes ptrace.
 * BROOD_TEST_KILLS is how many calls the sweep goes through.
 */
#include "fault/acts.h"
#include "fault/queue_kills.h"

enum { QUICK = 60, PART = 10 };

/** "Qhhb": says that it is there in the second segment, then puts and gets until it is killed. */
static int puts_and_gets(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    intptr_t book = -1, sign = -1;
    int handles = 0;
    brd_shm shm, here = {.segment = BRD_NONE};
    int status = brood_unpack(args, "Qhhb", &queue, &book, &sign, &handles);
    (void)result;
    if (!status)
        status = open_ledger(book, &shm);
    if (!status)
        status = brd_os_shm_map(&here, (brd_handle){sign}, sizeof(int64_t), true);
    if (status)
        return status;
    _Atomic int64_t *go = here.base;
    atomic_store(go, 1);
    while (atomic_load(go) != 2)
        brd_os_pause(); // no system call before the count begins
    while (!status) {
        status = put_one(queue, shm.base, handles, LONG);
        if (!status)
            status = get_one(queue, shm.base, LONG);
    }
    return status;
}

/** "Qhb": puts and gets beside the victims, so that these have to wait, until it is stopped. */
static int gets_on(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    intptr_t book = -1;
    int handles = 0;
    brd_shm shm = {.segment = BRD_NONE};
    int status = brood_unpack(args, "Qhb", &queue, &book, &handles);
    (void)result;
    if (!status)
        status = open_ledger(book, &shm);
    while (!status && !atomic_load(&((ledger *)shm.base)->stop)) {
        int put = put_one(queue, shm.base, handles, 20);
        int got = get_one(queue, shm.base, 20);
        status = put && put != BROOD_ETIMEDOUT ? put : got != BROOD_ETIMEDOUT ? got : BROOD_OK;
    }
    brd_os_shm_unmap(&shm);
    brood_queue_destroy(queue);
    return status;
}

/** Whether the victim came to its call; it is dead in any case. */
static bool kill_at_call(scene *s, long call)
{
    brood_process *victim = NULL;
    brd_shm sign = {.segment = BRD_NONE};
    brd_time until = test_deadline(20000);
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&sign, 4096), 0);
    _Atomic int64_t *go = sign.base;
    ASSERT_OK(brood_process_call(&victim, puts_and_gets, "Qhhb", s->queue, s->shm.segment.os,
                                 sign.segment.os, (int)s->handles));
    while (atomic_load(go) != 1 && brd_os_now() < until)
        brd_os_yield();
    bool done = act_kill_at_call(brood_process_pid(victim), call, go);
    ASSERT_OK(brood_process_kill(victim));
    ASSERT_OK(brood_process_join(victim, LONG));
    brood_process_destroy(victim);
    brd_os_shm_unmap(&sign);
    s->kills++;
    return done;
}

/** A part of the sweep, with books of its own. False: nobody may be traced here. */
static bool sweep_part(bool handles, long from, long to)
{
    scene s;
    brood_process *other = NULL;
    bool can = true;
    set_up(&s, handles);
    ASSERT_OK(brood_process_call(&other, gets_on, "Qhb", s.queue, s.shm.segment.os, (int)handles));
    for (long call = from; can && call < to; call++) {
        bool done = kill_at_call(&s, call);
        can = done || call > 1;
        CU_ASSERT(done || !can);
        ASSERT_OK(put_one(s.queue, book_of(&s), handles, LONG)); // the other one gets
    }
    atomic_store(&book_of(&s)->stop, 1);
    ASSERT_OK(brood_process_join(other, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(other).code, 0);
    brood_process_destroy(other);
    goes_on(&s);
    close_the_books(&s);
    return can;
}

static void sweep(bool handles)
{
    const char *asked = getenv("BROOD_TEST_KILLS");
    long calls = asked ? strtol(asked, NULL, 10) : QUICK;
    if (brood_get_start_method() == BROOD_FORKSERVER)
        TEST_SKIP("the victims are another process's children");
    for (long from = 1; from <= calls; from += PART) {
        long to = from + PART <= calls ? from + PART : calls + 1;
        if (!sweep_part(handles, from, to))
            TEST_SKIP("nobody may be traced here");
    }
}

static void killed_at_every_call(void)
{
    sweep(false);
}

static void killed_at_every_call_with_handles(void)
{
    sweep(true);
}

static const test_case cases[] = {
    TEST_CASE(killed_at_every_call),
    TEST_CASE(killed_at_every_call_with_handles),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "queue_sweep", cases);
}
