/*
 * CPython's scenarios of the types of managers: TestSyncManagerTypes. Each object is used in
 * another process. See README.md here.
 */
#include "api/managed.h"

/* ---------------------------------------------------------- TestSyncManagerTypes */

/** Runs a function in a process on an object, and nothing else. */
static void run_worker(brood_function *worker, brood_proxy *object)
{
    brood_process *p = NULL;
    ASSERT_OK(brood_process_call(&p, worker, "P", object));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
}

/** In the process: the object, or it ends. */
static brood_proxy *object_in(brood_message *args)
{
    brood_proxy *p = NULL;
    TEST_CHILD_CHECK(brood_unpack(args, "P", &p) == BROOD_OK);
    return p;
}

#define CALL(...) TEST_CHILD_CHECK(brood_proxy_run(__VA_ARGS__) == BROOD_OK)

static bool is_true(brood_proxy *p, const char *method)
{
    int truth = 0;
    CALL(p, method, 0, "b=", &truth);
    return truth;
}

static int64_t integer(brood_proxy *p, const char *method)
{
    int64_t number = 0;
    CALL(p, method, 0, "x=", &number);
    return number;
}

static int event_worker(brood_message *args, brood_message *result)
{
    brood_proxy *e = object_in(args);
    (void)result;
    TEST_CHILD_CHECK(is_true(e, "is_set"));
    CALL(e, "wait", BROOD_FOREVER, "");
    CALL(e, "clear", 0, "");
    TEST_CHILD_CHECK(brood_proxy_run(e, "wait", 1, "") == BROOD_ETIMEDOUT);
    return 0;
}

static void test_event(void)
{
    brood_proxy *e = object_of("Event", "");
    ASSERT_OK(brood_proxy_run(e, "set", 0, ""));
    run_worker(event_worker, e);
    CU_ASSERT(!truth_of(e, "is_set"));
    CU_ASSERT_EQUAL(brood_proxy_run(e, "wait", 1, ""), BROOD_ETIMEDOUT);
    brood_proxy_destroy(e);
}

static int acquire_worker(brood_message *args, brood_message *result)
{
    (void)result;
    CALL(object_in(args), "acquire", BROOD_FOREVER, "");
    return 0;
}

static int acquire_release_worker(brood_message *args, brood_message *result)
{
    brood_proxy *p = object_in(args);
    (void)result;
    CALL(p, "acquire", BROOD_FOREVER, "");
    CALL(p, "release", 0, "");
    return 0;
}

// Differs: the worker ends with the lock in its hand, and the next one is told.
static void test_lock(void)
{
    brood_proxy *l = object_of("Lock", "");
    run_worker(acquire_worker, l);
    CU_ASSERT_EQUAL(brood_proxy_run(l, "acquire", LONG, ""), BROOD_EOWNERDEAD);
    ASSERT_OK(brood_proxy_run(l, "release", 0, ""));
    CU_ASSERT_EQUAL(brood_proxy_run(l, "release", 0, ""), BROOD_EINVAL);
    brood_proxy_destroy(l);
}

static void test_rlock(void)
{
    brood_proxy *l = object_of("RLock", "");
    run_worker(acquire_release_worker, l);
    CU_ASSERT_EQUAL(brood_proxy_run(l, "release", 0, ""), BROOD_EINVAL);
    brood_proxy_destroy(l);
}

static void test_semaphore(void)
{
    brood_proxy *s = object_of("Semaphore", "");
    run_worker(acquire_worker, s);
    ASSERT_OK(brood_proxy_run(s, "release", 0, ""));
    brood_proxy_destroy(s);
}

static void test_bounded_semaphore(void)
{
    brood_proxy *s = object_of("BoundedSemaphore", "");
    run_worker(acquire_worker, s);
    ASSERT_OK(brood_proxy_run(s, "release", 0, ""));
    CU_ASSERT_EQUAL(brood_proxy_run(s, "release", 0, ""), BROOD_EINVAL);
    brood_proxy_destroy(s);
}

static void test_condition(void)
{
    brood_proxy *c = object_of("Condition", "");
    run_worker(acquire_release_worker, c);
    CU_ASSERT_EQUAL(brood_proxy_run(c, "release", 0, ""), BROOD_EINVAL);
    brood_proxy_destroy(c);
}

static int barrier_worker(brood_message *args, brood_message *result)
{
    brood_proxy *b = object_in(args);
    (void)result;
    TEST_CHILD_CHECK(integer(b, "parties") == 5);
    CALL(b, "reset", 0, "");
    return 0;
}

static void test_barrier(void)
{
    brood_proxy *b = object_of("Barrier", "i", 5);
    run_worker(barrier_worker, b);
    brood_proxy_destroy(b);
}

static void drain(brood_proxy *q)
{
    TEST_CHILD_CHECK(integer(q, "qsize") == 2);
    TEST_CHILD_CHECK(is_true(q, "full"));
    TEST_CHILD_CHECK(!is_true(q, "empty"));
    CALL(q, "get", 0, "");
    CALL(q, "get", 0, "");
}

static int queue_worker(brood_message *args, brood_message *result)
{
    (void)result;
    drain(object_in(args));
    return 0;
}

static void fill_and_run(const char *type, brood_function *worker)
{
    brood_proxy *q = object_of(type, "i", 2);
    ASSERT_OK(brood_proxy_run(q, "put", 0, "s", "foo"));
    ASSERT_OK(brood_proxy_run(q, "put", 0, "s", "bar"));
    run_worker(worker, q);
    CU_ASSERT(truth_of(q, "empty"));
    CU_ASSERT(!truth_of(q, "full"));
    brood_proxy_destroy(q);
}

static void test_queue(void)
{
    fill_and_run("Queue", queue_worker);
}

static int joinable_worker(brood_message *args, brood_message *result)
{
    brood_proxy *q = object_in(args);
    (void)result;
    drain(q);
    CALL(q, "task_done", 0, "");
    CALL(q, "task_done", 0, "");
    CALL(q, "join", BROOD_FOREVER, "");
    return 0;
}

static void test_joinable_queue(void)
{
    fill_and_run("JoinableQueue", joinable_worker);
}

static int list_worker(brood_message *args, brood_message *result)
{
    brood_proxy *l = object_in(args);
    int32_t n = 0;
    int64_t x = -1;
    (void)result;
    CALL(l, "getitem", 0, "i=i", &n, 0);
    TEST_CHILD_CHECK(n == 5);
    CALL(l, "count", 0, "x=i", &x, 5);
    TEST_CHILD_CHECK(x == 1);
    CALL(l, "index", 0, "x=i", &x, 5);
    TEST_CHILD_CHECK(x == 0);
    CALL(l, "sort", 0, "");
    CALL(l, "reverse", 0, "");
    TEST_CHILD_CHECK(integer(l, "len") == 1);
    TEST_CHILD_CHECK(integer(l, "pop") == 5);
    return 0;
}

static void test_manager_list(void)
{
    brood_proxy *l = object_of("list", "i", 5);
    run_worker(list_worker, l);
    CU_ASSERT_EQUAL(number_of(l, "len"), 0);
    brood_proxy_destroy(l);
}

static int dict_worker(brood_message *args, brood_message *result)
{
    brood_proxy *d = object_in(args);
    brood_message pair = BROOD_MESSAGE_INIT;
    const char *key = "";
    int32_t n = 0;
    (void)result;
    TEST_CHILD_CHECK(integer(d, "len") == 1);
    CALL(d, "getitem", 0, "i=s", &n, "foo");
    TEST_CHILD_CHECK(n == 5);
    CALL(d, "get", 0, "i=s", &n, "foo");
    TEST_CHILD_CHECK(brood_proxy_ask(d, "popitem", &pair, 0, "") == BROOD_OK);
    TEST_CHILD_CHECK(brood_unpack(&pair, "(si)", &key, &n) == BROOD_OK);
    TEST_CHILD_CHECK(strcmp(key, "foo") == 0 && n == 5);
    brood_message_clear(&pair);
    return 0;
}

static void test_manager_dict(void)
{
    brood_proxy *d = object_of("dict", "{i}", "foo", 5);
    run_worker(dict_worker, d);
    CU_ASSERT_EQUAL(number_of(d, "len"), 0);
    brood_proxy_destroy(d);
}

static int set_worker(brood_message *args, brood_message *result)
{
    brood_proxy *s = object_in(args);
    int there = 0;
    (void)result;
    TEST_CHILD_CHECK(integer(s, "len") == 2);
    CALL(s, "contains", 0, "b=s", &there, "a");
    TEST_CHILD_CHECK(there);
    CALL(s, "discard", 0, "s", "a");
    CALL(s, "remove", 0, "s", "b");
    return 0;
}

static void test_manager_set(void)
{
    brood_proxy *s = object_of("set", "ss", "a", "b");
    run_worker(set_worker, s);
    CU_ASSERT_EQUAL(number_of(s, "len"), 0);
    brood_proxy_destroy(s);
}

static int value_worker(brood_message *args, brood_message *result)
{
    brood_proxy *v = object_in(args);
    (void)result;
    TEST_CHILD_CHECK(integer(v, "get") == 1);
    CALL(v, "set", 0, "i", 2);
    return 0;
}

static void test_value(void)
{
    brood_proxy *v = object_of("Value", "i", 1);
    run_worker(value_worker, v);
    CU_ASSERT(gives(v, "get", "i", 2));
    brood_proxy_destroy(v);
}

static int array_worker(brood_message *args, brood_message *result)
{
    brood_proxy *a = object_in(args);
    int32_t n = -1;
    (void)result;
    CALL(a, "getitem", 0, "i=i", &n, 1);
    TEST_CHILD_CHECK(n == 1);
    TEST_CHILD_CHECK(integer(a, "len") == 2);
    CALL(a, "setitem", 0, "ii", 0, 7);
    return 0;
}

static void test_array(void)
{
    brood_proxy *a = object_of("Array", "(ii)", 0, 1);
    run_worker(array_worker, a);
    CU_ASSERT(gives(a, "copy", "(ii)", 7, 1));
    brood_proxy_destroy(a);
}

static int namespace_worker(brood_message *args, brood_message *result)
{
    brood_proxy *n = object_in(args);
    int32_t x = -1, y = -1;
    (void)result;
    CALL(n, "getattr", 0, "i=s", &x, "x");
    CALL(n, "getattr", 0, "i=s", &y, "y");
    TEST_CHILD_CHECK(x == 0 && y == 1);
    return 0;
}

static void test_manager_namespace(void)
{
    brood_proxy *n = object_of("Namespace", "");
    ASSERT_OK(brood_proxy_run(n, "setattr", 0, "si", "x", 0));
    ASSERT_OK(brood_proxy_run(n, "setattr", 0, "si", "y", 1));
    run_worker(namespace_worker, n);
    brood_proxy_destroy(n);
}

static const test_case cases[] = {
    TEST_CASE(test_event),
    TEST_CASE(test_lock),
    TEST_CASE(test_rlock),
    TEST_CASE(test_semaphore),
    TEST_CASE(test_bounded_semaphore),
    TEST_CASE(test_condition),
    TEST_CASE(test_barrier),
    TEST_CASE(test_queue),
    TEST_CASE(test_joinable_queue),
    TEST_CASE(test_manager_list),
    TEST_CASE(test_manager_dict),
    TEST_CASE(test_manager_set),
    TEST_CASE(test_value),
    TEST_CASE(test_array),
    TEST_CASE(test_manager_namespace),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = managed_open;
    return managed_close(test_main(argc, argv, "manager_types", cases));
}
