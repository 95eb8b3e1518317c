/*
 * Semaphores, events, conditions and barriers, as their header promises them. Run on every
 * system from this one source. The one thing to know: what waits or holds in another process
 * is a function of the first part; locks have a suite of their own.
 */
#include "api/pools.h"

#define LONG test_ms(60000)

enum { PROCESSES = 3, ROUNDS = 20 };

/* -------------------------------------------------------- in other processes */

static int until_killed(int status)
{
    while (!status && !brood_cancelled())
        moment();
    return status;
}

/** "SSi": that many units of the second, one of the first for each; then waits to be killed. */
static int takes_units(brood_message *args, brood_message *result)
{
    brood_semaphore *said = NULL, *units = NULL;
    int32_t count = 0;
    int status = brood_unpack(args, "SSi", &said, &units, &count);
    (void)result;
    for (int32_t i = 0; !status && i < count; i++) {
        status = brood_semaphore_acquire(units, LONG);
        if (!status)
            status = brood_semaphore_release(said);
    }
    return until_killed(status);
}

/** "Si": so many signals. */
static int signals(brood_message *args, brood_message *result)
{
    brood_semaphore *semaphore = NULL;
    int32_t count = 0;
    int status = brood_unpack(args, "Si", &semaphore, &count);
    (void)result;
    for (int32_t i = 0; !status && i < count; i++)
        status = brood_semaphore_release(semaphore);
    brood_semaphore_destroy(semaphore);
    return status;
}

/** "EE": answers the first event with the second. */
static int answers(brood_message *args, brood_message *result)
{
    brood_event *asked = NULL, *answered = NULL;
    int status = brood_unpack(args, "EE", &asked, &answered);
    (void)result;
    if (!status)
        status = brood_event_wait(asked, LONG);
    if (!status)
        status = brood_event_set(answered);
    brood_event_destroy(asked);
    brood_event_destroy(answered);
    return status;
}

/** "CLSS": waits, with one signal before and one behind. */
static int waits_to_be_notified(brood_message *args, brood_message *result)
{
    brood_condition *condition = NULL;
    brood_lock *lock = NULL;
    brood_semaphore *waiting = NULL, *woken = NULL;
    int status = brood_unpack(args, "CLSS", &condition, &lock, &waiting, &woken);
    (void)result;
    if (!status)
        status = brood_lock_acquire(lock, LONG);
    if (!status)
        status = brood_semaphore_release(waiting);
    if (!status)
        status = brood_condition_wait(condition, lock, LONG);
    if (!status)
        status = brood_semaphore_release(woken);
    brood_lock_destroy(lock); // gives it back
    brood_condition_destroy(condition);
    brood_semaphore_destroy(waiting);
    brood_semaphore_destroy(woken);
    return status;
}

/** "CL": takes the lock, notifies, and dies with the lock in hand. */
static int notifies_and_holds(brood_message *args, brood_message *result)
{
    brood_condition *condition = NULL;
    brood_lock *lock = NULL;
    int status = brood_unpack(args, "CL", &condition, &lock);
    (void)result;
    if (!status)
        status = brood_lock_acquire(lock, LONG);
    if (!status)
        status = brood_condition_notify(condition, 1);
    if (!status)
        brd_os_exit(0);
    return status;
}

/** "BA": ROUNDS rounds; element `index` of round `r` counts who had that index there. */
static int goes_round(brood_message *args, brood_message *result)
{
    brood_barrier *barrier = NULL;
    brood_array *seen = NULL;
    int status = brood_unpack(args, "BA", &barrier, &seen);
    (void)result;
    int64_t *counts = brood_array_data(seen);
    for (int round = 0; !status && round < ROUNDS; round++) {
        uint32_t index = PROCESSES;
        status = brood_barrier_wait(barrier, LONG, &index);
        if (!status && index >= PROCESSES)
            status = 99;
        if (!status)
            (void)brood_atomic_add(&counts[round * PROCESSES + (int)index], 1);
    }
    brood_barrier_destroy(barrier);
    brood_array_destroy(seen);
    return status;
}

/** "Bi": one wait, which ends with that status. */
static int waits_at_barrier(brood_message *args, brood_message *result)
{
    brood_barrier *barrier = NULL;
    int32_t expected = 0;
    int status = brood_unpack(args, "Bi", &barrier, &expected);
    (void)result;
    if (!status)
        status = brood_barrier_wait(barrier, LONG, NULL) == expected ? 0 : 98;
    brood_barrier_destroy(barrier);
    return status;
}

static void ends_well(brood_process *p)
{
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).kind, BROOD_EXIT_CODE);
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 0);
    brood_process_destroy(p);
}

static void is_killed(brood_process *p)
{
    ASSERT_OK(brood_process_kill(p));
    ASSERT_OK(brood_process_join(p, LONG));
    brood_process_destroy(p);
}

/* ---------------------------------------------------------------- semaphores */

static void units_are_counted(void)
{
    brood_semaphore *s = NULL;
    CU_ASSERT_EQUAL(brood_semaphore_create(&s, UINT32_MAX, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_semaphore_create(&s, 65537, BROOD_SEMAPHORE(.bounded = 1)), BROOD_EINVAL);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s, 2, NULL), BROOD_OK);
    CU_ASSERT_EQUAL(brood_semaphore_value(s), 2);
    ASSERT_OK(brood_semaphore_acquire(s, 0));
    ASSERT_OK(brood_semaphore_acquire(s, BROOD_FOREVER));
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s, 10), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_semaphore_value(s), 0);
    for (uint32_t i = 1; i <= 3; i++) {
        ASSERT_OK(brood_semaphore_release(s));
        CU_ASSERT_EQUAL(brood_semaphore_value(s), i);
    }
    brood_semaphore_destroy(s);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s, INT32_MAX, NULL), BROOD_OK);
    CU_ASSERT_EQUAL(brood_semaphore_release(s), BROOD_EINVAL);
    brood_semaphore_destroy(s);
}

static void a_bounded_one_takes_back_what_it_gave(void)
{
    brood_semaphore *s = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s, 2, BROOD_SEMAPHORE(.bounded = 1)), BROOD_OK);
    CU_ASSERT_EQUAL(brood_semaphore_release(s), BROOD_EINVAL);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_semaphore_acquire(s, 0));
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s, 10), BROOD_ETIMEDOUT);
    for (uint32_t i = 1; i <= 2; i++) {
        ASSERT_OK(brood_semaphore_release(s));
        CU_ASSERT_EQUAL(brood_semaphore_value(s), i);
    }
    CU_ASSERT_EQUAL(brood_semaphore_release(s), BROOD_EINVAL);
    brood_semaphore_destroy(s);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s, 0, BROOD_SEMAPHORE(.bounded = 1)), BROOD_OK);
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_semaphore_release(s), BROOD_EINVAL);
    brood_semaphore_destroy(s);
}

static void signals_come_from_other_processes(void)
{
    brood_semaphore *s = NULL;
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s, 0, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, signals, "Si", s, 5), BROOD_OK);
    for (int i = 0; i < 5; i++)
        ASSERT_OK(brood_semaphore_acquire(s, LONG));
    ends_well(p);
    CU_ASSERT_EQUAL(brood_semaphore_value(s), 0);
    brood_semaphore_destroy(s);
}

static void units_of_the_dead_are_told(void)
{
    brood_semaphore *s = NULL, *said = NULL;
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s, 3, BROOD_SEMAPHORE(.bounded = 1)), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&said, 0, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, takes_units, "SSi", said, s, 2), BROOD_OK);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_semaphore_acquire(said, LONG));
    ASSERT_OK(brood_semaphore_acquire(s, LONG));
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s, 100), BROOD_ETIMEDOUT);
    is_killed(p);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(brood_semaphore_acquire(s, LONG), BROOD_EOWNERDEAD);
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s, 100), BROOD_ETIMEDOUT);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_semaphore_release(s));
    CU_ASSERT_EQUAL(brood_semaphore_release(s), BROOD_EINVAL);
    ASSERT_OK(brood_semaphore_acquire(s, 0));
    brood_semaphore_destroy(s);
    brood_semaphore_destroy(said);
}

// Its own first, so that the death of the other one is told; then anybody's.
static void anybody_gives_units_back(void)
{
    brood_semaphore *s = NULL, *said = NULL;
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s, 3, BROOD_SEMAPHORE(.bounded = 1)), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&said, 0, NULL), BROOD_OK);
    ASSERT_OK(brood_semaphore_acquire(s, LONG));
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, takes_units, "SSi", said, s, 2), BROOD_OK);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_semaphore_acquire(said, LONG));
    for (uint32_t i = 1; i <= 2; i++) {
        ASSERT_OK(brood_semaphore_release(s));
        CU_ASSERT_EQUAL(brood_semaphore_value(s), i);
    }
    is_killed(p);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_semaphore_acquire(s, LONG));
    CU_ASSERT_EQUAL(brood_semaphore_acquire(s, LONG), BROOD_EOWNERDEAD);
    brood_semaphore_destroy(s);
    brood_semaphore_destroy(said);
}

/* -------------------------------------------------------------------- events */

static void an_event_is_set_and_cleared(void)
{
    brood_event *e = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_event_create(&e), BROOD_OK);
    CU_ASSERT_FALSE(brood_event_is_set(e));
    CU_ASSERT_EQUAL(brood_event_wait(e, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_event_wait(e, 10), BROOD_ETIMEDOUT);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_event_set(e));
    CU_ASSERT_TRUE(brood_event_is_set(e));
    ASSERT_OK(brood_event_wait(e, 0));
    ASSERT_OK(brood_event_wait(e, BROOD_FOREVER));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_event_clear(e));
    CU_ASSERT_FALSE(brood_event_is_set(e));
    CU_ASSERT_EQUAL(brood_event_wait(e, 0), BROOD_ETIMEDOUT);
    brood_event_destroy(e);
}

static void events_go_both_ways(void)
{
    brood_event *asked = NULL, *answered = NULL;
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_event_create(&asked), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_event_create(&answered), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, answers, "EE", asked, answered), BROOD_OK);
    CU_ASSERT_EQUAL(brood_event_wait(answered, 20), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_event_set(asked));
    ASSERT_OK(brood_event_wait(answered, LONG));
    ends_well(p);
    brood_event_destroy(asked);
    brood_event_destroy(answered);
}

/* ---------------------------------------------------------------- conditions */

typedef struct scene {
    brood_condition *condition;
    brood_lock *lock;
    brood_semaphore *waiting, *woken;
} scene;

static void scene_make(scene *s)
{
    CU_ASSERT_EQUAL_FATAL(brood_condition_create(&s->condition), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&s->lock, BROOD_LOCK(.recursive = 1)), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s->waiting, 0, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&s->woken, 0, NULL), BROOD_OK);
}

static void scene_clear(scene *s)
{
    brood_condition_destroy(s->condition);
    brood_lock_destroy(s->lock);
    brood_semaphore_destroy(s->waiting);
    brood_semaphore_destroy(s->woken);
}

/** One that waits: it has the lock until it does. */
static brood_process *scene_waiter(scene *s)
{
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, waits_to_be_notified, "CLSS", s->condition,
                                             s->lock, s->waiting, s->woken),
                          BROOD_OK);
    ASSERT_OK(brood_semaphore_acquire(s->waiting, LONG));
    ASSERT_OK(brood_lock_acquire(s->lock, LONG));
    ASSERT_OK(brood_lock_release(s->lock));
    return p;
}

static void a_wait_gives_the_lock_back_wholly(void)
{
    scene s;
    scene_make(&s);
    CU_ASSERT_EQUAL(brood_condition_wait(s.condition, s.lock, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_condition_wait(s.condition, NULL, 0), BROOD_EINVAL);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_lock_acquire(s.lock, 0));
    CU_ASSERT_EQUAL(brood_condition_wait(s.condition, s.lock, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_condition_wait(s.condition, s.lock, 10), BROOD_ETIMEDOUT);
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, notifies_and_holds, "CL", s.condition, s.lock),
                          BROOD_OK);
    // It had the lock, so it was free while this one waited.
    CU_ASSERT_EQUAL(brood_condition_wait(s.condition, s.lock, LONG), BROOD_EOWNERDEAD);
    ends_well(p);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_lock_release(s.lock));
    CU_ASSERT_EQUAL(brood_lock_release(s.lock), BROOD_EINVAL);
    scene_clear(&s);
}

static void the_dead_are_passed_over(void)
{
    scene s;
    brood_process *waiters[3];
    scene_make(&s);
    for (int i = 0; i < 3; i++)
        waiters[i] = scene_waiter(&s);
    is_killed(waiters[0]);
    is_killed(waiters[1]);
    ASSERT_OK(brood_condition_notify(s.condition, 1));
    ASSERT_OK(brood_semaphore_acquire(s.woken, LONG));
    ends_well(waiters[2]);
    ASSERT_OK(brood_condition_notify(s.condition, 1)); // nobody is there
    ASSERT_OK(brood_condition_notify_all(s.condition));
    CU_ASSERT_EQUAL(brood_semaphore_value(s.woken), 0);
    scene_clear(&s);
}

static void who_waits_longest_is_first(void)
{
    scene s;
    brood_process *waiters[3];
    scene_make(&s);
    for (int i = 0; i < 3; i++)
        waiters[i] = scene_waiter(&s);
    for (int i = 0; i < 3; i++) {
        ASSERT_OK(brood_condition_notify(s.condition, 1));
        ASSERT_OK(brood_semaphore_acquire(s.woken, LONG));
        ends_well(waiters[i]);
        CU_ASSERT_EQUAL(brood_semaphore_value(s.woken), 0);
    }
    scene_clear(&s);
}

/* ------------------------------------------------------------------ barriers */

static brood_barrier *barrier_of(uint32_t parties)
{
    brood_barrier *b = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_barrier_create(&b, parties), BROOD_OK);
    return b;
}

static brood_process *party(brood_barrier *b, int expected, uint32_t waiting)
{
    brood_process *p = NULL;
    brd_time until = test_deadline(20000);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, waits_at_barrier, "Bi", b, expected), BROOD_OK);
    while (brood_barrier_waiting(b) < waiting && brd_os_now() < until)
        moment();
    CU_ASSERT_EQUAL(brood_barrier_waiting(b), waiting);
    return p;
}

static void each_party_has_another_index(void)
{
    brood_barrier *b = barrier_of(PROCESSES);
    brood_array *seen = NULL;
    brood_process *all[PROCESSES] = {NULL};
    int wrong = 0;
    CU_ASSERT_EQUAL_FATAL(brood_array_create(&seen, 'x', ROUNDS * PROCESSES, NULL), BROOD_OK);
    for (int i = 0; i < PROCESSES; i++)
        ASSERT_OK(brood_process_call(&all[i], goes_round, "BA", b, seen));
    for (int i = 0; i < PROCESSES; i++)
        ends_well(all[i]);
    const int64_t *counts = brood_array_data(seen);
    for (int i = 0; i < ROUNDS * PROCESSES; i++)
        wrong += counts[i] != 1;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(brood_barrier_waiting(b), 0);
    brood_array_destroy(seen);
    brood_barrier_destroy(b);
}

static void a_party_that_gives_up_breaks_it(void)
{
    brood_barrier *b = barrier_of(3);
    CU_ASSERT_EQUAL(brood_barrier_parties(b), 3);
    brood_process *p = party(b, BROOD_EBROKEN, 1);
    CU_ASSERT_EQUAL(brood_barrier_wait(b, 10, NULL), BROOD_ETIMEDOUT);
    CU_ASSERT_TRUE(brood_barrier_is_broken(b));
    ends_well(p);
    CU_ASSERT_EQUAL(brood_barrier_wait(b, LONG, NULL), BROOD_EBROKEN);
    ASSERT_OK(brood_barrier_reset(b));
    CU_ASSERT_FALSE(brood_barrier_is_broken(b));
    p = party(b, BROOD_EBROKEN, 1);
    ASSERT_OK(brood_barrier_abort(b));
    ends_well(p);
    ASSERT_OK(brood_barrier_reset(b));
    p = party(b, BROOD_EBROKEN, 1);
    ASSERT_OK(brood_barrier_reset(b)); // of one that is whole: who waits is sent away
    ends_well(p);
    CU_ASSERT_FALSE(brood_barrier_is_broken(b));
    brood_barrier_destroy(b);
    CU_ASSERT_EQUAL(brood_barrier_create(&b, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_barrier_create(&b, 4097), BROOD_EINVAL);
}

static void a_party_that_dies_breaks_it(void)
{
    brood_barrier *b = barrier_of(3);
    brood_process *lives = party(b, BROOD_EBROKEN, 1);
    is_killed(party(b, 0, 2));
    ends_well(lives); // who waited finds it
    ASSERT_OK(brood_barrier_reset(b));
    is_killed(party(b, 0, 1));
    ASSERT_OK(brood_process_call(&lives, waits_at_barrier, "Bi", b, BROOD_EBROKEN));
    // The dead one makes three; it is found by the last one, or by who waits.
    CU_ASSERT_EQUAL(brood_barrier_wait(b, LONG, NULL), BROOD_EBROKEN);
    ends_well(lives);
    ASSERT_OK(brood_barrier_reset(b));
    brood_barrier_destroy(b);
    b = barrier_of(2);
    is_killed(party(b, 0, 1));
    CU_ASSERT_EQUAL(brood_barrier_wait(b, LONG, NULL), BROOD_EBROKEN);
    brood_barrier_destroy(b);
}

/* ----------------------------------------------------------------------- all */

static void none_is_refused(void)
{
    CU_ASSERT_EQUAL(brood_semaphore_create(NULL, 1, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_semaphore_acquire(NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_semaphore_release(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_semaphore_value(NULL), 0);
    CU_ASSERT_EQUAL(brood_event_create(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_event_set(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_event_clear(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_event_wait(NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_condition_create(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_condition_wait(NULL, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_condition_notify(NULL, 1), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_barrier_create(NULL, 1), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_barrier_wait(NULL, 0, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_barrier_abort(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_barrier_reset(NULL), BROOD_EINVAL);
    brood_semaphore_destroy(NULL);
    brood_event_destroy(NULL);
    brood_condition_destroy(NULL);
    brood_barrier_destroy(NULL);
}

static void one_is_not_taken_for_another(void)
{
    brood_event *e = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    brood_semaphore *s = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_event_create(&e), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pack(&m, "S", (brood_semaphore *)(void *)e), BROOD_EINVAL);
    ASSERT_OK(brood_pack(&m, "E", e));
    CU_ASSERT_EQUAL(brood_unpack(&m, "S", &s), BROOD_ETYPE);
    brood_message_clear(&m);
    brood_event_destroy(e);
}

static const test_case cases[] = {
    TEST_CASE(units_are_counted),
    TEST_CASE(a_bounded_one_takes_back_what_it_gave),
    TEST_CASE(signals_come_from_other_processes),
    TEST_CASE(units_of_the_dead_are_told),
    TEST_CASE(anybody_gives_units_back),
    TEST_CASE(an_event_is_set_and_cleared),
    TEST_CASE(events_go_both_ways),
    TEST_CASE(a_wait_gives_the_lock_back_wholly),
    TEST_CASE(the_dead_are_passed_over),
    TEST_CASE(who_waits_longest_is_first),
    TEST_CASE(each_party_has_another_index),
    TEST_CASE(a_party_that_gives_up_breaks_it),
    TEST_CASE(a_party_that_dies_breaks_it),
    TEST_CASE(none_is_refused),
    TEST_CASE(one_is_not_taken_for_another),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "sync", cases);
}
