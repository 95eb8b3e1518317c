/**
 * What the suites of pools share: functions for workers, and a gate that holds a task
 * until the test lets it go.
 *
 * The one thing to know about gates: they are files, so that they need nothing of what is
 * tested; both sides look for them again and again, and here is the only place that does.
 */
#ifndef BRD_TESTS_POOLS_H
#define BRD_TESTS_POOLS_H

#include "harness.h"

#include <brood/brood.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASSERT_OK(call) CU_ASSERT_EQUAL((call), BROOD_OK)

/** For tests of what only a program that is started again can be or do. */
static inline void needs_spawn(void)
{
    if (brood_get_start_method() != BROOD_SPAWN)
        TEST_SKIP("children are forked here");
}

/* ------------------------------------------------------------------- gates */

typedef struct gate {
    char path[1024];
} gate;

/** Lets others run for a moment between two looks. */
static inline void moment(void)
{
    brd_mutex mutex;
    brd_cond cond;
    if (brd_os_mutex_init(&mutex) || brd_os_cond_init(&cond))
        return;
    brd_os_mutex_lock(&mutex);
    (void)brd_os_cond_wait(&cond, &mutex, brd_os_now() + 2 * BRD_MS);
    brd_os_mutex_unlock(&mutex);
    brd_os_cond_clear(&cond);
    brd_os_mutex_clear(&mutex);
}

static inline bool file_exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file)
        fclose(file);
    return file != NULL;
}

static inline void file_touch(const char *path)
{
    FILE *file = fopen(path, "ab");
    if (!file)
        return;
    fputc('x', file);
    fclose(file);
}

static inline long file_size(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = 0;
    if (!file)
        return 0;
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    fclose(file);
    return size;
}

static inline bool await_file(const char *path, int ms)
{
    brd_time until = test_deadline(ms);
    while (!file_exists(path) && brd_os_now() < until)
        moment();
    return file_exists(path);
}

/** A closed gate. To be removed with gate_remove when nobody can stand before it. */
static inline void gate_make(gate *g)
{
    static int made;
    char self[900] = "gate";
    (void)brd_os_self_path(self, sizeof self);
    snprintf(g->path, sizeof g->path, "%s.%lld.%d", self, (long long)brd_os_pid(), made++);
}

static inline void gate_name(char *name, size_t cap, const char *path, int32_t index)
{
    snprintf(name, cap, "%s.in%d", path, (int)index);
}

static inline void gate_open(const gate *g)
{
    file_touch(g->path);
}

/** The arguments of a task that passes the gate as number `index`. */
static inline void gate_pack(const gate *g, int32_t index, brood_message *args)
{
    brood_message_clear(args);
    CU_ASSERT_EQUAL(brood_pack(args, "si", g->path, index), BROOD_OK);
}

/** Waits until the task with this index stands at the gate. */
static inline bool gate_await(const gate *g, int32_t index)
{
    char name[1100];
    gate_name(name, sizeof name, g->path, index);
    return await_file(name, 20000);
}

static inline void gate_remove(const gate *g, int32_t count)
{
    char name[1100];
    remove(g->path);
    for (int32_t i = 0; i < count; i++) {
        gate_name(name, sizeof name, g->path, i);
        remove(name);
    }
}

/** In a worker: says that it is here, and waits until the gate is open. */
static inline int gate_pass(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    int status = brood_unpack(args, "si", &path, &index);
    if (status)
        return status;
    gate_name(name, sizeof name, path, index);
    file_touch(name);
    if (!await_file(path, 60000))
        return brood_fail("nobody opened the gate");
    return brood_pack(result, "x", brd_os_pid());
}

/* --------------------------------------------------- functions for workers */

static inline int square(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "x", (int64_t)n * n);
}

static inline int own_pid(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", brd_os_pid());
}

static inline int echo(brood_message *args, brood_message *result)
{
    size_t size;
    const void *bytes = brood_message_bytes(args, &size);
    return brood_message_set(result, bytes, size);
}

/** Fails with a text that carries its number if that is odd. */
static inline int odd_fails(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    if (!status && n % 2)
        return brood_fail("%d is odd", (int)n);
    return status ? status : brood_pack(result, "x", (int64_t)n);
}

/* -------------------------------------------------------------- in the test */

/** Applies a function of "i" that answers "x". */
static inline int64_t apply_number(brood_pool *pool, brood_function *function, int32_t n)
{
    int64_t value = -1;
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_pack(&args, "i", n), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pool_apply(pool, function, &args, &result), BROOD_OK);
    CU_ASSERT_EQUAL(brood_unpack(&result, "x", &value), BROOD_OK);
    brood_message_clear(&args);
    brood_message_clear(&result);
    return value;
}

/** The same, to be asked for later. */
static inline brood_future *hand_in_number(brood_pool *pool, brood_function *function, int32_t n)
{
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_pack(&args, "i", n), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pool_apply_async(pool, function, &args, NULL, &future), BROOD_OK);
    brood_message_clear(&args);
    return future;
}

/** Gets an "x" and destroys the future; the status of the get if it fails. */
static inline int take_number(brood_future *future, int64_t *value)
{
    brood_message result = BROOD_MESSAGE_INIT;
    int status = brood_future_get(future, BROOD_FOREVER, &result);
    if (!status)
        status = brood_unpack(&result, "x", value);
    brood_message_clear(&result);
    brood_future_destroy(future);
    return status;
}

/** A task that stands at the gate, running. */
static inline brood_future *stand_at_gate(brood_pool *pool, const gate *g, int32_t index)
{
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_pack(g, index, &args);
    CU_ASSERT_EQUAL(brood_pool_apply_async(pool, gate_pass, &args, NULL, &future), BROOD_OK);
    CU_ASSERT(gate_await(g, index));
    brood_message_clear(&args);
    return future;
}

static inline brood_pool *pool_of(uint32_t processes)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = processes));
    if (status)
        fprintf(stderr, "no pool: %d, %s\n", status, brood_status_text(status));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return pool;
}

/** Close, wait for the end, destroy: a pool that has nothing to hide. */
static inline void pool_end(brood_pool *pool)
{
    CU_ASSERT_EQUAL(brood_pool_close(pool), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pool_join(pool, test_ms(60000)), BROOD_OK);
    brood_pool_destroy(pool);
}

/** What the libraries below make on first use is made before anything is counted. */
static inline void pools_warm_up(void)
{
    test_census_counts before, after;
    brd_time until = test_deadline(500);
    brood_pool *pool = NULL;
    brood_lock *lock = NULL;
    test_census(&before);
    if (brood_pool_create(&pool, BROOD_POOL(.processes = 1)) == BROOD_OK)
        (void)brood_pool_apply(pool, own_pid, NULL, NULL);
    brood_pool_destroy(pool);
    if (brood_lock_create(&lock, NULL) == BROOD_OK) // the first random numbers
        brood_lock_destroy(lock);
    (void)brood_status_text(1); // thread-local: some compilers' first one makes a handle
    do {                        // a thread that was joined may be listed for a moment
        moment();
        test_census(&after);
    } while (after.threads > before.threads && brd_os_now() < until);
}

#endif
