/*
 * Callbacks of futures: that they are called, once, the right one, and in which order. Run
 * on every system from this one source. The one thing to know: a pool that was destroyed
 * calls nothing any more, so only then "once" can be seen.
 */
#include "api/listeners.h"

/* -------------------------------------------------------------- exactly once */

typedef enum act { NOTHING, CANCEL, CANCEL_WAITING, TERMINATE, DESTROY } act;

/** One way in which a task, or a map of three items, can end. */
typedef struct ending {
    brood_function *function;     /* of the arguments of a gate */
    int64_t time_limit, deadline; /* before the slow factor */
    act act;
    int status;
} ending;

static const ending endings[] = {
    {own_pid, 0, 0, NOTHING, BROOD_OK},
    {fails, 0, 0, NOTHING, BROOD_ETASK},
    {dies, 0, 0, NOTHING, BROOD_EWORKERLOST},
    {gate_pass, 0, 0, CANCEL, BROOD_ECANCELLED},
    {gate_pass, 0, 0, CANCEL_WAITING, BROOD_ECANCELLED},
    {gate_pass, 60, 0, NOTHING, BROOD_ETIMELIMIT},
    {gate_pass, 0, 60, NOTHING, BROOD_EDEADLINE},
    {gate_pass, 0, 0, TERMINATE, BROOD_ETERMINATED},
    {gate_pass, 0, 0, DESTROY, BROOD_ETERMINATED},
};
enum { ENDINGS = sizeof endings / sizeof *endings };

typedef struct scene {
    brood_pool *pool;
    tally t;
    gate g;
    bool own_loop;
    const ending *how;
} scene;

static void hand_in(scene *s, bool map, brood_future **out)
{
    brood_message args[3] = {BROOD_MESSAGE_INIT};
    int64_t limit = s->how->time_limit ? test_ms((int)s->how->time_limit) : 0;
    int64_t deadline = s->how->deadline ? test_ms((int)s->how->deadline) : 0;
    for (int32_t i = 0; i < 3; i++)
        gate_pack(&s->g, i, &args[i]);
    int status =
        map ? brood_pool_map_async(
                  s->pool, s->how->function, brood_items_messages(args, 3),
                  BROOD_MAP(HEARD(&s->t), .time_limit = limit, .deadline = deadline), out)
            : brood_pool_apply_async(
                  s->pool, s->how->function, &args[0],
                  BROOD_TASK(HEARD(&s->t), .time_limit = limit, .deadline = deadline), out);
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    for (int i = 0; i < 3; i++)
        brood_message_clear(&args[i]);
}

/** Does to it what is to be done. */
static void perform(scene *s, brood_future *future)
{
    if (s->how->function == gate_pass && s->how->act != CANCEL_WAITING)
        CU_ASSERT(gate_await(&s->g, 0)); // it runs
    if (s->how->act == CANCEL || s->how->act == CANCEL_WAITING)
        ASSERT_OK(brood_future_cancel(future));
    if (s->how->act == TERMINATE)
        ASSERT_OK(brood_pool_terminate(s->pool));
    if (s->how->act != NOTHING)
        return;
    if (!s->own_loop) {
        CU_ASSERT(tally_await(&s->t, 1));
        return;
    }
    brd_time until = test_deadline(30000);
    while (!brood_pool_dispatch(s->pool, 0) && brd_os_now() < until)
        moment();
    CU_ASSERT_EQUAL(s->t.count, 1);
}

static void check_once(const ending *how, bool map, bool anonymous, bool own_loop)
{
    scene s = {.own_loop = own_loop, .how = how};
    brood_future *future = NULL, *before = NULL;
    bool waits = how->act == CANCEL_WAITING;
    tally_make(&s.t);
    gate_make(&s.g);
    s.pool = pool_with(BROOD_POOL(.processes = 1, .grace = 100, .own_loop = own_loop));
    if (waits)
        before = stand_at_gate(s.pool, &s.g, 9);
    hand_in(&s, map, anonymous ? NULL : &future);
    perform(&s, future);
    if (how->act != DESTROY) // its task would end well before that
        gate_open(&s.g);
    brood_pool_destroy(s.pool);
    CU_ASSERT_EQUAL(s.t.count, 1);
    CU_ASSERT_EQUAL(s.t.good, how->status == BROOD_OK);
    CU_ASSERT_EQUAL(s.t.bad, how->status != BROOD_OK);
    CU_ASSERT_EQUAL(s.t.status, how->status);
    CU_ASSERT_EQUAL(s.t.errors, how->status != BROOD_OK);
    CU_ASSERT_EQUAL(s.t.missing, 0); // also who kept none is shown the future
    if (future)
        CU_ASSERT_EQUAL(brood_future_status(future), how->status);
    brood_future_destroy(future);
    brood_future_destroy(before);
    gate_remove(&s.g, 10);
    tally_clear(&s.t);
}

static void check_endings(bool map, bool anonymous)
{
    for (int own_loop = 0; own_loop < 2; own_loop++)
        for (int i = 0; i < ENDINGS; i++)
            if (!anonymous || (endings[i].act != CANCEL && endings[i].act != CANCEL_WAITING))
                check_once(&endings[i], map, anonymous, own_loop);
}

static void calls_one_of_the_two_once(void)
{
    check_endings(false, false);
}

static void calls_one_of_the_two_of_a_map(void)
{
    check_endings(true, false);
}

static void calls_without_a_future_of_the_callers(void)
{
    check_endings(false, true);
    check_endings(true, true);
}

static void calls_although_the_future_is_destroyed(void)
{
    brood_pool *pool = pool_of(1);
    gate g;
    tally t;
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    tally_make(&t);
    listener l = {&t, 7};
    gate_pack(&g, 0, &args);
    ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, BROOD_TASK(HEARD(&t)), &future));
    ASSERT_OK(brood_future_add_done_callback(future, on_done, &l));
    brood_future_destroy(future);
    CU_ASSERT_EQUAL(watch_read(&t.w, &t.count), 0);
    gate_open(&g);
    CU_ASSERT(tally_await(&t, 2));
    pool_end(pool);
    CU_ASSERT(t.count == 2 && t.good == 1 && t.order[1] == 7);
    brood_message_clear(&args);
    gate_remove(&g, 1);
    tally_clear(&t);
}

static void calls_nobody_who_did_not_ask(void)
{
    brood_pool *pool = pool_of(2);
    tally t;
    brood_message args = BROOD_MESSAGE_INIT;
    tally_make(&t);
    ASSERT_OK(brood_pack(&args, "i", 3));
    for (int i = 0; i < 20; i++) { // the other of the two would be called
        ASSERT_OK(brood_pool_apply_async(pool, square, &args,
                                         BROOD_TASK(.error_callback = on_bad, .baton = &t), NULL));
        ASSERT_OK(brood_pool_apply_async(pool, fails, &args,
                                         BROOD_TASK(.callback = on_good, .baton = &t), NULL));
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(t.count, 0);
    brood_message_clear(&args);
    tally_clear(&t);
}

/* --------------------------------------------------------------------- order */

static void calls_in_the_order_of_adding(void)
{
    enum { LISTENERS = 10 };
    brood_pool *pool = pool_of(1);
    gate g;
    tally t;
    listener l[LISTENERS];
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    tally_make(&t);
    gate_pack(&g, 0, &args);
    ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, BROOD_TASK(HEARD(&t)), &future));
    for (int i = 0; i < LISTENERS; i++) {
        l[i] = (listener){&t, i + 1};
        if (i == LISTENERS / 2) { // the others find it ended
            gate_open(&g);
            ASSERT_OK(brood_future_wait(future, LONG));
        }
        ASSERT_OK(brood_future_add_done_callback(future, on_done, &l[i]));
    }
    pool_end(pool);
    CU_ASSERT_EQUAL(t.count, LISTENERS + 1);
    for (int i = 0; i <= LISTENERS; i++)
        CU_ASSERT_EQUAL(t.order[i], i); // the task's own is the first
    brood_future_destroy(future);
    brood_message_clear(&args);
    gate_remove(&g, 1);
    tally_clear(&t);
}

static void calls_in_the_order_of_ending(void)
{
    enum { TASKS = MOST_CALLS };
    brood_pool *pool = pool_of(1); // which runs one after the other
    gate g;
    tally t;
    listener l[TASKS];
    brood_future *futures[TASKS];
    int wrong = 0;
    gate_make(&g);
    tally_make(&t);
    brood_future *held = stand_at_gate(pool, &g, 0);
    for (int32_t i = 0; i < TASKS; i++) {
        l[i] = (listener){&t, i + 1};
        futures[i] = hand_in_number(pool, i % 2 ? square : odd_fails, i);
        ASSERT_OK(brood_future_add_done_callback(futures[i], on_done, &l[i]));
    }
    gate_open(&g);
    pool_end(pool);
    CU_ASSERT_EQUAL(t.count, TASKS);
    for (int i = 0; i < TASKS; i++) {
        wrong += t.order[i] != i + 1;
        brood_future_destroy(futures[i]);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    brood_future_destroy(held);
    gate_remove(&g, 1);
    tally_clear(&t);
}

/* -------------------------------------------------------------------- waiting */

static void stands_at_latch(brood_future *future, void *baton)
{
    (void)future;
    latch_pass(baton);
}

/** A task that has ended, and whose callback stands at the latch. */
static void block_callbacks(brood_pool *pool, latch *l)
{
    ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL,
                                     BROOD_TASK(.callback = stands_at_latch, .baton = l), NULL));
    CU_ASSERT(watch_await(&l->w, &l->came, 1));
}

static void join_waits_for_callbacks(void)
{
    brood_pool *pool = pool_of(1);
    latch l;
    tally t;
    latch_make(&l);
    tally_make(&t);
    block_callbacks(pool, &l);
    ASSERT_OK(brood_pool_apply_async(pool, own_pid, NULL, BROOD_TASK(HEARD(&t)), NULL));
    ASSERT_OK(brood_pool_close(pool));
    CU_ASSERT_EQUAL(brood_pool_join(pool, 100), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_pool_join(pool, 0), BROOD_ETIMEDOUT);
    brd_time until = test_deadline(30000);
    while (brood_pool_count(pool).workers && brd_os_now() < until)
        moment();
    CU_ASSERT_EQUAL(brood_pool_count(pool).workers, 0); // now only callbacks are left
    CU_ASSERT_EQUAL(brood_pool_join(pool, 20), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(watch_read(&t.w, &t.count), 0);
    latch_open(&l);
    ASSERT_OK(brood_pool_join(pool, LONG));
    CU_ASSERT_EQUAL(watch_read(&t.w, &t.count), 1);
    brood_pool_destroy(pool);
    watch_clear(&l.w);
    tally_clear(&t);
}

static void a_callback_that_blocks_keeps_nothing_up(void)
{
    diary d;
    latch l;
    gate g;
    brood_future *future = NULL;
    brood_results *results = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    const int32_t in[4] = {1, 2, 3, 4};
    diary_make(&d);
    latch_make(&l);
    gate_make(&g);
    gate_pack(&g, 0, &args);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 2, .grace = 100, WATCHED(&d)));
    block_callbacks(pool, &l);
    for (int32_t i = 0; i < 50; i++)
        CU_ASSERT_EQUAL(apply_number(pool, square, i), (int64_t)i * i);
    ASSERT_OK(brood_pool_map(pool, square, brood_items_int32(in, 4), NULL, &results));
    brood_results_destroy(results);
    for (int i = 0; i < 4; i++) // more than there are workers: they are replaced
        CU_ASSERT_EQUAL(brood_pool_apply(pool, dies, NULL, NULL), BROOD_EWORKERLOST);
    ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, BROOD_TASK(.time_limit = test_ms(50)),
                                     &future));
    CU_ASSERT_EQUAL(brood_future_get(future, LONG, NULL), BROOD_ETIMELIMIT);
    CU_ASSERT_EQUAL(apply_number(pool, square, 9), 81);
    ASSERT_OK(brood_pool_close(pool));
    CU_ASSERT_EQUAL(watch_read(&d.w, &d.of[BROOD_WORKER_LOST]), 0); // not told yet
    latch_open(&l);
    ASSERT_OK(brood_pool_join(pool, LONG));
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(d.of[BROOD_WORKER_LOST], 5);
    brood_future_destroy(future);
    brood_message_clear(&args);
    diary_clear(&d);
    watch_clear(&l.w);
    gate_remove(&g, 1);
}

static void destroy_waits_for_what_is_due(void)
{
    enum { TASKS = 40 };
    brood_pool *pool = pool_of(2);
    latch l;
    tally t;
    brood_message args = BROOD_MESSAGE_INIT;
    latch_make(&l);
    tally_make(&t);
    ASSERT_OK(brood_pack(&args, "i", 3));
    block_callbacks(pool, &l);
    for (int i = 0; i < TASKS; i++)
        ASSERT_OK(brood_pool_apply_async(pool, square, &args, BROOD_TASK(HEARD(&t)), NULL));
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    CU_ASSERT_EQUAL(watch_read(&t.w, &t.count), 0);
    ASSERT_OK(brood_pool_terminate(pool)); // waits for no callback: it could be called in one
    CU_ASSERT_EQUAL(watch_read(&t.w, &t.count), 0);
    latch_open(&l);
    brood_pool_destroy(pool);
    CU_ASSERT_EQUAL(t.count, TASKS);
    CU_ASSERT(t.good >= 1);
    brood_message_clear(&args);
    watch_clear(&l.w);
    tally_clear(&t);
}

static const test_case cases[] = {
    TEST_CASE(calls_one_of_the_two_once),
    TEST_CASE(calls_one_of_the_two_of_a_map),
    TEST_CASE(calls_without_a_future_of_the_callers),
    TEST_CASE(calls_although_the_future_is_destroyed),
    TEST_CASE(calls_nobody_who_did_not_ask),
    TEST_CASE(calls_in_the_order_of_adding),
    TEST_CASE(calls_in_the_order_of_ending),
    TEST_CASE(join_waits_for_callbacks),
    TEST_CASE(a_callback_that_blocks_keeps_nothing_up),
    TEST_CASE(destroy_waits_for_what_is_due),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "callbacks", cases);
}
