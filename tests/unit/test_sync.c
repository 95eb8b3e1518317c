/*
 * What processes share, by the threads of one: moments that only a hook at a step can bring
 * about, heads of segments that lie, and many threads at once (for the thread sanitizer).
 */
#include "harness.h"

#include "base/step.h"
#include "sync/kinds.h"
#include "sync/lock.h"
#include "sync/owner.h"

#include <string.h>

#define LONG test_ms(60000)

enum { THREADS = 4, TURNS = 300 };

/* --------------------------------------------------------------------- hooks */

/** What is done once, when any thread comes to the step. */
static struct hook {
    const char *step;
    void (*act)(void);
    _Atomic bool used;
} hook;

static void act_at_step(const char *name)
{
    if (strcmp(name, hook.step) == 0 && !atomic_exchange(&hook.used, true))
        hook.act();
}

static void hook_set(const char *step, void (*act)(void))
{
    hook.step = step;
    hook.act = act;
    atomic_store(&hook.used, false);
    brd_step_taken = act_at_step;
}

static void hook_clear(void)
{
    brd_step_taken = NULL;
    CU_ASSERT_TRUE(atomic_load(&hook.used));
}

/* -------------------------------------------------------------------- events */

static brood_event *event;

static void pulse(void)
{
    (void)brood_event_set(event);
    (void)brood_event_clear(event);
}

static void an_event_that_is_cleared_at_once_was_set(void)
{
    CU_ASSERT_EQUAL_FATAL(brood_event_create(&event), BROOD_OK);
    hook_set("event.waits", pulse);
    CU_ASSERT_EQUAL(brood_event_wait(event, 0), BROOD_OK);
    hook_clear();
    CU_ASSERT_FALSE(brood_event_is_set(event));
    CU_ASSERT_EQUAL(brood_event_wait(event, 0), BROOD_ETIMEDOUT);
    brood_event_destroy(event);
}

/* ---------------------------------------------------------------- conditions */

static brood_condition *condition;
static brood_lock *lock;
static _Atomic int ended[2]; /* waits of threads: 1 + status */

static void condition_make(void)
{
    CU_ASSERT_EQUAL_FATAL(brood_condition_create(&condition), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, NULL), BROOD_OK);
    for (int i = 0; i < 2; i++)
        atomic_store(&ended[i], 0);
}

static void condition_clear(void)
{
    brood_condition_destroy(condition);
    brood_lock_destroy(lock);
}

static void notify_one(void)
{
    (void)brood_condition_notify(condition, 1);
}

static void a_notification_wins_over_the_end_of_the_time(void)
{
    condition_make();
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_OK);
    hook_set("condition.woke", notify_one);
    CU_ASSERT_EQUAL(brood_condition_wait(condition, lock, 5), BROOD_OK);
    hook_clear();
    CU_ASSERT_EQUAL(brood_condition_wait(condition, lock, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    condition_clear();
}

typedef struct waiter {
    int number;
    int64_t timeout;
} waiter;

static void wait_in_thread(void *baton)
{
    const waiter *w = baton;
    int status = brood_lock_acquire(lock, LONG);
    if (!status)
        status = brood_condition_wait(condition, lock, w->timeout);
    (void)brood_lock_release(lock);
    atomic_store(&ended[w->number], 1 + status);
}

/** How many slots are taken, from the words themselves. */
static uint32_t count_waiting(void)
{
    const brd_object *object = (const brd_object *)(const void *)condition;
    const unsigned char *slots = (const unsigned char *)brd_object_body(object) + 32;
    uint32_t count = 0;
    for (size_t i = 0; i < 1024; i++)
        count += atomic_load((const _Atomic uint32_t *)(const void *)(slots + 32 * i + 24)) == 1;
    return count;
}

static void await_waiting(uint32_t count)
{
    brd_time until = test_deadline(20000);
    while (count_waiting() < count && brd_os_now() < until)
        brd_os_yield();
    CU_ASSERT_EQUAL(count_waiting(), count);
}

static void await_end_of_first(void)
{
    brd_time until = test_deadline(20000);
    while (!atomic_load(&ended[0]) && brd_os_now() < until)
        brd_os_yield();
}

// The notification has chosen the first, whose time ends just then: it is the second's.
static void a_notification_that_comes_too_late_is_the_next_ones(void)
{
    brd_thread threads[2];
    waiter waiters[2] = {{0, test_ms(100)}, {1, LONG}};
    condition_make();
    hook_set("condition.notifies", await_end_of_first);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], wait_in_thread, &waiters[i]), 0);
        await_waiting((uint32_t)i + 1);
    }
    CU_ASSERT_EQUAL(brood_condition_notify(condition, 1), BROOD_OK);
    for (int i = 0; i < 2; i++)
        brd_os_thread_join(&threads[i]);
    hook_clear();
    CU_ASSERT_EQUAL(atomic_load(&ended[0]), 1 + BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(atomic_load(&ended[1]), 1 + BROOD_OK);
    condition_clear();
}

/** Fills all slots of the table with waiters of this owner. */
static void fill_table(uint64_t owner)
{
    brd_object *object = (brd_object *)(void *)condition;
    unsigned char *slots = (unsigned char *)brd_object_body(object) + 32;
    for (size_t i = 0; i < 1024; i++) {
        atomic_store((_Atomic uint64_t *)(void *)(slots + 32 * i), owner);
        atomic_store((_Atomic uint32_t *)(void *)(slots + 32 * i + 24), 1);
    }
}

static void a_full_table_is_swept_of_the_dead(void)
{
    condition_make();
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_OK);
    fill_table(brd_owner_me());
    CU_ASSERT_EQUAL(count_waiting(), 1024);
    CU_ASSERT_EQUAL(brood_condition_wait(condition, lock, 0), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK); // nothing happened to it
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_OK);
    fill_table(UINT64_C(1) << 20); // no process has number 0
    CU_ASSERT_EQUAL(brood_condition_wait(condition, lock, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(count_waiting(), 0);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    condition_clear();
}

/* -------------------------------------------------------------- dead sleepers */

// Or every release would cost a system call from then on.
static void a_dead_sleeper_is_forgotten(void)
{
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, NULL), BROOD_OK);
    brd_point_words *words = lock->robust.point.words;
    brd_point_enter(&lock->robust.point); // and is killed
    for (int i = 0; i < 2 * BRD_POINT_MISSES; i++) {
        CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_OK);
        CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    }
    CU_ASSERT_EQUAL(atomic_load(&words->sleepers), 0);
    const uint32_t turn = atomic_load(&words->turn);
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_OK);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    CU_ASSERT_EQUAL(atomic_load(&words->turn), turn); // nobody is woken
    brd_point_leave(&lock->robust.point);             // it lived after all
    CU_ASSERT_EQUAL(atomic_load(&words->sleepers), 0);
    brood_lock_destroy(lock);
}

/* ----------------------------------------------------------- heads that lie */

static brd_object_head *head_of(void *object)
{
    return brd_object_head_of(object);
}

/** What a receiver of this object would be told. */
static int receive(const brd_object_class *class, void *object, uint64_t size)
{
    const brd_object *o = object;
    void *made = NULL;
    int status = brd_object_receive(&made, class, o->shm.segment, size);
    brd_object_free(class, made);
    return status;
}

/** Each term in turn is nonsense: it is refused, or it is nothing that could do harm. */
static void check_lies(const brd_object_class *class, void *object, size_t term, uint64_t least)
{
    brd_object *o = object;
    uint64_t *terms = head_of(object)->terms;
    const uint64_t lies[] = {least,          least * 1000, UINT32_MAX, UINT64_C(1) << 33,
                             UINT64_MAX / 8, UINT64_MAX};
    CU_ASSERT_EQUAL(receive(class, object, o->size), BROOD_OK);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        const uint64_t truth = terms[term];
        terms[term] = lies[i];
        CU_ASSERT_EQUAL(receive(class, object, o->size), BROOD_EPROTOCOL);
        terms[term] = truth;
    }
    CU_ASSERT_EQUAL(receive(class, object, o->size - 1), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(receive(class, object, o->size + 8192), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(receive(class, object, UINT64_MAX), BROOD_EPROTOCOL);
    head_of(object)->size = 1; // also where both say so
    CU_ASSERT_EQUAL(receive(class, object, 1), BROOD_EPROTOCOL);
    head_of(object)->size = o->size;
    atomic_fetch_add(&head_of(object)->magic, 1);
    CU_ASSERT_EQUAL(receive(class, object, o->size), BROOD_EPROTOCOL);
}

static void heads_are_not_believed(void)
{
    brood_semaphore *s = NULL;
    brood_barrier *b = NULL;
    brood_array *a = NULL;
    CU_ASSERT_EQUAL(brood_semaphore_create(&s, 3, BROOD_SEMAPHORE(.bounded = 1)), BROOD_OK);
    check_lies(&brd_semaphore_class, s, 1, 4);
    brood_semaphore_destroy(s);
    CU_ASSERT_EQUAL(brood_barrier_create(&b, 3), BROOD_OK);
    check_lies(&brd_barrier_class, b, 0, 4);
    brood_barrier_destroy(b);
    CU_ASSERT_EQUAL(brood_array_create(&a, 'i', 3, NULL), BROOD_OK);
    check_lies(&brd_array_class, a, 1, 4);
    brood_array_destroy(a);
    CU_ASSERT_EQUAL(brood_array_create(&a, 'y', 3, NULL), BROOD_OK);
    check_lies(&brd_array_class, a, 0, 'd');
    brood_array_destroy(a);
}

// Where a number stands for another process, a lock in somebody's hand would seem free.
static void objects_stay_where_numbers_mean_the_same(void)
{
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, NULL), BROOD_OK);
    const brd_object *object = (const brd_object *)(const void *)lock;
    CU_ASSERT_EQUAL(head_of(lock)->space, brd_os_pid_space());
    head_of(lock)->space = 0;
    CU_ASSERT_EQUAL(receive(&brd_lock_class, lock, object->size), BROOD_OK);
    head_of(lock)->space = brd_os_pid_space() + 1;
    CU_ASSERT_EQUAL(receive(&brd_lock_class, lock, object->size),
                    brd_os_pid_space() ? BROOD_ENOTSUP : BROOD_OK);
    brood_lock_destroy(lock);
}

static void small_segments_are_refused(void)
{
    static const brd_object_class *const classes[] = {&brd_lock_class, &brd_semaphore_class,
                                                      &brd_event_class, &brd_condition_class,
                                                      &brd_barrier_class};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        brd_object object;
        const uint64_t terms[4] = {1, 1};
        CU_ASSERT_EQUAL_FATAL(brd_object_create(&object, classes[i]->kind, 8, terms), BROOD_OK);
        CU_ASSERT_EQUAL(receive(classes[i], &object, 8), BROOD_EPROTOCOL);
        brd_object_close(&object);
    }
}

/* -------------------------------------------------------------- many threads */

static brood_semaphore *units;
static brood_barrier *barrier;
static long plain; /* no atomic: what guards it must order it */
static _Atomic int wrong, budget;

static void run_threads(void (*run)(void *))
{
    brd_thread threads[THREADS];
    atomic_store(&wrong, 0);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], run, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        brd_os_thread_join(&threads[i]);
    CU_ASSERT_EQUAL(atomic_load(&wrong), 0);
}

static void count_under_lock(void *baton)
{
    (void)baton;
    for (int i = 0; i < TURNS; i++) {
        int status = brood_lock_acquire(lock, LONG);
        plain++;
        atomic_fetch_add(&wrong, status || brood_lock_release(lock));
    }
}

static void count_with_unit(void *baton)
{
    (void)baton;
    for (int i = 0; i < TURNS; i++) {
        int status = brood_semaphore_acquire(units, LONG);
        plain++;
        atomic_fetch_add(&wrong, status || brood_semaphore_release(units));
    }
}

static void locks_and_units_order_memory(void)
{
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, NULL), BROOD_OK);
    plain = 0;
    run_threads(count_under_lock);
    CU_ASSERT_EQUAL(plain, THREADS * TURNS);
    brood_lock_destroy(lock);
    for (int bounded = 0; bounded < 2; bounded++) {
        CU_ASSERT_EQUAL_FATAL(
            brood_semaphore_create(&units, 1, BROOD_SEMAPHORE(.bounded = bounded)), BROOD_OK);
        plain = 0;
        run_threads(count_with_unit);
        CU_ASSERT_EQUAL(plain, THREADS * TURNS);
        CU_ASSERT_EQUAL(brood_semaphore_value(units), 1);
        brood_semaphore_destroy(units);
    }
}

/** A ball that one throws and another catches: each notification is for somebody. */
static void throw_and_catch(void *baton)
{
    (void)baton;
    atomic_fetch_add(&wrong, brood_lock_acquire(lock, LONG) != BROOD_OK);
    while (atomic_load(&budget) > 0) {
        atomic_fetch_sub(&budget, 1);
        plain++;
        (void)brood_condition_notify(condition, 1);
        int status = brood_condition_wait(condition, lock, atomic_load(&budget) > 0 ? LONG : 0);
        atomic_fetch_add(&wrong, status && status != BROOD_ETIMEDOUT);
    }
    (void)brood_condition_notify_all(condition);
    atomic_fetch_add(&wrong, brood_lock_release(lock) != BROOD_OK);
}

static void a_condition_goes_round(void)
{
    condition_make();
    plain = 0;
    atomic_store(&budget, TURNS);
    brd_time before = brd_os_now();
    run_threads(throw_and_catch);
    CU_ASSERT_EQUAL(plain, TURNS);
    CU_ASSERT(brd_os_now() - before < LONG * BRD_MS); // no notification was lost
    condition_clear();
}

static void meet_another(void *baton)
{
    (void)baton;
    while (atomic_fetch_sub(&budget, 1) > 0)
        atomic_fetch_add(&wrong, brood_barrier_wait(barrier, LONG, NULL) != BROOD_OK);
}

static void more_threads_than_parties_take_turns(void)
{
    CU_ASSERT_EQUAL_FATAL(brood_barrier_create(&barrier, 2), BROOD_OK);
    atomic_store(&budget, 2 * TURNS);
    run_threads(meet_another);
    CU_ASSERT_EQUAL(brood_barrier_waiting(barrier), 0);
    CU_ASSERT_FALSE(brood_barrier_is_broken(barrier));
    brood_barrier_destroy(barrier);
}

static const test_case cases[] = {
    TEST_CASE(an_event_that_is_cleared_at_once_was_set),
    TEST_CASE(a_notification_wins_over_the_end_of_the_time),
    TEST_CASE(a_notification_that_comes_too_late_is_the_next_ones),
    TEST_CASE(a_full_table_is_swept_of_the_dead),
    TEST_CASE(a_dead_sleeper_is_forgotten),
    TEST_CASE(heads_are_not_believed),
    TEST_CASE(objects_stay_where_numbers_mean_the_same),
    TEST_CASE(small_segments_are_refused),
    TEST_CASE(locks_and_units_order_memory),
    TEST_CASE(a_condition_goes_round),
    TEST_CASE(more_threads_than_parties_take_turns),
    {0},
};

static void warm_up(void)
{
    brood_lock *first = NULL;
    if (brood_lock_create(&first, NULL) == BROOD_OK) // the first random numbers
        brood_lock_destroy(first);
}

int main(int argc, char **argv)
{
    test_warm_up = warm_up;
    return test_main(argc, argv, "sync", cases);
}
