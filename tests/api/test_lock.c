/*
 * Locks, as their header promises them. Run on every system from this one source. The one
 * thing to know: what holds or counts in another process is a function of the first part.
 */
#include "api/pools.h"

#define LONG test_ms(60000)

enum { TURNS = 100, PROCESSES = 4 };

/* -------------------------------------------------------- in other processes */

/** Takes the lock, says so, and waits to be killed. */
static int holds(brood_message *args, brood_message *result)
{
    brood_lock *lock = NULL;
    brood_pipe *pipe = NULL;
    int status = brood_unpack(args, "Lp", &lock, &pipe);
    (void)result;
    if (!status)
        status = brood_lock_acquire(lock, LONG);
    if (!status)
        status = brood_pipe_send_bytes(pipe, "held", 4, LONG);
    while (!status && !brood_cancelled())
        moment();
    brood_pipe_destroy(pipe);
    brood_lock_destroy(lock);
    return status;
}

/** One more than the file says; two at a time would lose some. */
static long read_number(const char *path)
{
    FILE *file = fopen(path, "rb");
    char digits[32] = "";
    if (!file)
        return 0;
    size_t size = fread(digits, 1, sizeof digits - 1, file);
    fclose(file);
    return size ? strtol(digits, NULL, 10) : 0;
}

static int count_one(const char *path)
{
    long number = read_number(path) + 1;
    FILE *file = fopen(path, "wb");
    if (!file)
        return BROOD_EBROKEN;
    fprintf(file, "%ld", number);
    return fclose(file) ? BROOD_EBROKEN : BROOD_OK;
}

/** Counts in a file that only who has the lock may touch. */
static int counts(brood_message *args, brood_message *result)
{
    brood_lock *lock = NULL;
    const char *path = NULL;
    int status = brood_unpack(args, "Ls", &lock, &path);
    (void)result;
    for (int i = 0; !status && i < TURNS; i++) {
        status = brood_lock_acquire(lock, LONG);
        if (!status)
            status = count_one(path);
        if (brood_lock_release(lock) && !status)
            status = BROOD_EINVAL;
    }
    brood_lock_destroy(lock);
    return status;
}

/* --------------------------------------------------------------------- tests */

static void is_taken_and_given_back(void)
{
    brood_lock *lock = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, NULL), BROOD_OK);
    CU_ASSERT_FALSE(brood_lock_is_locked(lock));
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_OK);
    CU_ASSERT_TRUE(brood_lock_is_locked(lock));
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, BROOD_FOREVER), BROOD_EBUSY);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_EINVAL);
    brood_lock_destroy(lock);
}

static void a_recursive_one_counts(void)
{
    brood_lock *lock = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, BROOD_LOCK(.recursive = 1)), BROOD_OK);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_OK);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_EINVAL);
    CU_ASSERT_FALSE(brood_lock_is_locked(lock));
    brood_lock_destroy(lock);
}

static void one_process_at_a_time(void)
{
    brood_lock *lock = NULL;
    brood_process *all[PROCESSES] = {NULL};
    gate file;
    gate_make(&file);
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, NULL), BROOD_OK);
    for (int i = 0; i < PROCESSES; i++)
        ASSERT_OK(brood_process_call(&all[i], counts, "Ls", lock, file.path));
    for (int i = 0; i < PROCESSES; i++) {
        ASSERT_OK(brood_process_join(all[i], LONG));
        CU_ASSERT_EQUAL(brood_process_exit(all[i]).code, 0);
        brood_process_destroy(all[i]);
    }
    CU_ASSERT_EQUAL(read_number(file.path), PROCESSES * TURNS);
    gate_remove(&file, 0);
    brood_lock_destroy(lock);
}

static void a_dead_owner_is_told(void)
{
    brood_lock *lock = NULL;
    brood_pipe *here = NULL, *there = NULL;
    brood_process *p = NULL;
    char word[8];
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(brood_lock_create(&lock, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_pipe_create(&here, &there, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, holds, "Lp", lock, there), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pipe_recv_bytes(here, word, sizeof word, &size, LONG), BROOD_OK);
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, 100), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_process_kill(p), BROOD_OK);
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, LONG), BROOD_EOWNERDEAD);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    CU_ASSERT_EQUAL(brood_lock_acquire(lock, LONG), BROOD_OK);
    CU_ASSERT_EQUAL(brood_lock_release(lock), BROOD_OK);
    CU_ASSERT_EQUAL(brood_process_join(p, LONG), BROOD_OK);
    brood_process_destroy(p);
    brood_pipe_destroy(here);
    brood_pipe_destroy(there);
    brood_lock_destroy(lock);
}

static const test_case cases[] = {
    TEST_CASE(is_taken_and_given_back),
    TEST_CASE(a_recursive_one_counts),
    TEST_CASE(one_process_at_a_time),
    TEST_CASE(a_dead_owner_is_told),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "lock", cases);
}
