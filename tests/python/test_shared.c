/*
 * What CPython's _TestValue, _TestArray, _TestSharedCTypes and _TestSharedMemory ask, asked of
 * brood. Run on every system from this one source. The names are CPython's; a note with a
 * number names the row of the table in README.md by which we differ.
 *
 * The one thing to know: what api/test_shared.c asks already is not asked again; the README
 * says which of its tests stand for which of CPython's.
 */
#include "python/processes.h"

/* --------------------------------------------------- _TestValue and _TestArray */

/** "AAA": sets each value to twice what it is, and reverses the array. */
static int doubles(brood_message *args, brood_message *result)
{
    brood_array *x = NULL, *y = NULL, *all = NULL;
    int status = brood_unpack(args, "AAA", &x, &y, &all);
    (void)result;
    if (status)
        return status;
    *(int32_t *)brood_array_data(x) *= 2;
    *(double *)brood_array_data(y) *= 2;
    double *elements = brood_array_data(all);
    for (size_t i = 0, k = brood_array_count(all); i + 1 < k; i++) {
        double kept = elements[--k];
        elements[k] = elements[i];
        elements[i] = kept;
    }
    brood_array_destroy(x);
    brood_array_destroy(y);
    brood_array_destroy(all);
    return status;
}

// The child's writing is seen here, in values of two types and in an array.
static void test_sharedctypes(void)
{
    enum { COUNT = 10 };
    brood_array *x = NULL, *y = NULL, *all = NULL;
    brood_process *p = NULL;
    const int32_t seven = 7;
    const double third = 1.0 / 3.0;
    double start[COUNT];
    size_t wrong = 0;
    for (int i = 0; i < COUNT; i++)
        start[i] = i;
    ASSERT_OK(brood_value_create(&x, 'i', &seven));
    ASSERT_OK(brood_value_create(&y, 'd', &third));
    ASSERT_OK(brood_array_create(&all, 'd', COUNT, start));
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, doubles, "AAA", x, y, all), BROOD_OK);
    process_ends_with(p, 0);
    CU_ASSERT_EQUAL(*(int32_t *)brood_array_data(x), 14);
    CU_ASSERT_EQUAL(*(double *)brood_array_data(y), 2 * third);
    for (int i = 0; i < COUNT; i++)
        wrong += ((double *)brood_array_data(all))[i] != (double)(COUNT - 1 - i);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(start[0], 0); // it was copied
    brood_array_destroy(x);
    brood_array_destroy(y);
    brood_array_destroy(all);
}

/** "AC": makes the value 1 under its own lock, and says so. */
static int sets_and_notifies(brood_message *args, brood_message *result)
{
    brood_array *value = NULL;
    brood_condition *cond = NULL;
    int status = brood_unpack(args, "AC", &value, &cond);
    (void)result;
    if (!status)
        status = brood_lock_acquire(brood_array_lock(value), LONG_WAIT);
    if (!status) {
        *(int32_t *)brood_array_data(value) = 1;
        status = brood_condition_notify(cond, 1);
    }
    if (!status)
        status = brood_lock_release(brood_array_lock(value));
    brood_condition_destroy(cond);
    brood_array_destroy(value);
    return status;
}

// get_lock is a lock like any other: a condition takes it.
static void test_getobj_getlock(void)
{
    brood_array *value = NULL;
    brood_condition *cond = NULL;
    brood_process *p = NULL;
    ASSERT_OK(brood_value_create(&value, 'i', NULL));
    ASSERT_OK(brood_condition_create(&cond));
    brood_lock *lock = brood_array_lock(value);
    CU_ASSERT_PTR_EQUAL(lock, brood_array_lock(value));
    ASSERT_OK(brood_lock_acquire(lock, 0));
    ASSERT_OK(brood_lock_acquire(lock, 0)); // a recursive one
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, sets_and_notifies, "AC", value, cond), BROOD_OK);
    int status = BROOD_OK;
    while (!status && *(int32_t *)brood_array_data(value) == 0)
        status = brood_condition_wait(cond, lock, LONG_WAIT);
    CU_ASSERT_EQUAL(status, BROOD_OK);
    CU_ASSERT_EQUAL(*(int32_t *)brood_array_data(value), 1);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_lock_release(lock));
    process_ends_with(p, 0);
    brood_condition_destroy(cond);
    brood_array_destroy(value);
}

static void test_array_from_size(void)
{
    brood_array *array = NULL;
    ASSERT_OK(brood_array_create(&array, 'i', 10, NULL));
    int32_t *elements = brood_array_data(array);
    for (int i = 0; i < 10; i++) {
        CU_ASSERT_EQUAL(elements[i], 0);
        elements[i] = i;
    }
    CU_ASSERT_EQUAL(brood_array_count(array), 10);
    brood_array_destroy(array);
}

/* --------------------------------------------------------- _TestSharedMemory */

static const char *fresh_name(char *name, size_t cap, const char *word)
{
    snprintf(name, cap, "%s-%lld", word, (long long)brd_os_pid());
    return name;
}

static void test_shared_memory_basics(void)
{
    char name[64];
    brood_shared *sms = NULL, *also = NULL;
    ASSERT_OK(brood_shared_create(&sms, 512, BROOD_SHARED(.name = fresh_name(name, 64, "basics"))));
    unsigned char *one = brood_shared_data(sms);
    one[0] = 42;
    ASSERT_OK(brood_shared_attach(&also, name));
    unsigned char *other = brood_shared_data(also);
    CU_ASSERT(other[0] == 42 && one != other);
    other[0] = 43;
    CU_ASSERT_EQUAL(one[0], 43);
    CU_ASSERT_EQUAL(brood_shared_size(also), 512); // S89: exactly that, not rounded up
    brood_shared_destroy(also);
    CU_ASSERT_EQUAL(brood_shared_create(&also, 512, BROOD_SHARED(.name = name)), BROOD_EBUSY);
    brood_shared_destroy(sms);
    CU_ASSERT_EQUAL(brood_shared_attach(&also, name), BROOD_ECLOSED);
}

static void test_shared_memory_recreate(void)
{
    char name[64];
    fresh_name(name, sizeof name, "recreate");
    for (int i = 0; i < 2; i++) {
        brood_shared *sms = NULL;
        ASSERT_OK(brood_shared_create(&sms, 1, BROOD_SHARED(.name = name)));
        CU_ASSERT_EQUAL(*(char *)brood_shared_data(sms), 0);
        *(char *)brood_shared_data(sms) = 1;
        ASSERT_OK(brood_shared_unlink(sms));
        CU_ASSERT_EQUAL(*(char *)brood_shared_data(sms), 1); // the memory stays
        brood_shared_destroy(sms);
    }
}

/** "s": attaches, writes, and closes its own. */
static int writes_by_name(brood_message *args, brood_message *result)
{
    brood_shared *sms = NULL;
    const char *name = NULL;
    int status = brood_unpack(args, "s", &name);
    (void)result;
    if (!status)
        status = brood_shared_attach(&sms, name);
    if (!status)
        ((unsigned char *)brood_shared_data(sms))[10] = 99;
    brood_shared_destroy(sms);
    return status;
}

// S89: who attaches and ends takes nothing away, as CPython's tracker does.
static void test_shared_memory_across_processes(void)
{
    char name[64];
    brood_shared *sms = NULL, *again = NULL;
    ASSERT_OK(brood_shared_create(&sms, 64, BROOD_SHARED(.name = fresh_name(name, 64, "across"))));
    for (int i = 0; i < 2; i++) {
        brood_process *p = NULL;
        ((unsigned char *)brood_shared_data(sms))[10] = 0;
        CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, writes_by_name, "s", name), BROOD_OK);
        process_ends_with(p, 0);
        CU_ASSERT_EQUAL(((unsigned char *)brood_shared_data(sms))[10], 99);
    }
    ASSERT_OK(brood_shared_attach(&again, name));
    brood_shared_destroy(again);
    brood_shared_destroy(sms);
}

// Not by its name: what is in the message is the memory itself, also after unlink.
static void test_shared_memory_pickle_unpickle(void)
{
    char name[64];
    brood_shared *sms = NULL, *other = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_shared_create(&sms, 512, BROOD_SHARED(.name = fresh_name(name, 64, "pickle"))));
    memcpy(brood_shared_data(sms), "pickle", 7);
    ASSERT_OK(brood_pack(&m, "M", sms));
    ASSERT_OK(brood_shared_unlink(sms));
    CU_ASSERT_EQUAL_FATAL(brood_unpack(&m, "M", &other), BROOD_OK);
    CU_ASSERT_STRING_EQUAL((char *)brood_shared_data(other), "pickle");
    brood_shared_destroy(sms);
    CU_ASSERT_STRING_EQUAL((char *)brood_shared_data(other), "pickle");
    CU_ASSERT_EQUAL(brood_shared_size(other), 512);
    brood_shared_destroy(other);
    brood_message_clear(&m);
}

static const test_case cases[] = {
    TEST_CASE(test_sharedctypes),
    TEST_CASE(test_getobj_getlock),
    TEST_CASE(test_array_from_size),
    TEST_CASE(test_shared_memory_basics),
    TEST_CASE(test_shared_memory_recreate),
    TEST_CASE(test_shared_memory_across_processes),
    TEST_CASE(test_shared_memory_pickle_unpickle),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "shared", cases);
}
