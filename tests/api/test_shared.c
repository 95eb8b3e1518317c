/*
 * Blocks, arrays, values and atomic integers, as their header promises them. Run on every
 * system from this one source. The one thing to know: that two processes have one memory is
 * seen by writing in one and reading in the other, at once and in both directions.
 */
#include "api/pools.h"

#include <stdalign.h>

#define LONG test_ms(60000)

enum { SIZE = 3 * 1024 * 1024 + 7, TURNS = 1000, PROCESSES = 3 };

/* -------------------------------------------------------- in other processes */

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 4096);
}

static bool holds_pattern(const unsigned char *bytes, size_t size)
{
    size_t wrong = 0;
    for (size_t i = 0; i < size; i++)
        wrong += bytes[i] != byte_at(i);
    return wrong == 0;
}

static void fill_pattern(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = byte_at(i);
}

/** "M": what is in it must be the pattern; turns every byte round. */
static int inverts(brood_message *args, brood_message *result)
{
    brood_shared *block = NULL;
    int status = brood_unpack(args, "M", &block);
    (void)result;
    if (status)
        return status;
    unsigned char *bytes = brood_shared_data(block);
    size_t size = brood_shared_size(block);
    if (!holds_pattern(bytes, size))
        status = brood_fail("it is another memory");
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)~bytes[i];
    brood_shared_destroy(block);
    return status;
}

/** "t": makes a block of that size, built in place, and gives it back. */
static int builds(brood_message *args, brood_message *result)
{
    brood_shared *block = NULL;
    uint64_t size = 0;
    int status = brood_unpack(args, "t", &size);
    if (!status)
        status = brood_shared_create(&block, (size_t)size, NULL);
    if (!status) {
        fill_pattern(brood_shared_data(block), (size_t)size);
        status = brood_pack(result, "M", block);
    }
    brood_shared_destroy(block);
    return status;
}

/** "p": sends back the block that it receives, with its first byte one more. */
static int passes_on(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    brood_shared *block = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    if (!status)
        status = brood_pipe_recv(pipe, &m, LONG);
    if (!status)
        status = brood_unpack(&m, "M", &block);
    if (!status) {
        ++*(unsigned char *)brood_shared_data(block);
        brood_message_clear(&m);
        status = brood_pack(&m, "M", block);
    }
    if (!status)
        status = brood_pipe_send(pipe, &m, LONG);
    if (!status) // what it sent is its own until it was received (Windows)
        status = brood_pipe_recv(pipe, &m, LONG);
    brood_message_clear(&m);
    brood_shared_destroy(block);
    brood_pipe_destroy(pipe);
    return status;
}

/** "s": finds the block by its name, and writes into it. */
static int attaches(brood_message *args, brood_message *result)
{
    brood_shared *block = NULL;
    const char *name = NULL;
    int status = brood_unpack(args, "s", &name);
    (void)result;
    if (!status)
        status = brood_shared_attach(&block, name);
    if (!status)
        memcpy(brood_shared_data(block), "found", 6);
    brood_shared_destroy(block);
    return status;
}

/** "sS": makes a block of that name, says so, and waits to be killed. */
static int names_and_dies(brood_message *args, brood_message *result)
{
    brood_shared *block = NULL;
    brood_semaphore *said = NULL;
    const char *name = NULL;
    int status = brood_unpack(args, "sS", &name, &said);
    (void)result;
    if (!status)
        status = brood_shared_create(&block, 5000, BROOD_SHARED(.name = name));
    if (!status) {
        memcpy(brood_shared_data(block), "made", 5);
        status = brood_semaphore_release(said);
    }
    while (!status && !brood_cancelled())
        moment();
    return status;
}

/** "AA": adds to each element under the lock, and to the value without one. */
static int adds(brood_message *args, brood_message *result)
{
    brood_array *array = NULL, *value = NULL;
    int status = brood_unpack(args, "AA", &array, &value);
    (void)result;
    if (status)
        return status;
    int32_t *elements = brood_array_data(array);
    for (int i = 0; !status && i < TURNS; i++) {
        status = brood_lock_acquire(brood_array_lock(array), LONG);
        for (size_t k = 0; !status && k < brood_array_count(array); k++)
            elements[k] += (int32_t)k + 1;
        if (!status)
            status = brood_lock_release(brood_array_lock(array));
        (void)brood_atomic_add(brood_array_data(value), 1);
    }
    brood_array_destroy(array);
    brood_array_destroy(value);
    return status;
}

/* -------------------------------------------------------------------- blocks */

static brood_shared *block_of(size_t size)
{
    brood_shared *block = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_shared_create(&block, size, NULL), BROOD_OK);
    return block;
}

static void a_block_has_what_was_asked_for(void)
{
    static const size_t sizes[] = {1, 63, 4096, 4097, SIZE};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        brood_shared *block = block_of(sizes[i]);
        unsigned char *bytes = brood_shared_data(block);
        size_t wrong = 0;
        CU_ASSERT_EQUAL(brood_shared_size(block), sizes[i]);
        CU_ASSERT_EQUAL((uintptr_t)bytes % 64, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            wrong += bytes[k] != 0;
        CU_ASSERT_EQUAL(wrong, 0);
        bytes[sizes[i] - 1] = 1;
        brood_shared_destroy(block);
    }
}

static void a_block_without_size_is_refused(void)
{
    brood_shared *block = NULL;
    CU_ASSERT_EQUAL(brood_shared_create(&block, 0, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_shared_create(NULL, 1, NULL), BROOD_EINVAL);
    CU_ASSERT_NOT_EQUAL(brood_shared_create(&block, SIZE_MAX, NULL), BROOD_OK);
    CU_ASSERT_NOT_EQUAL(brood_shared_create(&block, SIZE_MAX / 2 - 64, NULL), BROOD_OK);
    CU_ASSERT_PTR_NULL(block);
    CU_ASSERT_PTR_NULL(brood_shared_data(NULL));
    CU_ASSERT_EQUAL(brood_shared_size(NULL), 0);
    CU_ASSERT_EQUAL(brood_shared_unlink(NULL), BROOD_EINVAL);
    brood_shared_destroy(NULL);
}

static void a_task_fills_the_callers_block(void)
{
    brood_pool *pool = pool_of(2);
    brood_shared *block = block_of(SIZE);
    unsigned char *bytes = brood_shared_data(block);
    fill_pattern(bytes, SIZE);
    ASSERT_OK(brood_pool_run(pool, inverts, NULL, "M", block));
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (unsigned char)~bytes[i];
    CU_ASSERT(holds_pattern(bytes, SIZE));
    brood_shared_destroy(block);
    pool_end(pool);
}

static void a_result_brings_a_block(void)
{
    brood_pool *pool = pool_of(1);
    brood_shared *block = NULL;
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "t", (uint64_t)SIZE));
    ASSERT_OK(brood_pool_apply(pool, builds, &args, &result));
    CU_ASSERT_EQUAL_FATAL(brood_unpack(&result, "M", &block), BROOD_OK);
    brood_message_clear(&args);
    brood_message_clear(&result);
    pool_end(pool); // the block outlives who built it
    CU_ASSERT_EQUAL(brood_shared_size(block), SIZE);
    CU_ASSERT(holds_pattern(brood_shared_data(block), SIZE));
    brood_shared_destroy(block);
}

static void a_pipe_takes_blocks_both_ways(void)
{
    brood_pipe *here = NULL, *there = NULL;
    brood_process *p = NULL;
    brood_shared *block = block_of(100), *again = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL_FATAL(brood_pipe_create(&here, &there, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, passes_on, "p", there), BROOD_OK);
    ASSERT_OK(brood_pack(&m, "M", block));
    ASSERT_OK(brood_pipe_send(here, &m, LONG));
    brood_message_clear(&m);
    ASSERT_OK(brood_pipe_recv(here, &m, LONG));
    CU_ASSERT_EQUAL_FATAL(brood_unpack(&m, "M", &again), BROOD_OK);
    ASSERT_OK(brood_pipe_send_bytes(here, "ok", 3, LONG));
    unsigned char *one = brood_shared_data(block), *other = brood_shared_data(again);
    CU_ASSERT(one != other && *one == 1 && *other == 1);
    other[50] = 5; // two mappings of one memory
    CU_ASSERT_EQUAL(one[50], 5);
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 0);
    brood_process_destroy(p);
    brood_message_clear(&m);
    brood_pipe_destroy(here);
    brood_pipe_destroy(there);
    brood_shared_destroy(again);
    brood_shared_destroy(block);
}

/* --------------------------------------------------------------------- names */

static const char *fresh_name(char *name, size_t cap)
{
    static int made;
    snprintf(name, cap, "test-%lld.%d", (long long)brd_os_pid(), made++);
    return name;
}

static void a_name_leads_to_the_block(void)
{
    char name[64];
    brood_shared *block = NULL, *other = NULL;
    brood_process *p = NULL;
    fresh_name(name, sizeof name);
    CU_ASSERT_EQUAL(brood_shared_attach(&other, name), BROOD_ECLOSED);
    CU_ASSERT_EQUAL_FATAL(brood_shared_create(&block, 100, BROOD_SHARED(.name = name)), BROOD_OK);
    CU_ASSERT_EQUAL(brood_shared_create(&other, 100, BROOD_SHARED(.name = name)), BROOD_EBUSY);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, attaches, "s", name), BROOD_OK);
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 0);
    brood_process_destroy(p);
    CU_ASSERT_STRING_EQUAL((char *)brood_shared_data(block), "found");
    CU_ASSERT_EQUAL_FATAL(brood_shared_attach(&other, name), BROOD_OK);
    CU_ASSERT_EQUAL(brood_shared_size(other), 100);
    CU_ASSERT_EQUAL(brood_shared_unlink(other), BROOD_EINVAL);
    brood_shared_destroy(block);
    CU_ASSERT_STRING_EQUAL((char *)brood_shared_data(other), "found");
    CU_ASSERT_EQUAL(brood_shared_attach(&block, name), BROOD_ECLOSED);
    brood_shared_destroy(other);
}

static void a_name_is_taken_away(void)
{
    char name[64];
    brood_shared *first = NULL, *second = NULL, *found = NULL;
    fresh_name(name, sizeof name);
    CU_ASSERT_EQUAL_FATAL(brood_shared_create(&first, 1, BROOD_SHARED(.name = name)), BROOD_OK);
    ASSERT_OK(brood_shared_unlink(first));
    CU_ASSERT_EQUAL(brood_shared_unlink(first), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_shared_attach(&found, name), BROOD_ECLOSED);
    CU_ASSERT_EQUAL_FATAL(brood_shared_create(&second, 2, BROOD_SHARED(.name = name)), BROOD_OK);
    brood_shared_destroy(first); // the name is the second's now
    CU_ASSERT_EQUAL_FATAL(brood_shared_attach(&found, name), BROOD_OK);
    CU_ASSERT_EQUAL(brood_shared_size(found), 2);
    brood_shared_destroy(found);
    brood_shared_destroy(second);
}

static void some_names_are_none(void)
{
    static const char *const none[] = {"",
                                       "a/b",
                                       "../a",
                                       "a:b",
                                       "a\nb",
                                       "\xc3\xa4",
                                       "a23456789012345678901234567890123456789012345678901234567"
                                       "89012345"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        brood_shared *block = NULL;
        CU_ASSERT_EQUAL(brood_shared_create(&block, 1, BROOD_SHARED(.name = none[i])),
                        BROOD_EINVAL);
        CU_ASSERT_EQUAL(brood_shared_attach(&block, none[i]), BROOD_EINVAL);
        CU_ASSERT_PTR_NULL(block);
    }
}

static void the_name_of_the_dead_is_free(void)
{
    char name[64];
    brood_shared *seen = NULL, *block = NULL;
    brood_semaphore *said = NULL;
    brood_process *p = NULL;
    fresh_name(name, sizeof name);
    CU_ASSERT_EQUAL_FATAL(brood_semaphore_create(&said, 0, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, names_and_dies, "sS", name, said), BROOD_OK);
    ASSERT_OK(brood_semaphore_acquire(said, LONG));
    CU_ASSERT_EQUAL_FATAL(brood_shared_attach(&seen, name), BROOD_OK);
    ASSERT_OK(brood_process_kill(p));
    ASSERT_OK(brood_process_join(p, LONG));
    brood_process_destroy(p);
    CU_ASSERT_EQUAL(brood_shared_attach(&block, name), BROOD_ECLOSED);
    CU_ASSERT_EQUAL_FATAL(brood_shared_create(&block, 10, BROOD_SHARED(.name = name)), BROOD_OK);
    CU_ASSERT_STRING_EQUAL((char *)brood_shared_data(seen), "made"); // the memory is still there
    CU_ASSERT_EQUAL(((char *)brood_shared_data(block))[0], 0);
    brood_shared_destroy(seen);
    brood_shared_destroy(block);
    brood_semaphore_destroy(said);
}

/* ------------------------------------------------------- arrays and values */

static void elements_are_of_one_type(void)
{
    static const struct {
        char type;
        size_t size;
    } types[] = {{'y', 1}, {'n', 2}, {'q', 2}, {'i', 4}, {'u', 4}, {'x', 8}, {'t', 8}, {'d', 8}};
    static const double source[5] = {1.5, 2.5, 3.5, 4.5, 5.5};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        brood_array *a = NULL;
        CU_ASSERT_EQUAL_FATAL(brood_array_create(&a, types[i].type, 5, source), BROOD_OK);
        CU_ASSERT_EQUAL(brood_array_type(a), types[i].type);
        CU_ASSERT_EQUAL(brood_array_count(a), 5);
        CU_ASSERT_EQUAL((uintptr_t)brood_array_data(a) % 64, 0);
        CU_ASSERT_EQUAL(memcmp(brood_array_data(a), source, 5 * types[i].size), 0);
        brood_array_destroy(a);
    }
}

static void other_arrays_are_refused(void)
{
    brood_array *a = NULL;
    static const char letters[] = "bshpLz( ";
    for (const char *at = letters; *at; at++)
        CU_ASSERT_EQUAL(brood_array_create(&a, *at, 1, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_array_create(&a, '\0', 1, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_array_create(&a, 'i', 0, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_array_create(NULL, 'i', 1, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_array_create(&a, 'd', SIZE_MAX / 4, NULL), BROOD_ENOMEM);
    CU_ASSERT_PTR_NULL(brood_array_data(NULL));
    CU_ASSERT_PTR_NULL(brood_array_lock(NULL));
    CU_ASSERT_EQUAL(brood_array_count(NULL), 0);
    brood_array_destroy(NULL);
}

static void processes_add_under_the_lock(void)
{
    brood_array *array = NULL, *value = NULL;
    brood_process *all[PROCESSES] = {NULL};
    const int64_t start = 40;
    CU_ASSERT_EQUAL_FATAL(brood_array_create(&array, 'i', 4, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_value_create(&value, 'x', &start), BROOD_OK);
    for (int i = 0; i < PROCESSES; i++)
        ASSERT_OK(brood_process_call(&all[i], adds, "AA", array, value));
    for (int i = 0; i < PROCESSES; i++) {
        ASSERT_OK(brood_process_join(all[i], LONG));
        CU_ASSERT_EQUAL(brood_process_exit(all[i]).code, 0);
        brood_process_destroy(all[i]);
    }
    const int32_t *elements = brood_array_data(array);
    for (int k = 0; k < 4; k++)
        CU_ASSERT_EQUAL(elements[k], PROCESSES * TURNS * (k + 1));
    CU_ASSERT_EQUAL(brood_atomic_load(brood_array_data(value)), 40 + PROCESSES * TURNS);
    brood_array_destroy(array);
    brood_array_destroy(value);
}

static void the_lock_belongs_to_the_array(void)
{
    brood_array *a = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL_FATAL(brood_array_create(&a, 'y', 1, NULL), BROOD_OK);
    brood_lock *lock = brood_array_lock(a);
    CU_ASSERT_EQUAL(brood_pack(&m, "L", lock), BROOD_ENOTSUP);
    brood_lock_destroy(lock); // does nothing
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_lock_acquire(lock, 0));
    ASSERT_OK(brood_pack(&m, "A", a));
    brood_array *other = NULL;
    ASSERT_OK(brood_unpack(&m, "A", &other));
    CU_ASSERT_TRUE(brood_lock_is_locked(brood_array_lock(other)));
    brood_array_destroy(a); // gives it back
    CU_ASSERT_FALSE(brood_lock_is_locked(brood_array_lock(other)));
    brood_array_destroy(other);
    brood_message_clear(&m);
}

static void integers_change_in_one_piece(void)
{
    alignas(8) int64_t n = 5;
    int64_t expected = 4;
    CU_ASSERT_EQUAL(brood_atomic_load(&n), 5);
    brood_atomic_store(&n, 6);
    CU_ASSERT_EQUAL(brood_atomic_add(&n, -10), 6);
    CU_ASSERT_EQUAL(brood_atomic_exchange(&n, 7), -4);
    CU_ASSERT_EQUAL(brood_atomic_compare_exchange(&n, &expected, 8), 0);
    CU_ASSERT_EQUAL(expected, 7);
    CU_ASSERT_EQUAL(brood_atomic_compare_exchange(&n, &expected, 8), 1);
    CU_ASSERT_EQUAL(n, 8);
}

static const test_case cases[] = {
    TEST_CASE(a_block_has_what_was_asked_for),
    TEST_CASE(a_block_without_size_is_refused),
    TEST_CASE(a_task_fills_the_callers_block),
    TEST_CASE(a_result_brings_a_block),
    TEST_CASE(a_pipe_takes_blocks_both_ways),
    TEST_CASE(a_name_leads_to_the_block),
    TEST_CASE(a_name_is_taken_away),
    TEST_CASE(some_names_are_none),
    TEST_CASE(the_name_of_the_dead_is_free),
    TEST_CASE(elements_are_of_one_type),
    TEST_CASE(other_arrays_are_refused),
    TEST_CASE(processes_add_under_the_lock),
    TEST_CASE(the_lock_belongs_to_the_array),
    TEST_CASE(integers_change_in_one_piece),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "shared", cases);
}
