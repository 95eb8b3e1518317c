/*
 * Libraries that are their loader's end, or never let go of it. Run on every system from
 * this one source. The one thing to know: the environment of a context tells the trap
 * (tests/modules) what to do in its workers; in this program it does nothing.
 */
#include "fault/acts.h"
#include "fault/methods.h"
#include "modules/shop.h"
#include <brood/process.h>

#define LONG test_ms(30000)

enum { TRAP_EXIT = 9, STAYING = 3 };

static const char *const deadly[] = {"BROOD_TEST_TRAP=exit", NULL};

/** NULL: it cannot be loaded. */
static void *load(const char *path, const char *symbol)
{
    char why[512] = "", full[1024] = "";
    void *code = NULL;
    int status = brd_os_file_path(path, false, full, sizeof full);
    if (!status)
        status = brd_os_module_load(full, symbol, &code, why, sizeof why);
    if (status || !code)
        fprintf(stderr, "%s: %s\n", path, *why ? why : brood_status_text(status));
    return status ? NULL : code;
}

static brood_function *load_trap(void)
{
    void *code = load(BROOD_TEST_TRAP, "trap_task");
    brood_function *task = NULL;
    memcpy(&task, &code, sizeof task);
    return task;
}

static brood_function *trap(void)
{
    brood_function *task = load_trap();
    CU_ASSERT_FATAL(task != NULL);
    return task;
}

/** The start methods whose children load what this program has loaded. */
static size_t loading_methods(brood_start_method all[3])
{
    size_t count = methods(all), kept = 0;
    for (size_t i = 0; i < count; i++)
        if (all[i] != BROOD_FORK)
            all[kept++] = all[i];
    return kept;
}

static brood_context *context_of(const brood_context_options *options)
{
    brood_context *context = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_context_create(&context, options), BROOD_OK);
    return context;
}

static brood_pool *pool_in(brood_context *context, brood_function *initializer)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(
        &pool, BROOD_POOL(.processes = 2, .context = context, .initializer = initializer));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return pool;
}

static void check_text(const char *text, const char *part)
{
    bool there = text && strstr(text, part);
    CU_ASSERT(there);
    if (!there)
        fprintf(stderr, "not \"%s\": %s\n", part, text ? text : "nothing");
}

/** How a task of a library that ends its loader fails, in time. */
static void check_deadly(brood_pool *pool, brood_function *function, int expected, const char *part)
{
    brood_future *future = hand_in_number(pool, function, 1);
    brood_message result = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_future_get(future, LONG, &result), expected);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL(error);
    if (error) {
        check_text(error->text, part);
        if (expected == BROOD_EWORKERLOST)
            CU_ASSERT_EQUAL(error->exit_code, TRAP_EXIT);
    }
    brood_message_clear(&result);
    brood_future_destroy(future);
}

// The others are not hurt, although their workers have heard of the trap.
static void fails_the_task_that_needs_it(void)
{
    brood_function *task = trap();
    brood_start_method all[3];
    size_t count = loading_methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i], .env = deadly));
        brood_pool *pool = pool_in(context, NULL);
        check_deadly(pool, task, BROOD_EWORKERLOST, "while it loaded ");
        check_deadly(pool, task, BROOD_EWORKERLOST, "trap");
        for (int k = 0; k < 20; k++)
            CU_ASSERT_EQUAL(apply_number(pool, square, k), (int64_t)k * k);
        pool_end(pool);
        brood_context_destroy(context);
    }
}

static void fails_every_item_of_a_map(void)
{
    enum { COUNT = 3 };
    static const int32_t in[COUNT] = {1, 2, 3};
    brood_function *task = trap();
    brood_context *context = context_of(BROOD_CONTEXT(.method = BROOD_SPAWN, .env = deadly));
    brood_pool *pool = pool_in(context, NULL);
    brood_results *out = NULL;
    CU_ASSERT_EQUAL(brood_pool_map(pool, task, brood_items_int32(in, COUNT),
                                   BROOD_MAP(.chunksize = COUNT), &out),
                    BROOD_EWORKERLOST);
    brood_results_destroy(out);
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    pool_end(pool);
    brood_context_destroy(context);
}

static void breaks_the_pool_that_begins_with_it(void)
{
    brood_function *task = trap();
    brood_context *context = context_of(BROOD_CONTEXT(.method = BROOD_SPAWN, .env = deadly));
    brood_pool *pool = pool_in(context, task);
    check_deadly(pool, square, BROOD_EBROKEN, "while it loaded ");
    brood_pool_destroy(pool);
    brood_context_destroy(context);
}

static void ends_the_process_that_needs_it(void)
{
    brood_function *task = trap();
    brood_context *context = context_of(BROOD_CONTEXT(.method = BROOD_SPAWN, .env = deadly));
    brood_process *p = NULL;
    ASSERT_OK(brood_process_create(&p, task, NULL, BROOD_PROCESS(.context = context)));
    ASSERT_OK(brood_process_start(p));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).code, TRAP_EXIT);
    brood_process_destroy(p);
    brood_context_destroy(context);
}

// The system's search for a name goes on in what a library depends on.
static void a_module_is_not_begun_for_another(void)
{
    brood_function *task = trap();
    const char *const modules[] = {BROOD_TEST_TRAP, NULL};
    brood_context *context = context_of(BROOD_CONTEXT(.method = BROOD_SPAWN, .modules = modules));
    brood_pool *pool = pool_in(context, NULL);
    ASSERT_OK(brood_pool_run(pool, task, NULL, ""));
    pool_end(pool);
    brood_context_destroy(context);
}

/* ------------------------------------------------- parents that are killed meanwhile */

/** What the parent tells of its children. */
typedef struct report {
    int64_t pids[STAYING];
} report;

// Out of the analyzers' reach: they are not lost, the parent is.
static brood_process *staying[STAYING];

static int idle(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return 0;
}

static void start(size_t index, brood_function *function, const char *const *modules, report *r)
{
    gate g;
    char file[1100];
    gate_make(&g);
    snprintf(file, sizeof file, "BROOD_TEST_TRAP_FILE=%s", g.path);
    const char *const env[] = {"BROOD_TEST_TRAP=stay", file, NULL};
    brood_context *context = NULL;
    TEST_CHILD_CHECK(brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_SPAWN, .env = env,
                                                                  .modules = modules)) == 0);
    TEST_CHILD_CHECK(brood_process_create(&staying[index], function, NULL,
                                          BROOD_PROCESS(.context = context)) == 0);
    TEST_CHILD_CHECK(brood_process_start(staying[index]) == 0);
    r->pids[index] = brood_process_pid(staying[index]);
    TEST_CHILD_CHECK(await_file(g.path, 20000));
    remove(g.path);
}

/** A worker of a plug-in, which loads the plug-in's copy of brood. It never comes up. */
static void run_plugin(void *baton)
{
    shop_answer answer;
    const shop *s = baton;
    (void)s->run(&(shop_order){.method = BROOD_SPAWN, .worker = BROOD_TEST_WORKER}, &answer);
}

static int64_t read_number(const char *path)
{
    char line[32] = "";
    int64_t number = 0;
    brd_time until = test_deadline(20000);
    while (!number && brd_os_now() < until) {
        FILE *file = fopen(path, "rb");
        if (file && fgets(line, sizeof line, file) && strchr(line, '\n'))
            number = strtoll(line, NULL, 10);
        if (file)
            fclose(file);
        moment();
    }
    return number;
}

static void start_plugin(size_t index, report *r)
{
    static brd_thread thread; // it goes with the process
    const char *path = getenv("BROOD_TEST_TRAP_FILE");
    void *code = load(BROOD_TEST_SHOP, "shop_open");
    shop_door *open = NULL;
    TEST_CHILD_CHECK(path && code);
    memcpy(&open, &code, sizeof open);
    FILE *asked = fopen(path, "wb"); // now that it is loaded here
    TEST_CHILD_CHECK(asked != NULL);
    fclose(asked);
    TEST_CHILD_CHECK(brd_os_thread_start(&thread, run_plugin, (void *)(uintptr_t)open()) == 0);
    r->pids[index] = read_number(path);
    remove(path);
    TEST_CHILD_CHECK(r->pids[index] > 0);
}

/** argv: the channel. */
static int child_parent(int argc, char **argv)
{
    static const char *const modules[] = {BROOD_TEST_TRAP, NULL};
    brd_chan *chan = NULL;
    report r = {{0}};
    char byte;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&chan, test_handle(argv[0])) == 0);
    start(0, idle, modules, &r);
    brood_function *task = load_trap();
    TEST_CHILD_CHECK(task != NULL);
    start(1, task, NULL, &r);
    start_plugin(2, &r);
    TEST_CHILD_CHECK(test_write_all(chan, &r, sizeof r) == 0);
    (void)test_read_all(chan, &byte, 1);
    return 1;
}

static void nothing_that_loads_outlives_its_parent(void)
{
    brd_proc parent = {0};
    brd_chan *chan = NULL;
    brd_handle theirs = BRD_NONE;
    report r = {{0}};
    act_watch watches[STAYING];
    gate g;
    char file[1100];
    gate_make(&g);
    snprintf(file, sizeof file, "BROOD_TEST_TRAP_FILE=%s", g.path);
    const char *const *env = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_env_make((const char *const[]){file, NULL}, &env), 0);
    test_start how = {.child = "parent", .inherit = &theirs, .ninherit = 1, .env = env};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&chan, &theirs), 0);
    how.channel = chan;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&parent, &how), 0);
    brd_os_env_free(env);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL_FATAL(test_read_all(chan, &r, sizeof r), 0);
    for (size_t i = 0; i < STAYING; i++)
        CU_ASSERT(act_watch_open(&watches[i], r.pids[i]));
    CU_ASSERT(act_kill(parent.pid));
    brd_time until = test_deadline(1000);
    for (size_t i = 0; i < STAYING; i++) {
        bool gone = act_watch_gone(&watches[i], until);
        CU_ASSERT(gone);
        if (!gone)
            (void)act_kill(r.pids[i]);
        act_watch_close(&watches[i]);
    }
    brd_os_chan_close(&chan);
    (void)test_end(&parent);
}

static const test_case cases[] = {
    TEST_CASE(fails_the_task_that_needs_it),
    TEST_CASE(fails_every_item_of_a_map),
    TEST_CASE(breaks_the_pool_that_begins_with_it),
    TEST_CASE(ends_the_process_that_needs_it),
    TEST_CASE(a_module_is_not_begun_for_another),
    TEST_CASE(nothing_that_loads_outlives_its_parent),
    TEST_CHILD("parent", child_parent),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "library", cases);
}
