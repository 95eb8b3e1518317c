/*
 * Threads, mutexes, conditions, once. Run on every system from this one source. The one
 * thing to know: a condition may wake for no reason, so every wait here is a loop.
 */
#include "harness.h"

enum { THREADS = 8, TURNS = 20000 };

typedef struct shared {
    brd_mutex mutex;
    brd_cond cond;
    long count;
    int waiting;
    bool go;
} shared;

static void shared_init(shared *s)
{
    *s = (shared){0};
    CU_ASSERT_EQUAL_FATAL(brd_os_mutex_init(&s->mutex), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_cond_init(&s->cond), 0);
}

static void shared_clear(shared *s)
{
    brd_os_cond_clear(&s->cond);
    brd_os_mutex_clear(&s->mutex);
}

static void count_up(void *baton)
{
    shared *s = baton;
    for (int i = 0; i < TURNS; i++) {
        brd_os_mutex_lock(&s->mutex);
        s->count++;
        brd_os_mutex_unlock(&s->mutex);
        brd_os_pause();
    }
}

static void excludes_each_other(void)
{
    shared s;
    brd_thread threads[THREADS] = {0};
    shared_init(&s);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], count_up, &s), 0);
    for (int i = 0; i < THREADS; i++) {
        CU_ASSERT(threads[i].running);
        brd_os_thread_join(&threads[i]);
        CU_ASSERT_FALSE(threads[i].running);
        brd_os_thread_join(&threads[i]);
    }
    CU_ASSERT_EQUAL(s.count, (long)THREADS * TURNS);
    shared_clear(&s);
}

static void joins_what_never_started(void)
{
    brd_thread none = {0};
    brd_os_thread_join(&none);
    CU_ASSERT_FALSE(none.running);
}

static void wait_for_go(void *baton)
{
    shared *s = baton;
    brd_os_mutex_lock(&s->mutex);
    s->waiting++;
    brd_os_cond_broadcast(&s->cond);
    while (!s->go)
        brd_os_cond_wait(&s->cond, &s->mutex, BRD_FOREVER);
    s->count++;
    brd_os_mutex_unlock(&s->mutex);
}

static void wakes_all_who_wait(void)
{
    shared s;
    brd_thread threads[THREADS] = {0};
    brd_time until = test_deadline(20000);
    int status = 0;
    shared_init(&s);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], wait_for_go, &s), 0);
    brd_os_mutex_lock(&s.mutex);
    while (s.waiting < THREADS && status == 0)
        status = brd_os_cond_wait(&s.cond, &s.mutex, until);
    CU_ASSERT_EQUAL(s.waiting, THREADS);
    CU_ASSERT_EQUAL(s.count, 0);
    s.go = true;
    brd_os_cond_broadcast(&s.cond);
    brd_os_mutex_unlock(&s.mutex);
    for (int i = 0; i < THREADS; i++)
        brd_os_thread_join(&threads[i]);
    CU_ASSERT_EQUAL(s.count, THREADS);
    shared_clear(&s);
}

static void signal_go(void *baton)
{
    shared *s = baton;
    brd_os_mutex_lock(&s->mutex);
    s->go = true;
    brd_os_cond_signal(&s->cond);
    brd_os_mutex_unlock(&s->mutex);
}

static void wakes_one(void)
{
    shared s;
    brd_thread thread = {0};
    brd_time until = test_deadline(20000);
    int status = 0;
    shared_init(&s);
    brd_os_mutex_lock(&s.mutex);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, signal_go, &s), 0);
    while (!s.go && status == 0)
        status = brd_os_cond_wait(&s.cond, &s.mutex, until);
    CU_ASSERT(s.go);
    CU_ASSERT_EQUAL(status, 0);
    brd_os_mutex_unlock(&s.mutex);
    brd_os_thread_join(&thread);
    shared_clear(&s);
}

static void waits_until_a_time(void)
{
    shared s;
    brd_time until = 0;
    int status = 0;
    shared_init(&s);
    brd_os_mutex_lock(&s.mutex);
    CU_ASSERT_EQUAL(brd_os_cond_wait(&s.cond, &s.mutex, 0), BROOD_ETIMEDOUT);
    until = brd_os_now() + 20 * BRD_MS;
    do {
        status = brd_os_cond_wait(&s.cond, &s.mutex, until);
    } while (status == 0);
    CU_ASSERT_EQUAL(status, BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() >= until);
    brd_os_mutex_unlock(&s.mutex);
    shared_clear(&s);
}

static _Atomic int once_state;
static _Atomic int once_runs;

static void init_once(void)
{
    // Others arrive while this runs, and must wait for its end.
    for (int i = 0; i < 1000; i++)
        brd_os_yield();
    atomic_fetch_add(&once_runs, 1);
}

static void call_once(void *baton)
{
    brd_os_once(&once_state, init_once);
    if (atomic_load(&once_runs) != 1)
        atomic_store((_Atomic int *)baton, 1);
}

enum { STACK = 1 << 20, USED = 64 << 10 };

// Every page of a part of it: a sanitizer needs some, too.
static void use_stack(void *baton)
{
    volatile unsigned char room[USED];
    int *sum = baton;
    for (size_t i = 0; i < USED; i += 1024)
        room[i] = 1;
    for (size_t i = 0; i < USED; i += 1024)
        *sum += room[i];
}

static void has_the_stack_that_was_asked_for(void)
{
    brd_thread thread;
    int sum = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start_small(&thread, STACK, use_stack, &sum), 0);
    brd_os_thread_join(&thread);
    CU_ASSERT_EQUAL(sum, USED / 1024);
}

static void runs_once(void)
{
    brd_thread threads[THREADS] = {0};
    _Atomic int early = 0;
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], call_once, &early), 0);
    for (int i = 0; i < THREADS; i++)
        brd_os_thread_join(&threads[i]);
    brd_os_once(&once_state, init_once);
    CU_ASSERT_EQUAL(atomic_load(&once_runs), 1);
    CU_ASSERT_EQUAL(atomic_load(&early), 0);
}

static const test_case cases[] = {
    TEST_CASE(excludes_each_other), TEST_CASE(joins_what_never_started),
    TEST_CASE(wakes_all_who_wait),  TEST_CASE(wakes_one),
    TEST_CASE(waits_until_a_time),  TEST_CASE(has_the_stack_that_was_asked_for),
    TEST_CASE(runs_once),           {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "thread", cases);
}
