/*
 * What callbacks may do: any call of the library, also the end of their own pool. Run on
 * every system from this one source. The one thing to know: an act is done once in the
 * pool's thread and once in brood_pool_dispatch(), and answers 0 or what went wrong.
 */
#include "api/listeners.h"

typedef struct inside inside;

/** One act inside of a callback. 0, or where it failed. */
typedef int act(inside *x, brood_future *future);

struct inside {
    brood_pool *pool;
    act *act;
    bool own_loop;
    bool destroyed; /* the act was the pool's end */
    tally t;        /* calls that the act leads to */
    listener l;
    gate g;
    brood_future *other; /* of a task that stands at the gate */
    brood_pool *second;
    watch w;
    int done, failed;
};

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            return __LINE__;                                                                       \
    } while (0)

static void perform(brood_future *future, void *baton)
{
    inside *x = baton;
    int failed = x->act(x, future);
    x->failed = failed;
    watch_add(&x->w, &x->done);
}

static void await_done(inside *x)
{
    brd_time until = test_deadline(60000);
    while (x->own_loop && !x->done && brd_os_now() < until)
        if (!brood_pool_dispatch(x->pool, 1))
            moment();
    CU_ASSERT(watch_await(&x->w, &x->done, 1));
}

static void check_act(act *what, bool own_loop)
{
    inside x = {.act = what, .own_loop = own_loop};
    tally_make(&x.t);
    watch_make(&x.w);
    gate_make(&x.g);
    x.l = (listener){&x.t, 5};
    x.pool = pool_with(BROOD_POOL(.processes = 2, .grace = 200, .own_loop = own_loop));
    x.other = stand_at_gate(x.pool, &x.g, 0);
    ASSERT_OK(brood_pool_apply_async(x.pool, own_pid, NULL,
                                     BROOD_TASK(.callback = perform, .baton = &x), NULL));
    await_done(&x);
    if (x.failed)
        fprintf(stderr, "in a callback: line %d did not hold\n", x.failed);
    CU_ASSERT_EQUAL(x.failed, 0);
    gate_open(&x.g);
    if (!x.destroyed)
        brood_pool_destroy(x.pool);
    int status = brood_future_status(x.other);
    CU_ASSERT(status == BROOD_OK || status == BROOD_ETERMINATED || status == BROOD_ECANCELLED);
    brood_future_destroy(x.other);
    gate_remove(&x.g, 1);
    tally_clear(&x.t);
    watch_clear(&x.w);
}

static void check_both(act *what)
{
    check_act(what, false);
    check_act(what, true);
}

/* --------------------------------------------------------------------- work */

static int64_t squared(brood_pool *pool, int32_t n)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    int64_t value = -1;
    if (brood_pack(&args, "i", n) || brood_pool_apply(pool, square, &args, &result) ||
        brood_unpack(&result, "x", &value))
        value = -2;
    brood_message_clear(&args);
    brood_message_clear(&result);
    return value;
}

static int applies(inside *x, brood_future *future)
{
    for (int32_t i = 0; i < 20; i++)
        CHECK(squared(x->pool, i) == (int64_t)i * i);
    CHECK(brood_future_get(future, BROOD_FOREVER, NULL) == BROOD_OK);
    CHECK(brood_pool_apply(x->pool, dies, NULL, NULL) == BROOD_EWORKERLOST);
    return 0;
}

static int hands_in(inside *x, brood_future *future)
{
    brood_future *next = NULL;
    (void)future;
    for (int i = 0; i < 10; i++)
        CHECK(brood_pool_apply_async(x->pool, own_pid, NULL, BROOD_TASK(HEARD(&x->t)), NULL) ==
              BROOD_OK);
    CHECK(brood_pool_apply_async(x->pool, own_pid, NULL, NULL, &next) == BROOD_OK);
    CHECK(brood_future_wait(next, BROOD_FOREVER) == BROOD_OK);
    brood_future_destroy(next);
    return 0;
}

static int maps(inside *x, brood_future *future)
{
    int32_t in[30] = {0};
    int64_t value = -1;
    brood_results *results = NULL;
    brood_future *map = NULL;
    brood_iterator *iterator = NULL;
    (void)future;
    in[7] = 7;
    brood_items items = brood_items_int32(in, 30);
    CHECK(brood_pool_map(x->pool, square, items, NULL, &results) == BROOD_OK);
    CHECK(brood_unpack(brood_results_at(results, 7), "x", &value) == BROOD_OK && value == 49);
    brood_results_destroy(results);
    CHECK(brood_pool_map_async(x->pool, square, items, BROOD_MAP(HEARD(&x->t)), &map) == BROOD_OK);
    CHECK(brood_future_get(map, BROOD_FOREVER, NULL) == BROOD_OK);
    brood_future_destroy(map);
    CHECK(brood_pool_imap(x->pool, square, items, NULL, &iterator) == BROOD_OK);
    for (int i = 0; i < 30; i++)
        CHECK(brood_iterator_next(iterator, BROOD_FOREVER, NULL, NULL) == BROOD_OK);
    CHECK(brood_iterator_next(iterator, BROOD_FOREVER, NULL, NULL) == BROOD_EEND);
    brood_iterator_destroy(iterator);
    return 0;
}

static int changes_the_workers(inside *x, brood_future *future)
{
    (void)future;
    CHECK(brood_pool_resize(x->pool, 3) == BROOD_OK);
    CHECK(brood_pool_prewarm(x->pool, 0, BROOD_FOREVER) == BROOD_OK);
    CHECK(brood_pool_count(x->pool).ready == 3);
    return 0;
}

static void works_inside(void)
{
    check_both(applies);
    check_both(hands_in);
    check_both(maps);
    check_both(changes_the_workers);
}

/* ------------------------------------------------------------------ futures */

static int cancels(inside *x, brood_future *future)
{
    brood_future *waiting = NULL;
    CHECK(brood_future_cancel(future) == BROOD_EEND); // its own has ended
    CHECK(brood_future_cancel(x->other) == BROOD_OK); // one that runs
    CHECK(brood_future_cancelled(x->other) == 1);
    CHECK(brood_pool_apply_async(x->pool, own_pid, NULL, NULL, &waiting) == BROOD_OK);
    CHECK(brood_future_cancel(waiting) == BROOD_OK || brood_future_status(waiting) == BROOD_OK);
    brood_future_destroy(waiting);
    CHECK(squared(x->pool, 5) == 25); // and the worker of the other was replaced or is idle
    return 0;
}

static int listens_again(inside *x, brood_future *future)
{
    CHECK(brood_future_add_done_callback(future, on_done, &x->l) == BROOD_OK);
    CHECK(brood_future_add_done_callback(future, on_done, &x->l) == BROOD_OK);
    CHECK(watch_read(&x->t.w, &x->t.count) == 0); // never from within the call
    return 0;
}

static void asks_futures_inside(void)
{
    check_both(cancels);
    check_both(listens_again);
}

// Added in a callback, called all the same: once each, before destroy is back.
static void what_is_added_inside_is_called(void)
{
    for (int own_loop = 0; own_loop < 2; own_loop++) {
        inside x = {.act = listens_again, .own_loop = own_loop};
        tally_make(&x.t);
        watch_make(&x.w);
        x.l = (listener){&x.t, 5};
        x.pool = pool_with(BROOD_POOL(.processes = 1, .own_loop = own_loop));
        ASSERT_OK(brood_pool_apply_async(x.pool, own_pid, NULL,
                                         BROOD_TASK(.callback = perform, .baton = &x), NULL));
        await_done(&x);
        brood_pool_destroy(x.pool);
        CU_ASSERT_EQUAL(x.failed, 0);
        CU_ASSERT(x.t.count == 2 && x.t.order[0] == 5 && x.t.order[1] == 5);
        tally_clear(&x.t);
        watch_clear(&x.w);
    }
}

/* --------------------------------------------------------------- the pool's end */

static int closes(inside *x, brood_future *future)
{
    (void)future;
    CHECK(brood_pool_close(x->pool) == BROOD_OK);
    CHECK(brood_pool_apply(x->pool, own_pid, NULL, NULL) == BROOD_ECLOSED);
    CHECK(brood_pool_join(x->pool, 0) == BROOD_ETIMEDOUT); // one stands at the gate
    gate_open(&x->g);
    CHECK(brood_pool_join(x->pool, BROOD_FOREVER) == BROOD_OK); // waits for all but itself
    CHECK(brood_future_status(x->other) == BROOD_OK);
    CHECK(brood_pool_count(x->pool).workers == 0);
    return 0;
}

static int terminates(inside *x, brood_future *future)
{
    CHECK(brood_pool_terminate(x->pool) == BROOD_OK);
    CHECK(brood_pool_terminate(x->pool) == BROOD_OK);
    CHECK(brood_future_status(x->other) == BROOD_ETERMINATED);
    CHECK(brood_future_status(future) == BROOD_OK);
    CHECK(brood_pool_join(x->pool, BROOD_FOREVER) == BROOD_OK);
    CHECK(brood_pool_apply(x->pool, own_pid, NULL, NULL) == BROOD_ECLOSED);
    return 0;
}

/** With others that are due: they are called before destroy is back, in here. */
static int destroys(inside *x, brood_future *future)
{
    enum { OTHERS = 20 };
    for (int i = 0; i < OTHERS; i++)
        CHECK(brood_pool_apply_async(x->pool, own_pid, NULL, BROOD_TASK(HEARD(&x->t)), NULL) ==
              BROOD_OK);
    x->destroyed = true;
    brood_pool_destroy(x->pool);
    CHECK(watch_read(&x->t.w, &x->t.count) == OTHERS);
    CHECK(watch_read(&x->t.w, &x->t.missing) == 0);
    CHECK(brood_future_status(x->other) == BROOD_ETERMINATED);
    CHECK(brood_future_get(future, 0, NULL) == BROOD_OK); // it lives through its callback
    return 0;
}

static void ends_the_pool_inside(void)
{
    check_both(closes);
    check_both(terminates);
    check_both(destroys);
}

/** What a thread that waits for a future sees when a callback destroys the pool. */
static void who_waits_hears_of_a_destroy_inside(void)
{
    inside x = {.act = destroys};
    tally_make(&x.t);
    watch_make(&x.w);
    gate_make(&x.g);
    x.pool = pool_with(BROOD_POOL(.processes = 2, .grace = 200));
    x.other = stand_at_gate(x.pool, &x.g, 0);
    ASSERT_OK(brood_pool_apply_async(x.pool, own_pid, NULL,
                                     BROOD_TASK(.callback = perform, .baton = &x), NULL));
    CU_ASSERT_EQUAL(brood_future_get(x.other, BROOD_FOREVER, NULL), BROOD_ETERMINATED);
    await_done(&x);
    CU_ASSERT_EQUAL(x.failed, 0);
    brood_future_destroy(x.other);
    gate_remove(&x.g, 1);
    tally_clear(&x.t);
    watch_clear(&x.w);
}

/* ---------------------------------------------------------------- another pool */

static int destroys_another(inside *x, brood_future *future)
{
    (void)future;
    brood_pool_destroy(x->second);
    CHECK(watch_read(&x->t.w, &x->t.count) == 10);
    CHECK(squared(x->pool, 6) == 36);
    return 0;
}

static void destroys_another_pool_inside(void)
{
    for (int k = 0; k < 4; k++) {
        inside x = {.act = destroys_another, .own_loop = k & 1};
        tally_make(&x.t);
        watch_make(&x.w);
        x.pool = pool_with(BROOD_POOL(.processes = 1, .own_loop = k & 1));
        x.second = pool_with(BROOD_POOL(.processes = 1, .grace = 200, .own_loop = k >> 1));
        for (int i = 0; i < 10; i++)
            ASSERT_OK(
                brood_pool_apply_async(x.second, own_pid, NULL, BROOD_TASK(HEARD(&x.t)), NULL));
        ASSERT_OK(brood_pool_apply_async(x.pool, own_pid, NULL,
                                         BROOD_TASK(.callback = perform, .baton = &x), NULL));
        await_done(&x);
        CU_ASSERT_EQUAL(x.failed, 0);
        brood_pool_destroy(x.pool);
        CU_ASSERT_EQUAL(x.t.count, 10);
        tally_clear(&x.t);
        watch_clear(&x.w);
    }
}

/* --- one pool's end inside of another's, inside of its own: in a child, for it may hang */

enum { DUE = 5 };

static void ends_the_first(brood_future *future, void *baton)
{
    inside *x = baton;
    (void)future;
    brood_pool_destroy(x->pool);
    x->destroyed = watch_read(&x->t.w, &x->t.count) == DUE;
}

static int destroys_the_second(inside *x, brood_future *future)
{
    brood_future *last = NULL;
    (void)future;
    for (int i = 0; i < DUE; i++) {
        CHECK(brood_pool_apply_async(x->pool, own_pid, NULL, BROOD_TASK(HEARD(&x->t)), &last) ==
              BROOD_OK);
        CHECK(brood_future_wait(last, BROOD_FOREVER) == BROOD_OK);
        brood_future_destroy(last);
    }
    brood_pool_destroy(x->second); // and calls in here what is due there
    CHECK(x->destroyed);           // which calls in there what is due here
    return 0;
}

static int child_ends_both(int argc, char **argv)
{
    inside x = {.act = destroys_the_second};
    brood_future *due = NULL;
    (void)argv;
    TEST_CHILD_CHECK(argc == 0);
    TEST_CHILD_CHECK(!brd_os_mutex_init(&x.w.mutex) && !brd_os_cond_init(&x.w.cond));
    TEST_CHILD_CHECK(!brd_os_mutex_init(&x.t.w.mutex) && !brd_os_cond_init(&x.t.w.cond));
    TEST_CHILD_CHECK(brood_pool_create(&x.pool, BROOD_POOL(.processes = 1)) == BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_create(&x.second, BROOD_POOL(.processes = 1, .own_loop = 1)) ==
                     BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_apply_async(x.second, own_pid, NULL,
                                            BROOD_TASK(.callback = ends_the_first, .baton = &x),
                                            &due) == BROOD_OK);
    TEST_CHILD_CHECK(brood_future_wait(due, BROOD_FOREVER) == BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_apply_async(x.pool, own_pid, NULL,
                                            BROOD_TASK(.callback = perform, .baton = &x),
                                            NULL) == BROOD_OK);
    TEST_CHILD_CHECK(watch_await(&x.w, &x.done, 1));
    TEST_CHILD_CHECK(x.failed == 0);
    brood_future_destroy(due);
    return 0;
}

static void ends_the_pool_inside_of_anothers_callback(void)
{
    brd_proc p = {0};
    brd_exit ended = {0};
    test_start how = {.child = "ends-both"};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    int status = brd_os_proc_wait(&p, test_deadline(40000), &ended);
    CU_ASSERT_EQUAL(status, 0);
    if (status) {
        (void)brd_os_proc_kill(&p, true);
        (void)brd_os_proc_wait(&p, BRD_FOREVER, &ended);
    }
    CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 0);
    brd_os_proc_close(&p);
}

static const test_case cases[] = {
    TEST_CASE(works_inside),
    TEST_CASE(asks_futures_inside),
    TEST_CASE(what_is_added_inside_is_called),
    TEST_CASE(ends_the_pool_inside),
    TEST_CASE(who_waits_hears_of_a_destroy_inside),
    TEST_CASE(destroys_another_pool_inside),
    TEST_CASE(ends_the_pool_inside_of_anothers_callback),
    TEST_CHILD("ends-both", child_ends_both),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "callbacks_inside", cases);
}
