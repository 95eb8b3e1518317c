/*
 * CPython's scenarios of managers: _TestMyManager, _TestRemoteManager, _TestManagerRestart,
 * TestManagerExceptions, _TestContainers. See README.md here.
 */
#include "api/managed.h"

/* -------------------------------------------------------------- _TestContainers */

// list[i] is getitem, len(list) is len, list[:] is copy.
static void test_list(void)
{
    brood_proxy *a = object_of("list", "iiiii", 0, 1, 2, 3, 4), *b = object_of("list", "");
    brood_message part = BROOD_MESSAGE_INIT;
    int32_t two = 0, x = 0, y = 0, z = 0;
    CU_ASSERT(gives(a, "copy", "iiiii", 0, 1, 2, 3, 4));
    CU_ASSERT(gives(b, "copy", ""));
    ASSERT_OK(brood_proxy_run(b, "extend", 0, "iiiii", 0, 1, 2, 3, 4));
    ASSERT_OK(brood_proxy_run(b, "getitem", 0, "i=i", &two, 2));
    CU_ASSERT_EQUAL(two, 2);
    ASSERT_OK(brood_proxy_ask(b, "slice", &part, 0, "ii", 2, 10));
    ASSERT_OK(brood_unpack(&part, "iii", &x, &y, &z));
    CU_ASSERT(x == 2 && y == 3 && z == 4);
    brood_proxy *f = object_of("list", "P", a), *inner = NULL;
    ASSERT_OK(brood_proxy_run(a, "append", 0, "s", "hello"));
    ASSERT_OK(brood_proxy_run(f, "getitem", 0, "P=i", &inner, 0));
    CU_ASSERT(gives(inner, "copy", "iiiiis", 0, 1, 2, 3, 4, "hello"));
    CU_ASSERT_EQUAL(number_of(inner, "len"), 6);
    brood_message_clear(&part);
    brood_proxy_destroy(inner);
    brood_proxy_destroy(f);
    brood_proxy_destroy(b);
    brood_proxy_destroy(a);
}

// The values come in one message, and are read one by one.
static void test_list_iter(void)
{
    brood_proxy *a = object_of("list", "iii", 5, 6, 7);
    brood_message all = BROOD_MESSAGE_INIT;
    int32_t n = 0, expected = 5;
    ASSERT_OK(brood_proxy_ask(a, "copy", &all, 0, ""));
    while (brood_unpack(&all, "i", &n) == BROOD_OK)
        CU_ASSERT_EQUAL(n, expected++);
    CU_ASSERT_EQUAL(expected, 8);
    brood_message_clear(&all);
    brood_proxy_destroy(a);
}

static void test_list_proxy_in_list(void)
{
    brood_proxy *a = object_of("list", ""), *inner[5], *first = NULL, *second = NULL;
    for (int i = 0; i < 5; i++) {
        inner[i] = object_of("list", "iii", 0, 1, 2);
        ASSERT_OK(brood_proxy_run(a, "append", 0, "P", inner[i]));
        brood_proxy_destroy(inner[i]);
    }
    ASSERT_OK(brood_proxy_run(a, "getitem", 0, "P=i", &first, 0));
    ASSERT_OK(brood_proxy_run(a, "getitem", 0, "P=i", &second, 1));
    ASSERT_OK(brood_proxy_run(first, "setitem", 0, "ii", -1, 55));
    CU_ASSERT(gives(first, "copy", "iii", 0, 1, 55));
    CU_ASSERT(gives(second, "copy", "iii", 0, 1, 2));
    CU_ASSERT(gives(second, "pop", "i", 2));
    CU_ASSERT_EQUAL(number_of(second, "len"), 2);
    brood_proxy_destroy(first);
    brood_proxy_destroy(second);
    brood_proxy_destroy(a);
    brood_proxy *b = object_of("list", "");
    ASSERT_OK(brood_proxy_run(b, "append", 0, "P", b)); // lives until the manager ends
    brood_proxy_destroy(b);
}

static void test_nested_queue(void)
{
    brood_proxy *a = object_of("list", ""), *q = object_of("Queue", ""), *got = NULL;
    ASSERT_OK(brood_proxy_run(a, "append", 0, "P", q));
    brood_proxy_destroy(q);
    ASSERT_OK(brood_proxy_run(a, "getitem", 0, "P=i", &got, 0));
    ASSERT_OK(brood_proxy_run(got, "put", 0, "i", 123));
    CU_ASSERT(gives(got, "get", "i", 123));
    brood_proxy_destroy(got);
    brood_proxy_destroy(a);
    a = object_of("dict", "");
    q = object_of("Queue", "");
    ASSERT_OK(brood_proxy_run(a, "setitem", 0, "iP", 0, q));
    ASSERT_OK(brood_proxy_run(a, "getitem", 0, "P=i", &got, 0));
    ASSERT_OK(brood_proxy_run(got, "put", 0, "i", 456));
    CU_ASSERT(gives(q, "get", "i", 456));
    brood_proxy_destroy(q);
    brood_proxy_destroy(got);
    brood_proxy_destroy(a);
}

static void test_dict(void)
{
    brood_proxy *d = object_of("dict", "");
    ASSERT_OK(brood_proxy_run(d, "setitem", 0, "is", 65, "A"));
    ASSERT_OK(brood_proxy_run(d, "setitem", 0, "is", 66, "B"));
    CU_ASSERT(gives(d, "keys", "ii", 65, 66));
    CU_ASSERT(gives(d, "values", "ss", "A", "B"));
    CU_ASSERT(gives(d, "items", "(is)(is)", 65, "A", 66, "B"));
    CU_ASSERT_EQUAL(number_of(d, "len"), 2);
    brood_proxy_destroy(d);
}

static void test_dict_iter(void)
{
    brood_proxy *d = object_of("dict", "{ii}", "one", 1, "two", 2);
    brood_message keys = BROOD_MESSAGE_INIT;
    const char *key = "";
    int count = 0;
    ASSERT_OK(brood_proxy_ask(d, "keys", &keys, 0, ""));
    for (; brood_unpack(&keys, "s", &key) == BROOD_OK; count++)
        CU_ASSERT_STRING_EQUAL(key, count ? "two" : "one");
    CU_ASSERT_EQUAL(count, 2);
    brood_message_clear(&keys);
    brood_proxy_destroy(d);
}

static void test_dict_proxy_nested(void)
{
    brood_proxy *pets = object_of("dict", "{ii}", "ferrets", 2, "hamsters", 4);
    brood_proxy *supplies = object_of("dict", "{ii}", "water", 10, "feed", 3);
    brood_proxy *d = object_of("dict", "{PP}", "pets", pets, "supplies", supplies), *same = NULL;
    int32_t n = 0;
    ASSERT_OK(brood_proxy_run(d, "getitem", 0, "P=s", &same, "supplies"));
    ASSERT_OK(brood_proxy_run(same, "getitem", 0, "i=s", &n, "water"));
    CU_ASSERT_EQUAL(n, 10);
    ASSERT_OK(brood_proxy_run(same, "setitem", 0, "si", "blankets", 5));
    ASSERT_OK(brood_proxy_run(supplies, "getitem", 0, "i=s", &n, "blankets"));
    CU_ASSERT_EQUAL(n, 5);
    brood_proxy_destroy(pets);
    brood_proxy_destroy(supplies);
    brood_proxy_destroy(same);
    ASSERT_OK(brood_proxy_run(d, "pop", 0, "P=s", &same, "pets"));
    brood_proxy_destroy(d);
    CU_ASSERT(gives(same, "copy", "{ii}", "ferrets", 2, "hamsters", 4));
    brood_proxy_destroy(same);
}

static void test_namespace(void)
{
    brood_proxy *n = object_of("Namespace", "");
    ASSERT_OK(brood_proxy_run(n, "setattr", 0, "ss", "name", "Bob"));
    ASSERT_OK(brood_proxy_run(n, "setattr", 0, "ss", "job", "Builder"));
    ASSERT_OK(brood_proxy_run(n, "setattr", 0, "ss", "_hidden", "hidden"));
    ASSERT_OK(brood_proxy_run(n, "delattr", 0, "s", "job"));
    CU_ASSERT(gives(n, "copy", "{ss}", "name", "Bob", "_hidden", "hidden"));
    CU_ASSERT_EQUAL(brood_proxy_run(n, "getattr", 0, "s", "job"), BROOD_EINVAL);
    brood_proxy_destroy(n);
}

/* --------------------------------------------------------------- _TestMyManager */

static int foo_f(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "s", "f()");
}

static int foo_g(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    return brood_fail("ValueError");
}

static const brood_manager_method foo_methods[] = {{"f", foo_f}, {"g", foo_g}, {NULL, NULL}};
static const brood_manager_type foo_type = {"Foo", NULL, NULL, foo_methods};

static void common(brood_manager *m)
{
    brood_proxy *foo = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    const char *text = "";
    ASSERT_OK(brood_manager_create(m, &foo, "Foo", NULL));
    ASSERT_OK(brood_proxy_ask(foo, "f", &result, LONG, ""));
    ASSERT_OK(brood_unpack(&result, "s", &text));
    CU_ASSERT_STRING_EQUAL(text, "f()");
    CU_ASSERT(fails_with(foo, BROOD_ETASK, "ValueError", "g", ""));
    CU_ASSERT(fails_with(foo, BROOD_EFUNCTION, "no method _h", "_h", ""));
    brood_message_clear(&result);
    brood_proxy_destroy(foo);
}

static void test_mymanager(void)
{
    brood_manager *m = manager_with(NULL);
    common(m);
    ASSERT_OK(brood_manager_shutdown(m));
    brood_manager_destroy(m);
}

// There is no with: destroy shuts down.
static void test_mymanager_context(void)
{
    brood_manager *m = manager_with(NULL);
    common(m);
    brood_manager_destroy(m);
}

/* ------------------------------------------ _TestRemoteManager, _TestManagerRestart */

static const char the_key[] = "a key of more than sixteen bytes";

static int putter(brood_message *args, brood_message *result)
{
    brood_manager *m = NULL;
    brood_proxy *queue = NULL;
    const char *address;
    (void)result;
    int status = brood_unpack(args, "s", &address);
    if (!status)
        status = brood_manager_connect(&m, address, the_key, sizeof the_key, BROOD_FOREVER);
    if (!status)
        status = brood_manager_find(m, &queue, "get_queue");
    if (!status)
        status = brood_proxy_run(queue, "put", BROOD_FOREVER, "(sbd)", "hello world", 1, 2.25);
    brood_proxy_destroy(queue);
    brood_manager_destroy(m);
    return status;
}

static brood_manager *queue_manager(const char *address, brood_proxy **queue)
{
    brood_manager *m =
        manager_with(BROOD_MANAGER(.address = address, .key = the_key, .key_size = sizeof the_key));
    ASSERT_OK(brood_manager_create(m, queue, "Queue", NULL));
    ASSERT_OK(brood_manager_publish(m, "get_queue", *queue));
    return m;
}

static void put_and_get(brood_manager *m)
{
    brood_manager *other = NULL;
    brood_proxy *queue = NULL;
    brood_process *p = NULL;
    ASSERT_OK(brood_process_call(&p, putter, "s", brood_manager_address(m)));
    ASSERT_OK(
        brood_manager_connect(&other, brood_manager_address(m), the_key, sizeof the_key, LONG));
    ASSERT_OK(brood_manager_find(other, &queue, "get_queue"));
    CU_ASSERT(gives(queue, "get", "(sbd)", "hello world", 1, 2.25));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
    brood_proxy_destroy(queue);
    brood_manager_destroy(other);
}

static void test_remote(void)
{
    brood_proxy *queue = NULL;
    brood_manager *m = queue_manager("tcp:", &queue);
    put_and_get(m);
    // What cannot be put is the caller's error, and nobody else's.
    brood_pipe *one = NULL, *two = NULL;
    ASSERT_OK(brood_pipe_create(&one, &two, NULL));
    CU_ASSERT_EQUAL(brood_proxy_run(queue, "put", 0, "p", one), BROOD_ENOTSUP);
    CU_ASSERT(truth_of(queue, "empty"));
    brood_pipe_destroy(one);
    brood_pipe_destroy(two);
    brood_proxy_destroy(queue);
    brood_manager_destroy(m);
}

// The same port at once, without a second try.
static void test_rapid_restart(void)
{
    char address[256];
    brood_proxy *queue = NULL;
    brood_manager *m = queue_manager("tcp:", &queue);
    snprintf(address, sizeof address, "%s", brood_manager_address(m));
    put_and_get(m);
    brood_manager_destroy(m);
    brood_proxy_destroy(queue);
    m = queue_manager(address, &queue);
    CU_ASSERT_STRING_EQUAL(brood_manager_address(m), address);
    put_and_get(m);
    brood_manager_destroy(m);
    brood_proxy_destroy(queue);
}

/* ---------------------------------------------------------- TestManagerExceptions */

static void test_queue_get(void)
{
    brood_proxy *q = object_of("Queue", "");
    CU_ASSERT_EQUAL(brood_proxy_run(q, "get", 0, ""), BROOD_ETIMEDOUT);
    brood_proxy_destroy(q);
}

static void test_dispatch(void)
{
    brood_proxy *none = NULL;
    brood_manager *m = NULL;
    CU_ASSERT_EQUAL(brood_manager_create(shared, &none, "bad request", NULL), BROOD_EFUNCTION);
    CU_ASSERT_EQUAL(brood_manager_connect(&m, "local:no-manager-is-here", NULL, 0, LONG),
                    BROOD_ECLOSED);
}

static const test_case cases[] = {
    TEST_CASE(test_list),
    TEST_CASE(test_list_iter),
    TEST_CASE(test_list_proxy_in_list),
    TEST_CASE(test_nested_queue),
    TEST_CASE(test_dict),
    TEST_CASE(test_dict_iter),
    TEST_CASE(test_dict_proxy_nested),
    TEST_CASE(test_namespace),
    TEST_CASE(test_mymanager),
    TEST_CASE(test_mymanager_context),
    TEST_CASE(test_remote),
    TEST_CASE(test_rapid_restart),
    TEST_CASE(test_queue_get),
    TEST_CASE(test_dispatch),
    {0},
};

int main(int argc, char **argv)
{
    if (brood_manager_register(&foo_type))
        return 70;
    brood_main(&argc, &argv);
    test_warm_up = managed_open_tcp;
    return managed_close(test_main(argc, argv, "manager", cases));
}
