/*
 * What on_worker hears: every worker's life, told in order. Run on every system from this
 * one source. The one thing to know: a diary is read when its pool is gone, for then all
 * has been told.
 */
#include "api/listeners.h"

/** Each worker is started, perhaps ready, and ended once, in this order; errors are of losses. */
static void check_lives(const diary *d)
{
    int wrong = d->strange != 0 || d->count > MOST_EVENTS;
    for (int i = 0; i < d->count && i < MOST_EVENTS; i++) {
        const event *e = &d->events[i];
        int started = 0, ready = 0, ended = 0;
        for (int k = 0; k < i; k++) {
            started +=
                d->events[k].worker == e->worker && d->events[k].kind == BROOD_WORKER_STARTED;
            ready += d->events[k].worker == e->worker && d->events[k].kind == BROOD_WORKER_READY;
            ended += d->events[k].worker == e->worker && d->events[k].kind > BROOD_WORKER_READY;
            wrong += d->events[k].worker == e->worker && d->events[k].seat != e->seat;
        }
        wrong += e->worker <= 0;
        wrong += e->kind == BROOD_WORKER_STARTED ? started : started != 1 || ended;
        wrong += e->kind == BROOD_WORKER_READY && ready;
        wrong += (e->error.status != 0) != (e->kind == BROOD_WORKER_LOST);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(d->of[BROOD_WORKER_STARTED], d->of[BROOD_WORKER_RECYCLED] +
                                                     d->of[BROOD_WORKER_STOPPED] +
                                                     d->of[BROOD_WORKER_LOST]);
}

typedef struct counts {
    int started, ready, recycled, stopped, lost;
} counts;

static void check_counts(const diary *d, counts c)
{
    check_lives(d);
    CU_ASSERT_EQUAL(d->of[BROOD_WORKER_STARTED], c.started);
    CU_ASSERT_EQUAL(d->of[BROOD_WORKER_READY], c.ready);
    CU_ASSERT_EQUAL(d->of[BROOD_WORKER_RECYCLED], c.recycled);
    CU_ASSERT_EQUAL(d->of[BROOD_WORKER_STOPPED], c.stopped);
    CU_ASSERT_EQUAL(d->of[BROOD_WORKER_LOST], c.lost);
}

static void tells_a_quiet_life(void)
{
    for (int k = 0; k < 3; k++) { // closed, terminated, destroyed
        diary d;
        diary_make(&d);
        brood_pool *pool = pool_with(BROOD_POOL(.processes = 3, WATCHED(&d)));
        ASSERT_OK(brood_pool_prewarm(pool, 0, LONG));
        CU_ASSERT(diary_await(&d, BROOD_WORKER_READY, 3));
        CU_ASSERT_EQUAL(apply_number(pool, square, 4), 16);
        if (k == 0) {
            pool_end(pool);
        } else {
            if (k == 1)
                ASSERT_OK(brood_pool_terminate(pool));
            brood_pool_destroy(pool);
        }
        check_counts(&d, (counts){.started = 3, .ready = 3, .stopped = 3});
        uint32_t seats = 0;
        for (int i = 0; i < 3; i++)
            seats |= 1u << d.events[i].seat;
        CU_ASSERT_EQUAL(seats, 7); // places from 0
        diary_clear(&d);
    }
}

static int64_t pid_of(brood_pool *pool)
{
    int64_t pid = 0;
    brood_message result = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pool_apply(pool, own_pid, NULL, &result));
    ASSERT_OK(brood_unpack(&result, "x", &pid));
    brood_message_clear(&result);
    return pid;
}

static void tells_of_a_death_and_its_cause(void)
{
    diary d;
    diary_make(&d);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, WATCHED(&d)));
    int64_t pid = pid_of(pool);
    CU_ASSERT_EQUAL(brood_pool_apply(pool, dies, NULL, NULL), BROOD_EWORKERLOST);
    int64_t next = pid_of(pool);
    CU_ASSERT_NOT_EQUAL(pid, next);
    pool_end(pool);
    check_counts(&d, (counts){.started = 2, .ready = 2, .stopped = 1, .lost = 1});
    const event *lost = diary_last(&d, BROOD_WORKER_LOST);
    CU_ASSERT_PTR_NOT_NULL_FATAL(lost);
    CU_ASSERT(lost->worker == pid && lost->error.worker == pid && lost->seat == 0);
    CU_ASSERT_EQUAL(lost->error.status, BROOD_EWORKERLOST);
    CU_ASSERT(lost->error.exit_kind == BROOD_EXIT_CODE && lost->error.exit_code == 17);
    CU_ASSERT_PTR_NOT_NULL(strstr(lost->text, "17"));
    CU_ASSERT_EQUAL(diary_last(&d, BROOD_WORKER_STOPPED)->worker, next);
    CU_ASSERT_EQUAL(d.events[0].worker, pid);
    diary_clear(&d);
}

static void tells_why_a_worker_was_ended(void)
{
    diary d;
    gate g;
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    diary_make(&d);
    gate_make(&g);
    gate_pack(&g, 0, &args);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, .grace = 50, WATCHED(&d)));
    ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, BROOD_TASK(.time_limit = test_ms(50)),
                                     &future));
    CU_ASSERT_EQUAL(brood_future_get(future, LONG, NULL), BROOD_ETIMELIMIT);
    CU_ASSERT(diary_await(&d, BROOD_WORKER_LOST, 1));
    CU_ASSERT_EQUAL(apply_number(pool, square, 2), 4);
    pool_end(pool);
    check_counts(&d, (counts){.started = 2, .ready = 2, .stopped = 1, .lost = 1});
    CU_ASSERT_PTR_NOT_NULL(
        strstr(diary_last(&d, BROOD_WORKER_LOST)->text, brood_status_text(BROOD_ETIMELIMIT)));
    brood_future_destroy(future);
    brood_message_clear(&args);
    gate_remove(&g, 1);
    diary_clear(&d);
}

static void tells_of_recycling(void)
{
    enum { EACH = 3 };
    diary d;
    diary_make(&d);
    brood_pool *pool =
        pool_with(BROOD_POOL(.processes = 1, .max_tasks_per_child = EACH, WATCHED(&d)));
    for (int32_t i = 0; i < 4 * EACH; i++)
        CU_ASSERT_EQUAL(apply_number(pool, square, i), (int64_t)i * i);
    CU_ASSERT(diary_await(&d, BROOD_WORKER_READY, 5)); // the fifth has nothing to do
    pool_end(pool);
    check_counts(&d, (counts){.started = 5, .ready = 5, .recycled = 4, .stopped = 1});
    diary_clear(&d);
}

static void tells_of_a_smaller_pool(void)
{
    diary d;
    diary_make(&d);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 4, WATCHED(&d)));
    ASSERT_OK(brood_pool_prewarm(pool, 0, LONG));
    ASSERT_OK(brood_pool_resize(pool, 1));
    CU_ASSERT(diary_await(&d, BROOD_WORKER_STOPPED, 3));
    ASSERT_OK(brood_pool_resize(pool, 2));
    CU_ASSERT(diary_await(&d, BROOD_WORKER_READY, 5));
    for (int i = 0; i < d.count; i++)
        CU_ASSERT(d.events[i].kind != BROOD_WORKER_STOPPED || d.events[i].seat > 0);
    CU_ASSERT_EQUAL(apply_number(pool, square, 2), 4);
    pool_end(pool);
    check_counts(&d, (counts){.started = 5, .ready = 5, .stopped = 5});
    diary_clear(&d);
}

static int no_license(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_fail("there is no license");
}

static void tells_of_workers_that_never_come_up(void)
{
    diary d;
    diary_make(&d);
    brood_pool *pool = pool_with(
        BROOD_POOL(.processes = 2, .restarts = 3, .initializer = no_license, WATCHED(&d)));
    CU_ASSERT_EQUAL(brood_pool_apply(pool, own_pid, NULL, NULL), BROOD_EBROKEN);
    brood_pool_destroy(pool);
    check_lives(&d);
    CU_ASSERT_EQUAL(d.of[BROOD_WORKER_READY], 0); // its initializer has not succeeded
    CU_ASSERT(d.of[BROOD_WORKER_LOST] >= 4);      // one more than are forgiven
    CU_ASSERT(d.of[BROOD_WORKER_STARTED] <= 3 + 2);
    diary_clear(&d);
}

/** A listener that works with the pool: it is a callback like any other. */
typedef struct curious {
    brood_pool *pool; /* set once it is there */
    diary d;
    int asked, failed;
} curious;

static void asks_the_pool(const brood_worker_event *event_, void *baton)
{
    curious *c = baton;
    brd_os_mutex_lock(&c->d.w.mutex);
    brood_pool *pool = c->pool;
    brd_os_mutex_unlock(&c->d.w.mutex);
    if (pool && event_->kind == BROOD_WORKER_LOST) {
        c->failed += brood_pool_apply(pool, own_pid, NULL, NULL) != BROOD_OK;
        c->failed += brood_pool_count(pool).workers > 2;
        c->asked++;
    }
    on_event(event_, &c->d);
}

static void a_listener_may_ask_the_pool(void)
{
    curious c = {.asked = 0};
    diary_make(&c.d);
    brood_pool *pool =
        pool_with(BROOD_POOL(.processes = 2, .on_worker = asks_the_pool, .baton = &c));
    brd_os_mutex_lock(&c.d.w.mutex);
    c.pool = pool;
    brd_os_mutex_unlock(&c.d.w.mutex);
    for (int i = 1; i <= 3; i++) {
        CU_ASSERT_EQUAL(brood_pool_apply(pool, dies, NULL, NULL), BROOD_EWORKERLOST);
        CU_ASSERT(diary_await(&c.d, BROOD_WORKER_LOST, i));
    }
    pool_end(pool);
    CU_ASSERT(c.asked == 3 && c.failed == 0);
    check_lives(&c.d);
    diary_clear(&c.d);
}

static const test_case cases[] = {
    TEST_CASE(tells_a_quiet_life),           TEST_CASE(tells_of_a_death_and_its_cause),
    TEST_CASE(tells_why_a_worker_was_ended), TEST_CASE(tells_of_recycling),
    TEST_CASE(tells_of_a_smaller_pool),      TEST_CASE(tells_of_workers_that_never_come_up),
    TEST_CASE(a_listener_may_ask_the_pool),  {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "events", cases);
}
