/*
 * Parents that go without a word: none of their workers and processes is left after a
 * second, whatever it was doing. Run on every system from this one source. The one thing to know:
 * the parent is a child of this test, and its workers are watched as processes, by number.
 */
#include "api/pools.h"
#include "fault/acts.h"
#include <brood/process.h>

enum { WORKERS = 4, PROCESSES = 3, CHILDREN = WORKERS + PROCESSES };

/** What the parent tells: who its workers and processes are. */
typedef struct report {
    int64_t pids[CHILDREN];
    uint32_t count;
} report;

/* ------------------------------------------------------------- in workers */

static int tell_pid(brood_message *args)
{
    const char *path;
    int32_t index;
    char name[1100];
    int status = brood_unpack(args, "si", &path, &index);
    if (status)
        return status;
    gate_name(name, sizeof name, path, index);
    FILE *file = fopen(name, "wb");
    if (!file)
        return 1;
    fprintf(file, "%lld\n", (long long)brd_os_pid());
    fclose(file);
    return 0;
}

static volatile uint64_t turns;

static int is_busy_for_ever(brood_message *args, brood_message *result)
{
    (void)result;
    if (tell_pid(args))
        return 1;
    act_block_signals();
    while (turns != UINT64_MAX)
        turns = turns + 1;
    return 0;
}

static int block_for_ever(void)
{
    brd_mutex mutex;
    brd_cond cond;
    if (brd_os_mutex_init(&mutex) || brd_os_cond_init(&cond))
        return 1;
    brd_os_mutex_lock(&mutex);
    while (turns != UINT64_MAX)
        (void)brd_os_cond_wait(&cond, &mutex, BRD_FOREVER);
    return 0;
}

static int is_blocked_for_ever(brood_message *args, brood_message *result)
{
    (void)result;
    return tell_pid(args) ? 1 : block_for_ever();
}

static int is_stopped_for_ever(brood_message *args, brood_message *result)
{
    (void)result;
    if (tell_pid(args))
        return 1;
    (void)act_stop(brd_os_pid());
    return block_for_ever(); // where nothing can stop it
}

/* ------------------------------------------------------------- the parent */

static int64_t read_pid(const gate *g, int32_t index)
{
    char name[1100];
    char line[32] = "";
    int64_t pid = 0;
    brd_time until = test_deadline(20000);
    gate_name(name, sizeof name, g->path, index);
    while (!pid && brd_os_now() < until) {
        FILE *file = fopen(name, "rb");
        if (file && fgets(line, sizeof line, file) && strchr(line, '\n'))
            pid = strtoll(line, NULL, 10);
        if (file)
            fclose(file);
        moment();
    }
    remove(name);
    return pid;
}

// The system lets go on what is stopped when its parent ends, but not what stops later: this is
// before, so that it is the one that is tried.
static void await_stop(brood_function *function, int64_t pid)
{
    brd_time until = test_deadline(20000);
    while (function == is_stopped_for_ever && !act_is_stopped(pid) && brd_os_now() < until)
        moment();
}

static void occupy(brood_pool *pool, brood_function *function, const gate *g, report *r)
{
    brood_message args = BROOD_MESSAGE_INIT;
    int32_t index = (int32_t)r->count;
    TEST_CHILD_CHECK(brood_pack(&args, "si", g->path, index) == 0);
    TEST_CHILD_CHECK(brood_pool_apply_async(pool, function, &args, NULL, NULL) == 0);
    r->pids[r->count++] = read_pid(g, index);
    TEST_CHILD_CHECK(r->pids[r->count - 1] > 0);
    await_stop(function, r->pids[r->count - 1]);
    brood_message_clear(&args);
}

static void start(brood_process **p, brood_function *function, const gate *g, report *r)
{
    brood_message args = BROOD_MESSAGE_INIT;
    int32_t index = (int32_t)r->count;
    TEST_CHILD_CHECK(brood_pack(&args, "si", g->path, index) == 0);
    TEST_CHILD_CHECK(brood_process_create(p, function, &args, NULL) == 0);
    TEST_CHILD_CHECK(brood_process_start(*p) == 0);
    r->pids[r->count++] = read_pid(g, index);
    TEST_CHILD_CHECK(r->pids[r->count - 1] == brood_process_pid(*p));
    await_stop(function, r->pids[r->count - 1]);
    brood_message_clear(&args);
}

// But not out of reach: that is no leak.
static brood_pool *volatile forgotten;
static brood_process *forgotten_too[PROCESSES];

/** argv: what to do when all is told, then the channel. */
static int child_parent(int argc, char **argv)
{
    brood_pool *pool = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    brd_chan *chan = NULL;
    report r = {{0}, 0};
    char byte;
    gate g;
    TEST_CHILD_CHECK(argc == 2);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&chan, test_handle(argv[1])) == 0);
    gate_make(&g);
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = WORKERS)) == 0);
    forgotten = pool;
    occupy(pool, is_busy_for_ever, &g, &r);
    occupy(pool, is_blocked_for_ever, &g, &r);
    occupy(pool, is_stopped_for_ever, &g, &r);
    TEST_CHILD_CHECK(brood_pool_apply(pool, own_pid, NULL, &result) == 0);
    TEST_CHILD_CHECK(brood_unpack(&result, "x", &r.pids[r.count++]) == 0);
    // No thread of the parent is theirs; that which is stopped the system lets go on.
    start(&forgotten_too[0], is_busy_for_ever, &g, &r);
    start(&forgotten_too[1], is_blocked_for_ever, &g, &r);
    start(&forgotten_too[2], is_stopped_for_ever, &g, &r);
    TEST_CHILD_CHECK(test_write_all(chan, &r, sizeof r) == 0);
    (void)test_read_all(chan, &byte, 1); // until the test says go, or kills
    brd_os_chan_close(&chan);
    if (strcmp(argv[0], "exit") == 0)
        exit(7);
    if (strcmp(argv[0], "abort") == 0)
        abort();
    return forgotten ? 7 : 1; // as main would that ends without a word
}

/* --------------------------------------------------------------- the tests */

typedef struct family {
    brd_proc parent;
    brd_chan *chan;
    act_watch workers[CHILDREN];
} family;

static void family_start(family *f, const char *last_act)
{
    report r = {{0}, 0};
    brd_handle theirs = BRD_NONE;
    test_start how = {.child = "parent", .args = {last_act}, .inherit = &theirs, .ninherit = 1};
    *f = (family){0};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&f->chan, &theirs), 0);
    how.channel = f->chan;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&f->parent, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(test_read_all(f->chan, &r, sizeof r), 0);
    CU_ASSERT_EQUAL(r.count, CHILDREN);
    for (uint32_t i = 0; i < CHILDREN; i++) {
        CU_ASSERT(act_watch_open(&f->workers[i], r.pids[i]));
        CU_ASSERT_FALSE(act_watch_gone(&f->workers[i], 0));
        for (uint32_t k = 0; k < i; k++)
            CU_ASSERT_NOT_EQUAL(r.pids[i], r.pids[k]);
    }
}

/** Within a second of now none is left. */
static void family_check_gone(family *f)
{
    brd_time until = test_deadline(1000);
    for (uint32_t i = 0; i < CHILDREN; i++) {
        bool gone = act_watch_gone(&f->workers[i], until);
        CU_ASSERT(gone);
        if (!gone)
            (void)act_kill(f->workers[i].pid);
        act_watch_close(&f->workers[i]);
    }
    brd_os_chan_close(&f->chan);
}

static void the_parent_is_killed(void)
{
    family f;
    family_start(&f, "none");
    // By its number: a kill of its job would take the workers along by itself.
    CU_ASSERT(act_kill(f.parent.pid));
    family_check_gone(&f);
    (void)test_end(&f.parent);
}

static void the_parent_goes(const char *last_act, int64_t code)
{
    family f;
    family_start(&f, last_act);
    CU_ASSERT_EQUAL(test_write_all(f.chan, "g", 1), 0);
    int64_t ended = test_end(&f.parent);
    if (code >= 0)
        CU_ASSERT_EQUAL(ended, code);
    family_check_gone(&f);
}

static void the_parent_exits(void)
{
    the_parent_goes("exit", 7);
}

static void the_parent_returns_from_main(void)
{
    the_parent_goes("return", 7);
}

static void the_parent_aborts(void)
{
    the_parent_goes("abort", -1);
}

/* ------------------------------------------- the thread that made the pool */

static void make_pool(void *baton)
{
    (void)brood_pool_create(baton, BROOD_POOL(.processes = 2));
}

static void the_thread_that_made_the_pool_ends(void)
{
    brood_pool *pool = NULL;
    brd_thread thread = {0};
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t before = 0, after = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, make_pool, &pool), 0);
    brd_os_thread_join(&thread);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
    ASSERT_OK(brood_pool_apply(pool, own_pid, NULL, &result));
    ASSERT_OK(brood_unpack(&result, "x", &before));
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(apply_number(pool, square, i), (int64_t)i * i);
    act_watch watch;
    CU_ASSERT(act_watch_open(&watch, before));
    CU_ASSERT_FALSE(act_watch_gone(&watch, brd_os_now() + 50 * BRD_MS));
    act_watch_close(&watch);
    ASSERT_OK(brood_pool_apply(pool, own_pid, NULL, &result));
    ASSERT_OK(brood_unpack(&result, "x", &after));
    CU_ASSERT(after > 0);
    brood_message_clear(&result);
    pool_end(pool);
}

static const test_case cases[] = {
    TEST_CASE(the_parent_is_killed),
    TEST_CASE(the_parent_exits),
    TEST_CASE(the_parent_returns_from_main),
    TEST_CASE(the_parent_aborts),
    TEST_CASE(the_thread_that_made_the_pool_ends),
    TEST_CHILD("parent", child_parent),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "parent_death", cases);
}
