/*
 * The types of a manager that only hold something, method by method, and what they refuse.
 * The one thing to know: what waits is in test_manager_sync.c, other processes in
 * test_manager_proxy.c.
 */
#include "api/managed.h"

/* --------------------------------------------------------------------- lists */

static void lists(void)
{
    brood_proxy *l = object_of("list", "iii", 3, 1, 2);
    CU_ASSERT_STRING_EQUAL(brood_proxy_type(l), "list");
    ASSERT_OK(brood_proxy_run(l, "append", 0, "s", "four"));
    CU_ASSERT(gives(l, "copy", "iiis", 3, 1, 2, "four"));
    ASSERT_OK(brood_proxy_run(l, "extend", 0, "(ii){d}", 7, 8, "key", 1.5));
    CU_ASSERT_EQUAL(number_of(l, "len"), 6);
    ASSERT_OK(brood_proxy_run(l, "insert", 0, "ii", 0, 10));
    ASSERT_OK(brood_proxy_run(l, "insert", 0, "ii", -1, 11));
    ASSERT_OK(brood_proxy_run(l, "insert", 0, "ii", 99, 12));
    CU_ASSERT(gives(l, "copy", "iiiis(ii)i{d}i", 10, 3, 1, 2, "four", 7, 8, 11, "key", 1.5, 12));
    CU_ASSERT(gives(l, "pop", "i", 12));
    CU_ASSERT(gives(l, "pop", "{d}", "key", 1.5));
    int32_t first = 0;
    ASSERT_OK(brood_proxy_run(l, "pop", 0, "i=i", &first, 0));
    CU_ASSERT_EQUAL(first, 10);
    ASSERT_OK(brood_proxy_run(l, "setitem", 0, "is", -2, "seven"));
    ASSERT_OK(brood_proxy_run(l, "delitem", 0, "i", 0));
    CU_ASSERT(gives(l, "copy", "iissi", 1, 2, "four", "seven", 11));
    ASSERT_OK(brood_proxy_run(l, "reverse", 0, ""));
    CU_ASSERT(gives(l, "copy", "issii", 11, "seven", "four", 2, 1));
    ASSERT_OK(brood_proxy_run(l, "clear", 0, ""));
    CU_ASSERT(gives(l, "copy", ""));
    brood_proxy_destroy(l);
}

static void lists_are_searched(void)
{
    brood_proxy *l = object_of("list", "isisi", 1, "one", 2, "two", 1);
    int64_t at = -1;
    int there = -1;
    ASSERT_OK(brood_proxy_run(l, "index", 0, "x=s", &at, "two"));
    CU_ASSERT_EQUAL(at, 3);
    ASSERT_OK(brood_proxy_run(l, "count", 0, "x=x", &at, INT64_C(1)));
    CU_ASSERT_EQUAL(at, 2);
    ASSERT_OK(brood_proxy_run(l, "contains", 0, "b=d", &there, 1.0));
    CU_ASSERT_EQUAL(there, 0);
    ASSERT_OK(brood_proxy_run(l, "contains", 0, "b=s", &there, "one"));
    CU_ASSERT_EQUAL(there, 1);
    ASSERT_OK(brood_proxy_run(l, "remove", 0, "i", 1));
    CU_ASSERT(gives(l, "copy", "sisi", "one", 2, "two", 1));
    CU_ASSERT(fails_with(l, BROOD_EINVAL, "not in the list", "remove", "s", "three"));
    CU_ASSERT(fails_with(l, BROOD_EINVAL, "not in the list", "index", "(i)", 1));
    brood_proxy_destroy(l);
}

static bool has_slice(brood_proxy *l, int64_t first, int64_t end, const char *format, ...)
{
    brood_message expected = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    va_list values;
    va_start(values, format);
    CU_ASSERT_EQUAL(brood_vpack(&expected, format, values), BROOD_OK);
    va_end(values);
    ASSERT_OK(brood_proxy_ask(l, "slice", &result, 0, "xx", first, end));
    bool same = same_message(&expected, &result);
    brood_message_clear(&expected);
    brood_message_clear(&result);
    return same;
}

static void slices(void)
{
    brood_proxy *l = object_of("list", "iiiii", 0, 1, 2, 3, 4);
    CU_ASSERT(has_slice(l, 1, 3, "ii", 1, 2));
    CU_ASSERT(has_slice(l, -2, 99, "ii", 3, 4));
    CU_ASSERT(has_slice(l, -99, 1, "i", 0));
    CU_ASSERT(has_slice(l, 3, 1, ""));
    CU_ASSERT(has_slice(l, INT64_MIN, INT64_MAX, "iiiii", 0, 1, 2, 3, 4));
    brood_proxy_destroy(l);
    brood_proxy *a = object_of("Array", "(iiiii)", 0, 1, 2, 3, 4);
    CU_ASSERT(has_slice(a, 1, 3, "(ii)", 1, 2));
    CU_ASSERT(has_slice(a, 3, 1, "()"));
    brood_proxy_destroy(a);
}

static void lists_are_sorted(void)
{
    brood_proxy *l = object_of("list", "idxtiidi", 3, 2.5, INT64_MIN, UINT64_MAX, -1, 3, -0.5, 0);
    ASSERT_OK(brood_proxy_run(l, "sort", 0, ""));
    CU_ASSERT(gives(l, "copy", "xididiit", INT64_MIN, -1, -0.5, 0, 2.5, 3, 3, UINT64_MAX));
    ASSERT_OK(brood_proxy_run(l, "append", 0, "s", "text"));
    CU_ASSERT(fails_with(l, BROOD_ETYPE, "sorted", "sort", ""));
    CU_ASSERT_EQUAL(number_of(l, "len"), 9);
    ASSERT_OK(brood_proxy_run(l, "clear", 0, ""));
    ASSERT_OK(brood_proxy_run(l, "sort", 0, ""));
    ASSERT_OK(brood_proxy_run(l, "extend", 0, "sssss", "pear", "", "apple", "pearl", "apple"));
    ASSERT_OK(brood_proxy_run(l, "sort", 0, ""));
    CU_ASSERT(gives(l, "copy", "sssss", "", "apple", "apple", "pear", "pearl"));
    brood_proxy_destroy(l);
}

// More than one message's inside has room for, and rows of every length in the sort.
static void long_lists(void)
{
    enum { COUNT = 1000 };
    static int32_t numbers[COUNT];
    brood_message args = BROOD_MESSAGE_INIT, all = BROOD_MESSAGE_INIT;
    brood_proxy *l = object_of("list", "");
    for (int32_t i = 0; i < COUNT; i++) {
        numbers[i] = i * 7919 % COUNT;
        ASSERT_OK(brood_pack(&args, "i", numbers[i]));
    }
    ASSERT_OK(brood_proxy_call(l, "extend", &args, NULL, 0));
    ASSERT_OK(brood_proxy_run(l, "sort", 0, ""));
    ASSERT_OK(brood_proxy_ask(l, "copy", &all, 0, ""));
    int32_t wrong = 0, got = -1;
    for (int32_t i = 0; i < COUNT; i++)
        wrong += brood_unpack(&all, "i", &got) != BROOD_OK || got != i;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(brood_unpack(&all, "i", &got), BROOD_ETYPE);
    brood_message_clear(&args);
    brood_message_clear(&all);
    brood_proxy_destroy(l);
}

/* --------------------------------------------------------------------- dicts */

static void dicts(void)
{
    brood_proxy *d = object_of("dict", "{id}", "one", 1, "half", 0.5);
    int32_t n = 0;
    double x = 0;
    int there = -1;
    ASSERT_OK(brood_proxy_run(d, "setitem", 0, "is", 7, "seven"));
    ASSERT_OK(brood_proxy_run(d, "getitem", 0, "d=s", &x, "half"));
    CU_ASSERT_EQUAL(x, 0.5);
    ASSERT_OK(brood_proxy_run(d, "setitem", 0, "si", "half", 2));
    CU_ASSERT_EQUAL(number_of(d, "len"), 3);
    CU_ASSERT(gives(d, "keys", "ssi", "one", "half", 7));
    CU_ASSERT(gives(d, "values", "iis", 1, 2, "seven"));
    CU_ASSERT(gives(d, "items", "(si)(si)(is)", "one", 1, "half", 2, 7, "seven"));
    ASSERT_OK(brood_proxy_run(d, "contains", 0, "b=s", &there, "7"));
    CU_ASSERT_EQUAL(there, 0);
    ASSERT_OK(brood_proxy_run(d, "get", 0, "i=si", &n, "none", 4));
    CU_ASSERT_EQUAL(n, 4);
    ASSERT_OK(brood_proxy_run(d, "get", 0, "i=si", &n, "one", 4));
    CU_ASSERT_EQUAL(n, 1);
    ASSERT_OK(brood_proxy_run(d, "setdefault", 0, "i=si", &n, "new", 9));
    CU_ASSERT_EQUAL(n, 9);
    ASSERT_OK(brood_proxy_run(d, "setdefault", 0, "i=si", &n, "new", 10));
    CU_ASSERT_EQUAL(n, 9);
    CU_ASSERT(gives(d, "popitem", "(si)", "new", 9));
    ASSERT_OK(brood_proxy_run(d, "pop", 0, "i=s", &n, "one"));
    CU_ASSERT_EQUAL(n, 1);
    ASSERT_OK(brood_proxy_run(d, "pop", 0, "i=si", &n, "one", 3));
    CU_ASSERT_EQUAL(n, 3);
    ASSERT_OK(brood_proxy_run(d, "delitem", 0, "i", 7));
    ASSERT_OK(brood_proxy_run(d, "update", 0, "{ii}", "half", 3, "more", 4));
    CU_ASSERT(gives(d, "copy", "{ii}", "half", 3, "more", 4));
    ASSERT_OK(brood_proxy_run(d, "clear", 0, ""));
    CU_ASSERT(gives(d, "copy", "{}"));
    brood_proxy_destroy(d);
}

static void what_is_not_there(void)
{
    brood_proxy *d = object_of("dict", "");
    brood_message nothing = BROOD_MESSAGE_INIT;
    size_t size = 1;
    CU_ASSERT(fails_with(d, BROOD_EINVAL, "no such key", "getitem", "s", "x"));
    CU_ASSERT(fails_with(d, BROOD_EINVAL, "no such key", "delitem", "s", "x"));
    CU_ASSERT(fails_with(d, BROOD_EINVAL, "no such key", "pop", "s", "x"));
    CU_ASSERT(fails_with(d, BROOD_EINVAL, "no such key", "popitem", ""));
    ASSERT_OK(brood_proxy_ask(d, "get", &nothing, 0, "s", "x"));
    (void)brood_message_bytes(&nothing, &size);
    CU_ASSERT_EQUAL(size, 0);
    brood_proxy_destroy(d);
    brood_proxy *l = object_of("list", "i", 1);
    CU_ASSERT(fails_with(l, BROOD_EINVAL, "index 1 of a list of 1", "getitem", "i", 1));
    CU_ASSERT(fails_with(l, BROOD_EINVAL, "index -2", "setitem", "ii", -2, 0));
    CU_ASSERT(fails_with(l, BROOD_EINVAL, "index 5", "delitem", "i", 5));
    CU_ASSERT(fails_with(l, BROOD_EINVAL, "index", "pop", "x", INT64_MIN));
    brood_proxy_destroy(l);
}

static void sets(void)
{
    brood_proxy *s = object_of("set", "isi", 1, "two", 1);
    int there = -1;
    CU_ASSERT_EQUAL(number_of(s, "len"), 2);
    ASSERT_OK(brood_proxy_run(s, "add", 0, "s", "two"));
    ASSERT_OK(brood_proxy_run(s, "update", 0, "ii", 3, 1));
    CU_ASSERT(gives(s, "copy", "isi", 1, "two", 3));
    ASSERT_OK(brood_proxy_run(s, "contains", 0, "b=i", &there, 3));
    CU_ASSERT_EQUAL(there, 1);
    ASSERT_OK(brood_proxy_run(s, "discard", 0, "i", 99));
    ASSERT_OK(brood_proxy_run(s, "discard", 0, "i", 1));
    CU_ASSERT(fails_with(s, BROOD_EINVAL, "no such key", "remove", "i", 1));
    ASSERT_OK(brood_proxy_run(s, "remove", 0, "s", "two"));
    CU_ASSERT(gives(s, "pop", "i", 3));
    CU_ASSERT(fails_with(s, BROOD_EINVAL, "", "pop", ""));
    ASSERT_OK(brood_proxy_run(s, "add", 0, "i", 1));
    ASSERT_OK(brood_proxy_run(s, "clear", 0, ""));
    CU_ASSERT_EQUAL(number_of(s, "len"), 0);
    brood_proxy_destroy(s);
}

static void namespaces(void)
{
    brood_proxy *n = object_of("Namespace", "{i}", "x", 10);
    int32_t x = 0;
    brood_message y = BROOD_MESSAGE_INIT;
    const char *text = "";
    ASSERT_OK(brood_proxy_run(n, "setattr", 0, "ss", "y", "hello"));
    ASSERT_OK(brood_proxy_run(n, "getattr", 0, "i=s", &x, "x"));
    CU_ASSERT_EQUAL(x, 10);
    ASSERT_OK(brood_proxy_ask(n, "getattr", &y, 0, "s", "y"));
    ASSERT_OK(brood_unpack(&y, "s", &text));
    CU_ASSERT_STRING_EQUAL(text, "hello");
    CU_ASSERT(gives(n, "copy", "{is}", "x", 10, "y", "hello"));
    ASSERT_OK(brood_proxy_run(n, "delattr", 0, "s", "x"));
    CU_ASSERT(fails_with(n, BROOD_EINVAL, "no such key", "getattr", "s", "x"));
    CU_ASSERT_EQUAL(brood_proxy_run(n, "setattr", 0, "is", 1, "y"), BROOD_ETYPE);
    brood_message_clear(&y);
    brood_proxy_destroy(n);
}

/* ------------------------------------------------------------ values, arrays */

static void values(void)
{
    brood_proxy *v = object_of("Value", "i", 40);
    int64_t n = 0;
    double x = 0;
    ASSERT_OK(brood_proxy_run(v, "add", 0, "x=i", &n, 2));
    CU_ASSERT_EQUAL(n, 42);
    CU_ASSERT(gives(v, "get", "i", 42));
    ASSERT_OK(brood_proxy_run(v, "add", 0, "d=d", &x, -0.5));
    CU_ASSERT(gives(v, "get", "d", 41.5));
    ASSERT_OK(brood_proxy_run(v, "set", 0, "(is)", 1, "any"));
    CU_ASSERT(gives(v, "get", "(is)", 1, "any"));
    CU_ASSERT_EQUAL(brood_proxy_run(v, "add", 0, "i", 1), BROOD_ETYPE);
    ASSERT_OK(brood_proxy_run(v, "set", 0, "x", INT64_MAX));
    CU_ASSERT(fails_with(v, BROOD_EINVAL, "does not fit", "add", "i", 1));
    CU_ASSERT(gives(v, "get", "x", INT64_MAX));
    brood_proxy_destroy(v);
    CU_ASSERT_EQUAL(no_object_of("Value", ""), BROOD_ETYPE);
}

static void arrays(void)
{
    const int32_t whole[] = {3, 4, 5};
    const double real[] = {0.5, 1.5};
    brood_proxy *a = object_of("Array", "ai", whole, (size_t)3);
    double x = 0;
    ASSERT_OK(brood_proxy_run(a, "setitem", 0, "ii", -1, 6));
    CU_ASSERT(gives(a, "copy", "(iii)", 3, 4, 6));
    CU_ASSERT_EQUAL(number_of(a, "len"), 3);
    CU_ASSERT_EQUAL(brood_proxy_run(a, "setitem", 0, "id", 0, 0.5), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_proxy_run(a, "setitem", 0, "is", 0, "x"), BROOD_ETYPE);
    CU_ASSERT(fails_with(a, BROOD_EINVAL, "index 3 of an array of 3", "getitem", "i", 3));
    brood_proxy_destroy(a);
    a = object_of("Array", "ad", real, (size_t)2);
    ASSERT_OK(brood_proxy_run(a, "setitem", 0, "ii", 0, 7));
    ASSERT_OK(brood_proxy_run(a, "getitem", 0, "d=i", &x, 0));
    CU_ASSERT_EQUAL(x, 7.0);
    brood_proxy_destroy(a);
    CU_ASSERT_EQUAL(no_object_of("Array", "i", 3), BROOD_ETYPE);
    CU_ASSERT_EQUAL(no_object_of("Array", "(is)", 3, "x"), BROOD_ETYPE);
    CU_ASSERT_EQUAL(no_object_of("Array", "{i}", "x", 1), BROOD_ETYPE);
}

/* ------------------------------------------------------------------ refusals */

static void refuses_nonsense(void)
{
    brood_proxy *l = object_of("list", "i", 1), *none = NULL;
    brood_message raw = BROOD_MESSAGE_INIT;
    const char *text;
    CU_ASSERT_EQUAL(no_object_of("lost", ""), BROOD_EFUNCTION);
    CU_ASSERT_EQUAL(no_object_of("dict", "i", 1), BROOD_ETYPE);
    CU_ASSERT_EQUAL(no_object_of("dict", "{i}{i}", "a", 1, "b", 2), BROOD_ETYPE);
    CU_ASSERT_EQUAL(no_object_of("Barrier", "i", 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(no_object_of("Semaphore", "i", -1), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_create(NULL, &none, "list", NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_create(shared, NULL, "list", NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_create(shared, &none, "", NULL), BROOD_EINVAL);
    CU_ASSERT(fails_with(l, BROOD_EFUNCTION, "list has no method fly", "fly", ""));
    CU_ASSERT(fails_with(l, BROOD_ETYPE, "list.append", "append", ""));
    CU_ASSERT(fails_with(l, BROOD_ETYPE, "list.append", "append", "ii", 1, 2));
    CU_ASSERT(fails_with(l, BROOD_ETYPE, "list.copy", "copy", "i", 1));
    CU_ASSERT_EQUAL(brood_proxy_run(l, "getitem", 0, "s", "first"), BROOD_ETYPE);
    ASSERT_OK(brood_message_set(&raw, "\xc1 is no MessagePack", 19));
    CU_ASSERT_EQUAL(brood_proxy_call(l, "append", &raw, NULL, 0), BROOD_ETYPE);
    CU_ASSERT_EQUAL(brood_proxy_call(NULL, "len", NULL, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_proxy_call(l, NULL, NULL, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_proxy_run(l, "len", 0, "s=", &text), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_proxy_run(l, "len", 0, "iiiii=", NULL, NULL, NULL, NULL, NULL),
                    BROOD_EINVAL);
    CU_ASSERT(gives(l, "copy", "i", 1));
    brood_message_clear(&raw);
    brood_proxy_destroy(l);
}

static void carries_no_handles(void)
{
    brood_pipe *one = NULL, *other = NULL;
    brood_proxy *l = object_of("list", "");
    ASSERT_OK(brood_pipe_create(&one, &other, NULL));
    CU_ASSERT_EQUAL(brood_proxy_run(l, "append", 0, "p", one), BROOD_ENOTSUP);
    CU_ASSERT_EQUAL(no_object_of("list", "p", one), BROOD_ENOTSUP);
    brood_pipe_destroy(one);
    brood_pipe_destroy(other);
    brood_proxy_destroy(l);
}

static void long_values(void)
{
    enum { SIZE = 3 << 20 };
    brood_proxy *l = object_of("list", "");
    brood_message got = BROOD_MESSAGE_INIT;
    char *text = malloc(SIZE + 1);
    const char *back = "";
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, 'x', SIZE);
    text[SIZE] = 0;
    ASSERT_OK(brood_proxy_run(l, "append", LONG, "s", text));
    ASSERT_OK(brood_proxy_ask(l, "getitem", &got, LONG, "i", 0));
    ASSERT_OK(brood_unpack(&got, "s", &back));
    CU_ASSERT(strcmp(text, back) == 0);
    brood_message_clear(&got);
    free(text);
    brood_proxy_destroy(l);
}

static const test_case cases[] = {
    TEST_CASE(lists),
    TEST_CASE(lists_are_searched),
    TEST_CASE(slices),
    TEST_CASE(lists_are_sorted),
    TEST_CASE(long_lists),
    TEST_CASE(dicts),
    TEST_CASE(what_is_not_there),
    TEST_CASE(sets),
    TEST_CASE(namespaces),
    TEST_CASE(values),
    TEST_CASE(arrays),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(carries_no_handles),
    TEST_CASE(long_values),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = managed_open;
    return managed_close(test_main(argc, argv, "manager", cases));
}
