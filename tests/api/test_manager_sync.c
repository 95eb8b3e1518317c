/*
 * The types of a manager that wait: queues, locks, semaphores, events, conditions, barriers;
 * and types of one's own. The one thing to know: the clients are threads here. No test needs
 * one of them to be first: what has to come out is the same in every order.
 */
#include "api/managed.h"

enum { SHORT = 20 /* milliseconds after which a call that cannot succeed gives up */ };

/* -------------------------------------------------------------------- queues */

static void queues(void)
{
    brood_proxy *q = object_of("Queue", "i", 3);
    brood_message item = BROOD_MESSAGE_INIT;
    const char *text = "";
    int32_t n = 0;
    CU_ASSERT(truth_of(q, "empty"));
    ASSERT_OK(brood_proxy_run(q, "put", 0, "si", "first", 1));
    ASSERT_OK(brood_proxy_run(q, "put", 0, ""));
    ASSERT_OK(brood_message_set(&item, "\xc1 any bytes", 11));
    ASSERT_OK(brood_proxy_call(q, "put", &item, NULL, 0));
    CU_ASSERT(truth_of(q, "full"));
    CU_ASSERT_EQUAL(number_of(q, "qsize"), 3);
    CU_ASSERT_EQUAL(brood_proxy_run(q, "put", 0, "i", 4), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_proxy_run(q, "put", SHORT, "i", 4), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_proxy_ask(q, "get", &item, 0, ""));
    ASSERT_OK(brood_unpack(&item, "si", &text, &n));
    CU_ASSERT_STRING_EQUAL(text, "first");
    CU_ASSERT(gives(q, "get", ""));
    ASSERT_OK(brood_proxy_ask(q, "get", &item, 0, ""));
    size_t size = 0;
    CU_ASSERT_EQUAL(memcmp(brood_message_bytes(&item, &size), "\xc1 any bytes", 11), 0);
    CU_ASSERT_EQUAL(size, 11);
    CU_ASSERT_EQUAL(brood_proxy_ask(q, "get", &item, 0, ""), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_proxy_ask(q, "get", &item, SHORT, ""), BROOD_ETIMEDOUT);
    brood_message_clear(&item);
    brood_proxy_destroy(q);
}

static void queues_wait(void)
{
    brood_proxy *q = object_of("Queue", "i", 1);
    waiting_call getters[4];
    int64_t sum = 0;
    for (int i = 0; i < 4; i++)
        waiting_call_start(&getters[i], q, "get", LONG);
    for (int64_t i = 1; i <= 4; i++)
        ASSERT_OK(brood_proxy_run(q, "put", LONG, "x", i * i));
    for (int i = 0; i < 4; i++) {
        ASSERT_OK(waiting_call_end(&getters[i]));
        sum += getters[i].number;
    }
    CU_ASSERT_EQUAL(sum, 1 + 4 + 9 + 16);
    CU_ASSERT(truth_of(q, "empty"));
    brood_proxy_destroy(q);
}

static void queues_close(void)
{
    brood_proxy *q = object_of("Queue", "");
    waiting_call getters[3];
    int good = 0, closed = 0;
    for (int i = 0; i < 3; i++)
        waiting_call_start(&getters[i], q, "get", LONG);
    ASSERT_OK(brood_proxy_run(q, "put", 0, "i", 1));
    ASSERT_OK(brood_proxy_run(q, "close", 0, ""));
    for (int i = 0; i < 3; i++) {
        int status = waiting_call_end(&getters[i]);
        good += status == BROOD_OK;
        closed += status == BROOD_ECLOSED;
    }
    CU_ASSERT_EQUAL(good, 1);
    CU_ASSERT_EQUAL(closed, 2);
    CU_ASSERT(fails_with(q, BROOD_ECLOSED, "the queue is closed", "put", "i", 2));
    CU_ASSERT_EQUAL(brood_proxy_run(q, "get", LONG, ""), BROOD_ECLOSED);
    CU_ASSERT(truth_of(q, "empty")); // and the manager lives
    brood_proxy_destroy(q);
}

static void queues_are_joined(void)
{
    brood_proxy *q = object_of("JoinableQueue", "");
    waiting_call joiner;
    ASSERT_OK(brood_proxy_run(q, "join", 0, ""));
    ASSERT_OK(brood_proxy_run(q, "put", 0, "i", 1));
    ASSERT_OK(brood_proxy_run(q, "put", 0, "i", 2));
    CU_ASSERT_EQUAL(brood_proxy_run(q, "join", SHORT, ""), BROOD_ETIMEDOUT);
    waiting_call_start(&joiner, q, "join", LONG);
    ASSERT_OK(brood_proxy_run(q, "get", 0, ""));
    ASSERT_OK(brood_proxy_run(q, "task_done", 0, ""));
    CU_ASSERT_EQUAL(brood_proxy_run(q, "join", 0, ""), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_proxy_run(q, "get", 0, ""));
    ASSERT_OK(brood_proxy_run(q, "task_done", 0, ""));
    ASSERT_OK(waiting_call_end(&joiner));
    CU_ASSERT(fails_with(q, BROOD_EINVAL, "task_done", "task_done", ""));
    brood_proxy_destroy(q);
}

/* --------------------------------------------------------------------- locks */

static void locks(void)
{
    brood_proxy *l = object_of("Lock", "");
    waiting_call taker;
    ASSERT_OK(brood_proxy_run(l, "acquire", 0, ""));
    CU_ASSERT(truth_of(l, "locked"));
    CU_ASSERT_EQUAL(brood_proxy_run(l, "acquire", SHORT, ""), BROOD_ETIMEDOUT);
    waiting_call_start(&taker, l, "acquire", LONG);
    ASSERT_OK(brood_proxy_run(l, "release", 0, ""));
    ASSERT_OK(waiting_call_end(&taker));
    CU_ASSERT(truth_of(l, "locked"));
    ASSERT_OK(brood_proxy_run(l, "release", 0, "")); // any thread may
    CU_ASSERT(!truth_of(l, "locked"));
    CU_ASSERT(fails_with(l, BROOD_EINVAL, "nobody has it", "release", ""));
    brood_proxy_destroy(l);
}

static void recursive_locks(void)
{
    brood_proxy *l = object_of("RLock", "");
    waiting_call other;
    ASSERT_OK(brood_proxy_run(l, "acquire", 0, ""));
    ASSERT_OK(brood_proxy_run(l, "acquire", 0, ""));
    waiting_call_start(&other, l, "release", 0);
    CU_ASSERT_EQUAL(waiting_call_end(&other), BROOD_EINVAL);
    waiting_call_start(&other, l, "acquire", SHORT);
    CU_ASSERT_EQUAL(waiting_call_end(&other), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_proxy_run(l, "release", 0, ""));
    CU_ASSERT(truth_of(l, "locked"));
    ASSERT_OK(brood_proxy_run(l, "release", 0, ""));
    CU_ASSERT(!truth_of(l, "locked"));
    CU_ASSERT_EQUAL(brood_proxy_run(l, "release", 0, ""), BROOD_EINVAL);
    waiting_call_start(&other, l, "acquire", LONG);
    ASSERT_OK(waiting_call_end(&other));
    CU_ASSERT_EQUAL(brood_proxy_run(l, "release", 0, ""), BROOD_EINVAL);
    brood_proxy_destroy(l);
}

static void semaphores(void)
{
    brood_proxy *s = object_of("Semaphore", "i", 2);
    waiting_call taker;
    ASSERT_OK(brood_proxy_run(s, "acquire", 0, ""));
    ASSERT_OK(brood_proxy_run(s, "acquire", 0, ""));
    CU_ASSERT_EQUAL(number_of(s, "get_value"), 0);
    CU_ASSERT_EQUAL(brood_proxy_run(s, "acquire", SHORT, ""), BROOD_ETIMEDOUT);
    waiting_call_start(&taker, s, "acquire", LONG);
    ASSERT_OK(brood_proxy_run(s, "release", 0, "i", 3));
    ASSERT_OK(waiting_call_end(&taker));
    CU_ASSERT_EQUAL(number_of(s, "get_value"), 2);
    CU_ASSERT_EQUAL(brood_proxy_run(s, "release", 0, "i", 0), BROOD_EINVAL);
    ASSERT_OK(brood_proxy_run(s, "release", 0, "x", INT64_MAX - 2));
    CU_ASSERT_EQUAL(brood_proxy_run(s, "release", 0, ""), BROOD_EINVAL);
    brood_proxy_destroy(s);
    s = object_of("BoundedSemaphore", "");
    CU_ASSERT(fails_with(s, BROOD_EINVAL, "more often", "release", ""));
    ASSERT_OK(brood_proxy_run(s, "acquire", 0, ""));
    ASSERT_OK(brood_proxy_run(s, "release", 0, ""));
    brood_proxy_destroy(s);
}

/* ------------------------------------------- events, conditions, barriers */

static void events(void)
{
    brood_proxy *e = object_of("Event", "");
    waiting_call waiters[3];
    CU_ASSERT(!truth_of(e, "is_set"));
    CU_ASSERT_EQUAL(brood_proxy_run(e, "wait", SHORT, ""), BROOD_ETIMEDOUT);
    for (int i = 0; i < 3; i++)
        waiting_call_start(&waiters[i], e, "wait", LONG);
    ASSERT_OK(brood_proxy_run(e, "set", 0, ""));
    for (int i = 0; i < 3; i++)
        ASSERT_OK(waiting_call_end(&waiters[i]));
    ASSERT_OK(brood_proxy_run(e, "wait", 0, ""));
    ASSERT_OK(brood_proxy_run(e, "clear", 0, ""));
    CU_ASSERT(!truth_of(e, "is_set"));
    brood_proxy_destroy(e);
}

/** A thread that waits for a condition, and says when it has the lock. */
typedef struct sleeper {
    brd_thread thread;
    brood_proxy *condition, *ready; /* a semaphore */
    int64_t timeout;
    int acquired, waited, released;
} sleeper;

static void sleep_on_condition(void *baton)
{
    sleeper *s = baton;
    s->acquired = brood_proxy_run(s->condition, "acquire", LONG, "");
    (void)brood_proxy_run(s->ready, "release", LONG, "");
    s->waited = brood_proxy_run(s->condition, "wait", s->timeout, "");
    s->released = brood_proxy_run(s->condition, "release", LONG, "");
}

static void conditions_of(brood_proxy *c)
{
    sleeper sleepers[3];
    brood_proxy *ready = object_of("Semaphore", "i", 0);
    CU_ASSERT(fails_with(c, BROOD_EINVAL, "acquire", "wait", ""));
    CU_ASSERT(fails_with(c, BROOD_EINVAL, "acquire", "notify", ""));
    for (int i = 0; i < 3; i++) {
        sleepers[i] = (sleeper){.condition = c, .ready = ready, .timeout = LONG};
        CU_ASSERT_EQUAL_FATAL(
            brd_os_thread_start(&sleepers[i].thread, sleep_on_condition, &sleepers[i]), 0);
    }
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_proxy_run(ready, "acquire", LONG, ""));
    // Who is ready has the lock until it waits: with the lock in hand, all three wait.
    ASSERT_OK(brood_proxy_run(c, "acquire", LONG, ""));
    ASSERT_OK(brood_proxy_run(c, "notify", 0, "i", 2));
    ASSERT_OK(brood_proxy_run(c, "notify_all", 0, ""));
    ASSERT_OK(brood_proxy_run(c, "release", 0, ""));
    for (int i = 0; i < 3; i++) {
        brd_os_thread_join(&sleepers[i].thread);
        CU_ASSERT_EQUAL(sleepers[i].acquired, BROOD_OK);
        CU_ASSERT_EQUAL(sleepers[i].waited, BROOD_OK);
        CU_ASSERT_EQUAL(sleepers[i].released, BROOD_OK);
    }
    // The time is over, and the lock is there again.
    ASSERT_OK(brood_proxy_run(c, "acquire", LONG, ""));
    CU_ASSERT_EQUAL(brood_proxy_run(c, "wait", SHORT, ""), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_proxy_run(c, "release", 0, ""));
    brood_proxy_destroy(ready);
}

static void conditions(void)
{
    brood_proxy *c = object_of("Condition", "");
    conditions_of(c);
    brood_proxy_destroy(c);
}

static void conditions_share_a_lock(void)
{
    static const char *const kinds[] = {"Lock", "RLock"};
    for (int i = 0; i < 2; i++) {
        brood_proxy *lock = object_of(kinds[i], ""), *other = object_of("list", "");
        brood_proxy *c = object_of("Condition", "P", lock);
        conditions_of(c);
        ASSERT_OK(brood_proxy_run(c, "acquire", 0, ""));
        CU_ASSERT(truth_of(lock, "locked"));
        ASSERT_OK(brood_proxy_run(lock, "release", 0, ""));
        CU_ASSERT_EQUAL(brood_proxy_run(c, "release", 0, ""), BROOD_EINVAL);
        CU_ASSERT_EQUAL(no_object_of("Condition", "P", other), BROOD_ETYPE);
        CU_ASSERT_EQUAL(no_object_of("Condition", "i", 1), BROOD_ETYPE);
        brood_proxy_destroy(lock); // the condition still has it
        ASSERT_OK(brood_proxy_run(c, "acquire", 0, ""));
        ASSERT_OK(brood_proxy_run(c, "release", 0, ""));
        brood_proxy_destroy(c);
        brood_proxy_destroy(other);
    }
}

static void barriers(void)
{
    brood_proxy *b = object_of("Barrier", "i", 3);
    waiting_call parties[3];
    int64_t sum = 0;
    CU_ASSERT_EQUAL(number_of(b, "parties"), 3);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3; i++)
            waiting_call_start(&parties[i], b, "wait", LONG);
        for (int i = 0; i < 3; i++) {
            ASSERT_OK(waiting_call_end(&parties[i]));
            sum += parties[i].number;
        }
    }
    CU_ASSERT_EQUAL(sum, 2 * (0 + 1 + 2));
    CU_ASSERT_EQUAL(number_of(b, "n_waiting"), 0);
    brood_proxy_destroy(b);
}

static bool await_waiting(brood_proxy *b, int64_t count)
{
    brd_time until = test_deadline(20000);
    while (number_of(b, "n_waiting") != count && brd_os_now() < until)
        moment();
    return number_of(b, "n_waiting") == count;
}

static void barriers_break(void)
{
    brood_proxy *b = object_of("Barrier", "i", 3);
    waiting_call parties[2];
    waiting_call_start(&parties[0], b, "wait", LONG);
    CU_ASSERT(await_waiting(b, 1));
    CU_ASSERT_EQUAL(brood_proxy_run(b, "wait", SHORT, ""), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(waiting_call_end(&parties[0]), BROOD_EBROKEN);
    CU_ASSERT(truth_of(b, "broken"));
    CU_ASSERT_EQUAL(brood_proxy_run(b, "wait", LONG, ""), BROOD_EBROKEN);
    static const char *const ends[] = {"reset", "abort"};
    for (int i = 0; i < 2; i++) {
        ASSERT_OK(brood_proxy_run(b, "reset", 0, ""));
        CU_ASSERT(!truth_of(b, "broken"));
        for (int k = 0; k < 2; k++)
            waiting_call_start(&parties[k], b, "wait", LONG);
        CU_ASSERT(await_waiting(b, 2));
        ASSERT_OK(brood_proxy_run(b, ends[i], 0, ""));
        for (int k = 0; k < 2; k++)
            CU_ASSERT_EQUAL(waiting_call_end(&parties[k]), BROOD_EBROKEN);
        CU_ASSERT_EQUAL(number_of(b, "n_waiting"), 0);
        CU_ASSERT_EQUAL(truth_of(b, "broken"), i == 1);
    }
    brood_proxy_destroy(b);
}

/* --------------------------------------------------------- types of one's own */

typedef struct tank {
    int32_t level;
    _Atomic int inside; /* methods that run at this moment */
} tank;

static int tank_create(brood_message *args, void **self)
{
    int32_t level;
    int status = brood_unpack(args, "i", &level);
    if (status)
        return status;
    if (level < 0)
        return brood_fail("a tank of %d", (int)level);
    tank *t = calloc(1, sizeof *t);
    if (!t)
        return BROOD_ENOMEM;
    t->level = level;
    *self = t;
    return 0;
}

static void tank_destroy(void *self)
{
    free(self);
}

static int tank_fill(brood_message *args, brood_message *result)
{
    tank *t = brood_manager_self();
    int32_t more;
    int status = brood_unpack(args, "i", &more);
    if (status)
        return status;
    if (atomic_fetch_add(&t->inside, 1) != 0)
        return brood_fail("two methods at a time");
    int32_t before = t->level;
    brd_os_yield();
    t->level = before + more;
    atomic_fetch_sub(&t->inside, 1);
    return brood_pack(result, "i", t->level);
}

static int tank_leak(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return 7;
}

static const brood_manager_method tank_methods[] = {
    {"fill", tank_fill}, {"leak", tank_leak}, {NULL, NULL}};
static const brood_manager_type tank_type = {"Tank", tank_create, tank_destroy, tank_methods};
static const brood_manager_type other_tank = {"Tank", NULL, NULL, NULL};
static const brood_manager_type a_list = {"list", NULL, NULL, NULL};
static const brood_manager_type plain_type = {"Plain", NULL, NULL, NULL};

static void types_of_ones_own(void)
{
    brood_proxy *t = object_of("Tank", "i", 40), *none = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    int32_t level = 0;
    ASSERT_OK(brood_proxy_run(t, "fill", LONG, "i=i", &level, 2));
    CU_ASSERT_EQUAL(level, 42);
    CU_ASSERT_EQUAL(brood_proxy_ask(t, "leak", &result, LONG, ""), BROOD_ETASK);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_EQUAL(error->code, 7);
    CU_ASSERT_STRING_EQUAL(error->function, "Tank.leak");
    CU_ASSERT_EQUAL(error->worker, brood_manager_pid(shared));
    CU_ASSERT(fails_with(t, BROOD_EFUNCTION, "Tank has no method burst", "burst", ""));
    CU_ASSERT_EQUAL(no_object_of("Tank", "i", -1), BROOD_ETASK);
    CU_ASSERT_EQUAL(no_object_of("Tank", "s", "much"), BROOD_ETASK);
    CU_ASSERT_PTR_NULL(brood_manager_self());
    ASSERT_OK(brood_manager_register(&tank_type));
    CU_ASSERT_EQUAL(brood_manager_register(&other_tank), BROOD_EBUSY);
    CU_ASSERT_EQUAL(brood_manager_register(&a_list), BROOD_EBUSY);
    CU_ASSERT_EQUAL(brood_manager_register(NULL), BROOD_EINVAL);
    brood_message_clear(&result);
    brood_proxy_destroy(t);
    ASSERT_OK(brood_manager_create(shared, &none, "Plain", NULL));
    CU_ASSERT_EQUAL(brood_proxy_run(none, "anything", 0, ""), BROOD_EFUNCTION);
    brood_proxy_destroy(none);
}

enum { FILLS = 50 };
static _Atomic int fill_errors;

static void fill_often(void *baton)
{
    int wrong = 0;
    for (int i = 0; i < FILLS; i++)
        wrong += brood_proxy_run(baton, "fill", LONG, "i", 1) != BROOD_OK;
    atomic_fetch_add(&fill_errors, wrong);
}

static void methods_take_turns(void)
{
    brood_proxy *t = object_of("Tank", "i", 0);
    brd_thread threads[4];
    int32_t level = 0;
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], fill_often, t), 0);
    for (int i = 0; i < 4; i++)
        brd_os_thread_join(&threads[i]);
    ASSERT_OK(brood_proxy_run(t, "fill", LONG, "i=i", &level, 0));
    CU_ASSERT_EQUAL(atomic_load(&fill_errors), 0);
    CU_ASSERT_EQUAL(level, 4 * FILLS);
    brood_proxy_destroy(t);
}

static const test_case cases[] = {
    TEST_CASE(queues),
    TEST_CASE(queues_wait),
    TEST_CASE(queues_close),
    TEST_CASE(queues_are_joined),
    TEST_CASE(locks),
    TEST_CASE(recursive_locks),
    TEST_CASE(semaphores),
    TEST_CASE(events),
    TEST_CASE(conditions),
    TEST_CASE(conditions_share_a_lock),
    TEST_CASE(barriers),
    TEST_CASE(barriers_break),
    TEST_CASE(types_of_ones_own),
    TEST_CASE(methods_take_turns),
    {0},
};

int main(int argc, char **argv)
{
    if (brood_manager_register(&tank_type) || brood_manager_register(&plain_type))
        return 70;
    brood_main(&argc, &argv);
    test_warm_up = managed_open;
    return managed_close(test_main(argc, argv, "manager_sync", cases));
}
