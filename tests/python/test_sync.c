/*
 * What CPython's _TestLock, _TestSemaphore, _TestCondition, _TestEvent and _TestBarrier ask,
 * asked of brood. Run on every system from this one source. The names are CPython's; a note
 * with a number names the row of the table in README.md by which we differ.
 *
 * The one thing to know: what api/test_lock.c and api/test_sync.c ask already is not asked
 * again; the README says which of their tests stand for which of CPython's.
 */
#include "python/processes.h"

/* ------------------------------------------------------------------ _TestLock */

/** "Lb": whether it sees the lock as taken. */
static int sees_lock(brood_message *args, brood_message *result)
{
    brood_lock *lock = NULL;
    int expected = 0;
    int status = brood_unpack(args, "Lb", &lock, &expected);
    (void)result;
    if (!status && brood_lock_is_locked(lock) != expected)
        status = 1;
    if (!status && brood_lock_acquire(lock, 0) != (expected ? BROOD_ETIMEDOUT : BROOD_OK))
        status = 2;
    brood_lock_destroy(lock);
    return status;
}

static void another_sees(brood_lock *lock, int expected)
{
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, sees_lock, "Lb", lock, expected), BROOD_OK);
    process_ends_with(p, 0);
}

static void test_lock_locked_2processes(void)
{
    brood_lock *lock = NULL;
    ASSERT_OK(brood_lock_create(&lock, NULL));
    another_sees(lock, 0);
    ASSERT_OK(brood_lock_acquire(lock, 0));
    another_sees(lock, 1);
    ASSERT_OK(brood_lock_release(lock));
    another_sees(lock, 0);
    brood_lock_destroy(lock);
}

static void test_rlock_locked_2processes(void)
{
    brood_lock *lock = NULL;
    ASSERT_OK(brood_lock_create(&lock, BROOD_LOCK(.recursive = 1)));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_lock_acquire(lock, 0));
    another_sees(lock, 1);
    ASSERT_OK(brood_lock_release(lock));
    another_sees(lock, 1);
    ASSERT_OK(brood_lock_release(lock));
    another_sees(lock, 0);
    brood_lock_destroy(lock);
}

/* ------------------------------------------------------------- _TestSemaphore */

// S105: a negative timeout is BROOD_FOREVER, and the unit is there.
static void test_timeout(void)
{
    brood_semaphore *sem = NULL;
    ASSERT_OK(brood_semaphore_create(&sem, 0, NULL));
    for (int64_t ms = 0; ms < 120; ms += 40) {
        brd_time start = brd_os_now();
        CU_ASSERT_EQUAL(brood_semaphore_acquire(sem, ms), BROOD_ETIMEDOUT);
        CU_ASSERT(brd_os_now() - start >= ms * BRD_MS);
    }
    ASSERT_OK(brood_semaphore_release(sem));
    ASSERT_OK(brood_semaphore_acquire(sem, -5));
    brood_semaphore_destroy(sem);
}

/* ------------------------------------------------------------- _TestCondition */

enum { SLEEPERS = 3 }; /* processes, and as many threads */

typedef struct scene {
    brood_condition *cond;
    brood_lock *lock;
    brood_semaphore *sleeping, *woken;
    brood_process *processes[SLEEPERS];
    brd_thread threads[SLEEPERS];
    int64_t timeout;
} scene;

static int sleeps_and_wakes(brood_condition *cond, brood_lock *lock, brood_semaphore *sleeping,
                            brood_semaphore *woken, int64_t timeout)
{
    int status = brood_lock_acquire(lock, LONG_WAIT);
    if (!status)
        status = brood_semaphore_release(sleeping);
    if (status)
        return status;
    int waited = brood_condition_wait(cond, lock, timeout);
    status = brood_semaphore_release(woken);
    if (!status)
        status = brood_lock_release(lock);
    return status ? status : waited;
}

/** "CLSSx": sleeps until it is notified, or for that long; its code says which. */
static int sleeper(brood_message *args, brood_message *result)
{
    scene s = {NULL};
    int status = brood_unpack(args, "CLSSx", &s.cond, &s.lock, &s.sleeping, &s.woken, &s.timeout);
    (void)result;
    if (!status)
        status = sleeps_and_wakes(s.cond, s.lock, s.sleeping, s.woken, s.timeout);
    brood_condition_destroy(s.cond);
    brood_lock_destroy(s.lock);
    brood_semaphore_destroy(s.sleeping);
    brood_semaphore_destroy(s.woken);
    return status == BROOD_ETIMEDOUT ? 3 : status;
}

static void sleep_in_thread(void *baton)
{
    const scene *s = baton;
    (void)sleeps_and_wakes(s->cond, s->lock, s->sleeping, s->woken, s->timeout);
}

/** All of them asleep: who has the lock knows that they wait. */
static void scene_open(scene *s, int64_t timeout)
{
    *s = (scene){.timeout = timeout};
    ASSERT_OK(brood_condition_create(&s->cond));
    ASSERT_OK(brood_lock_create(&s->lock, NULL));
    ASSERT_OK(brood_semaphore_create(&s->sleeping, 0, NULL));
    ASSERT_OK(brood_semaphore_create(&s->woken, 0, NULL));
    for (int i = 0; i < SLEEPERS; i++) {
        ASSERT_OK(brood_process_call(&s->processes[i], sleeper, "CLSSx", s->cond, s->lock,
                                     s->sleeping, s->woken, timeout));
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&s->threads[i], sleep_in_thread, s), 0);
    }
    for (int i = 0; i < 2 * SLEEPERS; i++)
        ASSERT_OK(brood_semaphore_acquire(s->sleeping, LONG_WAIT));
    ASSERT_OK(brood_lock_acquire(s->lock, LONG_WAIT));
    ASSERT_OK(brood_lock_release(s->lock));
}

static void scene_close(scene *s, int64_t code)
{
    for (int i = 0; i < SLEEPERS; i++) {
        process_ends_with(s->processes[i], code);
        brd_os_thread_join(&s->threads[i]);
    }
    // And nobody is there who could be woken.
    ASSERT_OK(brood_condition_notify_all(s->cond));
    CU_ASSERT_EQUAL(brood_semaphore_value(s->woken), 0);
    CU_ASSERT_EQUAL(brood_semaphore_value(s->sleeping), 0);
    brood_condition_destroy(s->cond);
    brood_lock_destroy(s->lock);
    brood_semaphore_destroy(s->sleeping);
    brood_semaphore_destroy(s->woken);
}

/** So many are woken by that notification, and no more. */
static void notified(scene *s, uint32_t count, uint32_t expected)
{
    ASSERT_OK(brood_lock_acquire(s->lock, LONG_WAIT));
    ASSERT_OK(brood_condition_notify(s->cond, count));
    ASSERT_OK(brood_lock_release(s->lock));
    for (uint32_t i = 0; i < expected; i++)
        ASSERT_OK(brood_semaphore_acquire(s->woken, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s->woken, 10), BROOD_ETIMEDOUT);
}

static void test_notify(void)
{
    scene s;
    scene_open(&s, BROOD_FOREVER);
    for (int i = 0; i < 2 * SLEEPERS; i++)
        notified(&s, 1, 1);
    notified(&s, 1, 0);
    scene_close(&s, 0);
}

static void test_notify_all(void)
{
    scene s;
    scene_open(&s, 50); // all of them by the time
    for (int i = 0; i < 2 * SLEEPERS; i++)
        ASSERT_OK(brood_semaphore_acquire(s.woken, LONG_WAIT));
    scene_close(&s, 3);
    scene_open(&s, BROOD_FOREVER);
    notified(&s, UINT32_MAX, 2 * SLEEPERS);
    scene_close(&s, 0);
}

static void test_notify_n(void)
{
    scene s;
    scene_open(&s, BROOD_FOREVER);
    notified(&s, 0, 0);
    notified(&s, 2, 2);
    notified(&s, 4, 4);
    notified(&s, 3, 0);
    scene_close(&s, 0);
}

static void test_condition_timeout(void)
{
    brood_condition *cond = NULL;
    brood_lock *lock = NULL;
    ASSERT_OK(brood_condition_create(&cond));
    ASSERT_OK(brood_lock_create(&lock, NULL));
    ASSERT_OK(brood_lock_acquire(lock, 0));
    brd_time start = brd_os_now();
    CU_ASSERT_EQUAL(brood_condition_wait(cond, lock, 60), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - start >= 60 * BRD_MS);
    ASSERT_OK(brood_lock_release(lock));
    brood_lock_destroy(lock);
    brood_condition_destroy(cond);
}

/** "CLAi": waits until the value is what it is to be, for that long. */
static int waits_for_value(brood_message *args, brood_message *result)
{
    brood_condition *cond = NULL;
    brood_lock *lock = NULL;
    brood_array *state = NULL;
    int32_t timeout = 0;
    int status = brood_unpack(args, "CLAi", &cond, &lock, &state, &timeout);
    (void)result;
    if (status)
        return status;
    int32_t *value = brood_array_data(state);
    status = brood_lock_acquire(lock, LONG_WAIT);
    if (!status && *value == 0) { // says that it is there
        *value = 1;
        status = brood_condition_notify(cond, 1);
    }
    while (!status && *value != 4)
        status = brood_condition_wait(cond, lock, timeout ? timeout : LONG_WAIT);
    brood_lock_destroy(lock);
    brood_condition_destroy(cond);
    brood_array_destroy(state);
    return status == BROOD_ETIMEDOUT ? 3 : status;
}

static void wait_for_four(int32_t most, int32_t timeout, int64_t code)
{
    brood_condition *cond = NULL;
    brood_lock *lock = NULL;
    brood_array *state = NULL;
    brood_process *p = NULL;
    ASSERT_OK(brood_condition_create(&cond));
    ASSERT_OK(brood_lock_create(&lock, NULL));
    ASSERT_OK(brood_value_create(&state, 'i', NULL));
    int32_t *value = brood_array_data(state);
    CU_ASSERT_EQUAL_FATAL(
        brood_process_call(&p, waits_for_value, "CLAi", cond, lock, state, timeout), BROOD_OK);
    ASSERT_OK(brood_lock_acquire(lock, LONG_WAIT));
    for (int status = 0; !status && *value == 0;)
        CU_ASSERT_EQUAL(status = brood_condition_wait(cond, lock, LONG_WAIT), BROOD_OK);
    while (*value < most) {
        ++*value;
        ASSERT_OK(brood_condition_notify(cond, 1));
        ASSERT_OK(brood_lock_release(lock));
        ASSERT_OK(brood_lock_acquire(lock, LONG_WAIT));
    }
    ASSERT_OK(brood_lock_release(lock));
    process_ends_with(p, code);
    brood_array_destroy(state);
    brood_lock_destroy(lock);
    brood_condition_destroy(cond);
}

static void test_waitfor(void)
{
    wait_for_four(4, 0, 0);
}

static void test_waitfor_timeout(void)
{
    wait_for_four(3, 100, 3);
}

// The result is a status: 3 is the sleeper's code for the end of its time.
static void test_wait_result(void)
{
    scene s;
    scene_open(&s, 20);
    for (int i = 0; i < 2 * SLEEPERS; i++)
        ASSERT_OK(brood_semaphore_acquire(s.woken, LONG_WAIT));
    scene_close(&s, 3);
}

/* --------------------------------------------------------------- _TestBarrier */

enum { PARTIES = 5 };

/** "BAi": so many waits; each adds one to the value, and sees that all others have, too. */
static int passes(brood_message *args, brood_message *result)
{
    brood_barrier *barrier = NULL;
    brood_array *value = NULL;
    int32_t rounds = 0;
    int status = brood_unpack(args, "BAi", &barrier, &value, &rounds);
    (void)result;
    int64_t *passed = brood_array_data(value);
    for (int32_t i = 0; !status && i < rounds; i++) {
        (void)brood_atomic_add(passed, 1);
        status = brood_barrier_wait(barrier, LONG_WAIT, NULL);
        if (!status && brood_atomic_load(passed) < (int64_t)(i + 1) * PARTIES)
            status = 99;
    }
    brood_barrier_destroy(barrier);
    brood_array_destroy(value);
    return status;
}

static void pass_rounds(int32_t rounds)
{
    brood_barrier *barrier = NULL;
    brood_array *value = NULL;
    brood_process *all[PARTIES] = {NULL};
    ASSERT_OK(brood_barrier_create(&barrier, PARTIES));
    ASSERT_OK(brood_value_create(&value, 'x', NULL));
    for (int i = 0; i < PARTIES; i++)
        ASSERT_OK(brood_process_call(&all[i], passes, "BAi", barrier, value, rounds));
    for (int i = 0; i < PARTIES; i++)
        process_ends_with(all[i], 0);
    CU_ASSERT_EQUAL(brood_atomic_load(brood_array_data(value)), (int64_t)rounds * PARTIES);
    CU_ASSERT_EQUAL(brood_barrier_waiting(barrier), 0);
    CU_ASSERT_FALSE(brood_barrier_is_broken(barrier));
    brood_array_destroy(value);
    brood_barrier_destroy(barrier);
}

static void test_barrier(void)
{
    pass_rounds(1);
}

static void test_barrier_10(void)
{
    pass_rounds(10);
}

// CPython's thousand, with fewer of them where each takes long.
static void test_thousand(void)
{
    const char *slow = getenv("BROOD_TEST_SLOW");
    pass_rounds(slow && strtol(slow, NULL, 10) > 1 ? 50 : 1000);
}

/** "BBA": breaks the first, as one of them, then all meet at the second and pass the first. */
static int aborts_and_resets(brood_message *args, brood_message *result)
{
    brood_barrier *barrier = NULL, *second = NULL;
    brood_array *broken = NULL;
    uint32_t index = 0;
    int status = brood_unpack(args, "BBA", &barrier, &second, &broken);
    (void)result;
    if (!status)
        status = brood_barrier_wait(barrier, LONG_WAIT, &index);
    if (!status && index == PARTIES / 2)
        status = brood_barrier_abort(barrier);
    else if (!status && brood_barrier_wait(barrier, LONG_WAIT, NULL) == BROOD_EBROKEN)
        (void)brood_atomic_add(brood_array_data(broken), 1);
    if (!status)
        status = brood_barrier_wait(second, LONG_WAIT, &index);
    if (!status && index == PARTIES / 2)
        status = brood_barrier_reset(barrier);
    if (!status)
        status = brood_barrier_wait(second, LONG_WAIT, NULL);
    if (!status)
        status = brood_barrier_wait(barrier, LONG_WAIT, NULL);
    brood_barrier_destroy(barrier);
    brood_barrier_destroy(second);
    brood_array_destroy(broken);
    return status;
}

static void test_abort_and_reset(void)
{
    brood_barrier *barrier = NULL, *second = NULL;
    brood_array *broken = NULL;
    brood_process *all[PARTIES] = {NULL};
    ASSERT_OK(brood_barrier_create(&barrier, PARTIES));
    ASSERT_OK(brood_barrier_create(&second, PARTIES));
    ASSERT_OK(brood_value_create(&broken, 'x', NULL));
    for (int i = 0; i < PARTIES; i++)
        ASSERT_OK(brood_process_call(&all[i], aborts_and_resets, "BBA", barrier, second, broken));
    for (int i = 0; i < PARTIES; i++)
        process_ends_with(all[i], 0);
    CU_ASSERT_EQUAL(brood_atomic_load(brood_array_data(broken)), PARTIES - 1);
    CU_ASSERT_FALSE(brood_barrier_is_broken(barrier));
    brood_array_destroy(broken);
    brood_barrier_destroy(second);
    brood_barrier_destroy(barrier);
}

static void test_single_thread(void)
{
    brood_barrier *barrier = NULL;
    uint32_t index = 7;
    ASSERT_OK(brood_barrier_create(&barrier, 1));
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(brood_barrier_wait(barrier, 0, &index));
        CU_ASSERT_EQUAL(index, 0);
    }
    brood_barrier_destroy(barrier);
}

static const test_case cases[] = {
    TEST_CASE(test_lock_locked_2processes),
    TEST_CASE(test_rlock_locked_2processes),
    TEST_CASE(test_timeout),
    TEST_CASE(test_notify),
    TEST_CASE(test_notify_all),
    TEST_CASE(test_notify_n),
    TEST_CASE(test_condition_timeout),
    TEST_CASE(test_waitfor),
    TEST_CASE(test_waitfor_timeout),
    TEST_CASE(test_wait_result),
    TEST_CASE(test_barrier),
    TEST_CASE(test_barrier_10),
    TEST_CASE(test_thousand),
    TEST_CASE(test_abort_and_reset),
    TEST_CASE(test_single_thread),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "sync", cases);
}
