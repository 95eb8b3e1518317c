/*
 * Start methods: what each is, and what none of them may do. Run on every system from
 * this one source. The one thing to know: a test asks for its methods by name in contexts
 * of its own, so that it does the same whatever the default is; what a system does not
 * have is skipped.
 */
#include "fault/acts.h"
#include "fault/methods.h"
#include <brood/process.h>
#include <stdatomic.h>

#define LONG test_ms(60000)

static bool is_here(brood_start_method method)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++)
        if (all[i] == method)
            return true;
    return false;
}

static void needs(brood_start_method method)
{
    if (!is_here(method))
        TEST_SKIP("this system forks no processes");
}

static brood_context *context_of(const brood_context_options *options)
{
    brood_context *context = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_context_create(&context, options), BROOD_OK);
    return context;
}

static brood_pool *pool_in(brood_context *context, uint32_t processes)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = processes, .context = context));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return pool;
}

/* -------------------------------------------------------------- the default */

static void spawn_comes_first(void)
{
    brood_start_method all[3] = {BROOD_DEFAULT_METHOD};
    size_t count = brood_all_start_methods(all, 3);
    CU_ASSERT(count == 1 || count == 3);
    CU_ASSERT_EQUAL(all[0], BROOD_SPAWN);
    CU_ASSERT_EQUAL(brood_all_start_methods(NULL, 0), count);
    CU_ASSERT_STRING_EQUAL(brood_start_method_name(BROOD_SPAWN), "spawn");
    CU_ASSERT_STRING_EQUAL(brood_start_method_name(BROOD_FORKSERVER), "forkserver");
    CU_ASSERT_STRING_EQUAL(brood_start_method_name(BROOD_FORK), "fork");
    CU_ASSERT_STRING_EQUAL(brood_start_method_name((brood_start_method)17), "unknown");
}

static int child_sets(int argc, char **argv)
{
    brood_start_method method = is_here(BROOD_FORK) ? BROOD_FORK : BROOD_SPAWN;
    (void)argc, (void)argv;
    TEST_CHILD_CHECK(brood_set_start_method((brood_start_method)17) == BROOD_EINVAL);
    TEST_CHILD_CHECK(brood_set_start_method(BROOD_DEFAULT_METHOD) == BROOD_EINVAL);
    if (brood_all_start_methods(NULL, 0) == 1)
        TEST_CHILD_CHECK(brood_set_start_method(BROOD_FORK) == BROOD_ENOTSUP);
    TEST_CHILD_CHECK(brood_set_start_method(method) == BROOD_OK);
    TEST_CHILD_CHECK(brood_get_start_method() == method);
    TEST_CHILD_CHECK(brood_set_start_method(BROOD_SPAWN) == BROOD_EBUSY);
    return 0;
}

static int child_uses_first(int argc, char **argv)
{
    brood_pool *pool = NULL;
    (void)argc, (void)argv;
    brood_start_method before = brood_get_start_method();
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = 1)) == BROOD_OK);
    TEST_CHILD_CHECK(brood_set_start_method(BROOD_SPAWN) == BROOD_EBUSY);
    TEST_CHILD_CHECK(brood_get_start_method() == before);
    brood_pool_destroy(pool);
    return 0;
}

static void the_default_is_set_once(void)
{
    static const char *const children[] = {"sets", "uses_first"};
    for (size_t i = 0; i < 2; i++) {
        brd_proc p = {0};
        CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &(test_start){.child = children[i]}), 0);
        CU_ASSERT_EQUAL(test_end(&p), 0);
    }
}

static int tell_method(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)brood_get_start_method());
}

// S3: a child's default is what started it; ours does not change by that.
static void children_have_the_method_that_made_them(void)
{
    brood_start_method all[3], own = brood_get_start_method();
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i]));
        brood_pool *pool = pool_in(context, 1);
        CU_ASSERT_EQUAL(run_number(pool, tell_method), (int64_t)all[i]);
        pool_end(pool);
        brood_context_destroy(context);
    }
    CU_ASSERT_EQUAL(brood_get_start_method(), own);
}

static void options_that_make_no_sense(void)
{
    brood_context *context = NULL;
    CU_ASSERT_EQUAL(brood_context_create(NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_context_create(&context, BROOD_CONTEXT(.method = (brood_start_method)17)),
                    BROOD_EINVAL);
    CU_ASSERT_EQUAL(
        brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_SPAWN, .preload = echo)),
        BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_context_create(
                        &context, BROOD_CONTEXT(.method = BROOD_FORK, .executable = "/bin/true")),
                    BROOD_EINVAL);
    if (brood_all_start_methods(NULL, 0) == 1)
        CU_ASSERT_EQUAL(brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_FORKSERVER)),
                        BROOD_ENOTSUP);
    CU_ASSERT_PTR_NULL(context);
}

/* ------------------------------------------------- what a child finds in memory */

static int64_t in_memory;

static int tell_memory(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", in_memory);
}

static int set_memory(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    in_memory = 1234;
    return BROOD_OK;
}

static int64_t memory_in_pool(brood_context *context)
{
    in_memory = 77;
    brood_pool *pool = pool_in(context, 1);
    in_memory = 78; // later than the pool: no worker of it can have seen that
    int64_t seen = run_number(pool, tell_memory);
    pool_end(pool);
    in_memory = 0;
    return seen;
}

static void only_a_fork_sees_memory(void)
{
    static const int64_t expected[] = {
        [BROOD_SPAWN] = 0, [BROOD_FORKSERVER] = 0, [BROOD_FORK] = 77};
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i]));
        CU_ASSERT_EQUAL(memory_in_pool(context), expected[all[i]]);
        brood_context_destroy(context);
    }
}

// All workers of a pool see the same moment, also one that comes later.
static void replaced_workers_see_the_same(void)
{
    needs(BROOD_FORK);
    brood_context *context = context_of(BROOD_CONTEXT(.method = BROOD_FORK));
    in_memory = 5;
    brood_pool *pool = pool_in(context, 1);
    in_memory = 6;
    int64_t pid = run_number(pool, own_pid);
    CU_ASSERT(act_kill(pid));
    int64_t seen = -1;
    brood_message result = BROOD_MESSAGE_INIT;
    while (brood_pool_run(pool, tell_memory, &result, "") == BROOD_EWORKERLOST)
        continue; // it was taken for alive
    ASSERT_OK(brood_unpack(&result, "x", &seen));
    CU_ASSERT_EQUAL(seen, 5);
    CU_ASSERT_NOT_EQUAL(run_number(pool, own_pid), pid);
    brood_message_clear(&result);
    pool_end(pool);
    brood_context_destroy(context);
    in_memory = 0;
}

static void a_forkserver_loads_once(void)
{
    needs(BROOD_FORKSERVER);
    brood_context *context = context_of(BROOD_CONTEXT(.preload = set_memory));
    brood_pool *pool = pool_in(context, 3), *second = pool_in(context, 1);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(run_number(i % 2 ? pool : second, tell_memory), 1234);
    pool_end(pool);
    pool_end(second);
    brood_context_destroy(context);
}

static int fails(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return brood_fail("nothing to load");
}

static int starts_a_thread(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return act_thread_start() ? BROOD_OK : 1;
}

static void a_forkserver_that_cannot_serve(void)
{
    static const struct {
        brood_function *preload;
        int status;
    } cases[] = {{fails, BROOD_ETASK}, {starts_a_thread, BROOD_ETHREADS}};
    needs(BROOD_FORKSERVER);
    for (size_t i = 0; i < 2; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.preload = cases[i].preload));
        brood_pool *pool = NULL;
        brood_process *p = NULL;
        CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .context = context)),
                        cases[i].status);
        CU_ASSERT_PTR_NULL(pool);
        ASSERT_OK(brood_process_create(&p, echo, NULL, BROOD_PROCESS(.context = context)));
        CU_ASSERT_EQUAL(brood_process_start(p), cases[i].status);
        brood_process_destroy(p);
        brood_context_destroy(context);
    }
}

/* ------------------------------------------------------------ with threads */

static void a_fork_needs_a_program_without_threads(void)
{
    needs(BROOD_FORK);
    brood_context *context = context_of(BROOD_CONTEXT(.method = BROOD_FORK));
    brood_context *anyway = context_of(BROOD_CONTEXT(.method = BROOD_FORK, .fork_anyway = 1));
    brood_pool *pool = NULL, *other = pool_in(context, 2); // which has threads too: brood's
    brood_process *p = NULL;
    if (!act_thread_start()) {
        pool_end(other);
        TEST_SKIP("no threads here");
    }
    CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.context = context)), BROOD_ETHREADS);
    CU_ASSERT_PTR_NOT_NULL(strstr(brood_status_text(BROOD_ETHREADS), "fork_anyway"));
    ASSERT_OK(brood_process_create(&p, echo, NULL, BROOD_PROCESS(.context = context)));
    CU_ASSERT_EQUAL(brood_process_start(p), BROOD_ETHREADS);
    brood_process_destroy(p);
    pool = pool_in(anyway, 1);
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    pool_end(pool);
    act_thread_end();
    pool = pool_in(context, 1);
    CU_ASSERT_EQUAL(apply_number(pool, square, 4), 16);
    pool_end(pool);
    pool_end(other);
    brood_context_destroy(context);
    brood_context_destroy(anyway);
}

/* ------------------------------------------------------- the server's own end */

static int returns_code(brood_message *args, brood_message *result)
{
    int32_t code;
    (void)result;
    int status = brood_unpack(args, "i", &code);
    return status ? status : code;
}

// parent of a worker: the server that forked it
static int tell_parent(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", act_parent());
}

static void a_forkserver_may_die(void)
{
    needs(BROOD_FORKSERVER);
    brood_start_method methods[] = {BROOD_FORKSERVER, BROOD_FORK};
    for (size_t i = 0; i < 2; i++) {
        gate g;
        gate_make(&g);
        brood_context *context = context_of(BROOD_CONTEXT(.method = methods[i]));
        brood_pool *pool = pool_in(context, 2);
        int64_t server = run_number(pool, tell_parent);
        CU_ASSERT_NOT_EQUAL(server, brood_pid());
        brood_future *held = stand_at_gate(pool, &g, 0);
        brood_future *lost = stand_at_gate(pool, &g, 1);
        act_watch gone;
        CU_ASSERT_FATAL(act_watch_open(&gone, server));
        CU_ASSERT(act_kill(server));
        CU_ASSERT(act_watch_gone(&gone, test_deadline(20000)));
        act_watch_close(&gone);
        // Its child, at the gate, is still there, and can be killed.
        ASSERT_OK(brood_future_cancel(lost));
        CU_ASSERT_EQUAL(brood_future_get(lost, LONG, NULL), BROOD_ECANCELLED);
        brood_future_destroy(lost);
        if (methods[i] == BROOD_FORKSERVER)
            for (int n = 0; n < 20; n++) // by a worker of the next server
                CU_ASSERT_EQUAL(apply_number(pool, square, n), n * n);
        gate_open(&g);
        int64_t pid = -1;
        ASSERT_OK(take_number(held, &pid));
        for (int n = 0; n < 20; n++) // by what is left
            CU_ASSERT_EQUAL(apply_number(pool, square, n), n * n);
        brood_pool_counts counts = brood_pool_count(pool);
        CU_ASSERT(counts.workers <= 2);
        pool_end(pool);
        gate_remove(&g, 2);
        brood_context_destroy(context);
    }
}

static void exits_are_true(void)
{
    static const struct {
        int32_t code;
        brood_exit_kind kind;
    } ends[] = {{0, BROOD_EXIT_CODE}, {7, BROOD_EXIT_CODE}};
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i]));
        for (size_t k = 0; k < 2; k++) {
            brood_process *p = NULL;
            brood_message args = BROOD_MESSAGE_INIT;
            ASSERT_OK(brood_pack(&args, "i", ends[k].code));
            ASSERT_OK(
                brood_process_create(&p, returns_code, &args, BROOD_PROCESS(.context = context)));
            ASSERT_OK(brood_process_start(p));
            ASSERT_OK(brood_process_join(p, LONG));
            brood_exit end = brood_process_exit(p);
            CU_ASSERT_EQUAL(end.kind, ends[k].kind);
            CU_ASSERT_EQUAL(end.code, ends[k].code);
            brood_process_destroy(p);
            brood_message_clear(&args);
        }
        brood_context_destroy(context);
    }
}

/* ------------------------------------------------------------ what they inherit */

static int tell_handles(brood_message *args, brood_message *result)
{
    test_census_counts counts;
    (void)args;
    test_census(&counts);
    return brood_pack(result, "x", (int64_t)counts.handles);
}

enum { CHILDREN = 20, STRANGERS = 50 };

// 50 handles of the host's would show, and so would two or three of each sibling's.
static void check_handles(int64_t seen, int64_t expected)
{
    test_census_counts counts;
    test_census(&counts);
    int64_t some = counts.may_shrink ? 12 : 0; // of the system's own, now and then
    if (seen < expected - some || seen > expected + some)
        printf("        %lld handles, not %lld\n", (long long)seen, (long long)expected);
    CU_ASSERT(seen >= expected - some && seen <= expected + some);
}

static void count_in_children(brood_context *context, int64_t more)
{
    brood_pool *pools[CHILDREN] = {NULL};
    intptr_t strangers[STRANGERS];
    pools[0] = pool_in(context, 1);
    int64_t first = run_number(pools[0], tell_handles);
    int opened = 0;
    while (opened < STRANGERS && act_open_inheritable(&strangers[opened]))
        opened++;
    CU_ASSERT_EQUAL(opened, STRANGERS);
    for (int k = 1; k < CHILDREN; k++) {
        pools[k] = pool_in(context, 1);
        check_handles(run_number(pools[k], tell_handles), first + more);
    }
    for (int k = 0; k < CHILDREN; k++)
        pool_end(pools[k]);
    while (opened)
        act_close((brd_handle){strangers[--opened]});
}

static int child_does_nothing(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 0;
}

/** A thread of the host's that starts other programs, one after the other. */
typedef struct starter {
    char self[4096];
    atomic_bool stop;
    atomic_int started;
} starter;

static void start_others(void *baton)
{
    starter *s = baton;
    while (!atomic_load(&s->stop) && act_run(s->self, "--child=does_nothing"))
        atomic_fetch_add(&s->started, 1);
}

// The same while another thread starts programs: a fork is of no use to such a host.
static void each_child_has_the_same_handles_meanwhile(void)
{
    static starter s;
    brd_thread thread = {0};
    brood_start_method all[3];
    size_t count = methods(all);
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(s.self, sizeof s.self), 0);
    for (size_t i = 0; i < count && all[i] != BROOD_FORK; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i]));
        atomic_store(&s.stop, false);
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, start_others, &s), 0);
        count_in_children(context, 0);
        atomic_store(&s.stop, true);
        brd_os_thread_join(&thread);
        brood_context_destroy(context);
    }
    CU_ASSERT(atomic_load(&s.started) > 0);
}

// Child 1 and child 20 have the same handles, whatever their parent has: a fork has the
// host's too, and those are the same for all.
static void each_child_has_the_same_handles(void)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i]));
        count_in_children(context, all[i] == BROOD_FORK ? STRANGERS : 0);
        brood_context_destroy(context);
    }
}

/* -------------------------------------------------------------- its output */

static int child_prints_once(int argc, char **argv)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    (void)argc, (void)argv;
    TEST_CHILD_CHECK(brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_FORK)) == 0);
    TEST_CHILD_CHECK(freopen(argv[0], "wb", stdout) != NULL);
    FILE *other = fopen(argv[0], "ab");
    TEST_CHILD_CHECK(other != NULL);
    printf("A");
    fputc('B', other); // both wait in buffers, of which each worker has a copy
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = 3, .context = context)) == 0);
    TEST_CHILD_CHECK(brood_pool_prewarm(pool, 0, BROOD_FOREVER) == 0);
    TEST_CHILD_CHECK(brood_pool_close(pool) == 0);
    TEST_CHILD_CHECK(brood_pool_join(pool, BROOD_FOREVER) == 0);
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    fclose(other);
    return 0;
}

static void what_waits_in_buffers_is_written_once(void)
{
    needs(BROOD_FORK);
    gate g;
    gate_make(&g);
    brd_proc p = {0};
    test_start how = {.child = "prints_once", .args = {g.path}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    CU_ASSERT_EQUAL(file_size(g.path), 2);
    gate_remove(&g, 0);
}

/* --------------------------------------------------- what its parent had running */

static brood_pool *outer;
static brood_process *outer_process;

// As a host's atexit functions would.
static int ends_what_it_inherited(brood_message *args, brood_message *result)
{
    brood_message unused = BROOD_MESSAGE_INIT;
    (void)args;
    bool refused =
        brood_pool_run(outer, own_pid, &unused, "") == BROOD_EINVAL &&
        brood_pool_close(outer) == BROOD_EINVAL && brood_pool_terminate(outer) == BROOD_EINVAL &&
        brood_process_kill(outer_process) == BROOD_EINVAL && brood_active_children(NULL, 0) == 0;
    brood_pool_destroy(outer);
    brood_process_destroy(outer_process);
    brood_message_clear(&unused);
    return brood_pack(result, "x", (int64_t)refused);
}

static void a_copy_cannot_end_its_siblings(void)
{
    gate g;
    needs(BROOD_FORK);
    gate_make(&g);
    brood_context *context = context_of(BROOD_CONTEXT(.method = BROOD_FORK));
    outer = pool_of(1);
    int64_t pid = run_number(outer, own_pid);
    ASSERT_OK(brood_process_call(&outer_process, gate_pass, "si", g.path, 0));
    CU_ASSERT(gate_await(&g, 0));
    brood_pool *pool = pool_in(context, 1);
    CU_ASSERT_EQUAL(run_number(pool, ends_what_it_inherited), 1);
    pool_end(pool);
    CU_ASSERT_EQUAL(run_number(outer, own_pid), pid);
    CU_ASSERT_EQUAL(brood_process_is_alive(outer_process), 1);
    gate_open(&g);
    ASSERT_OK(brood_process_join(outer_process, LONG));
    brood_process_destroy(outer_process);
    pool_end(outer);
    brood_context_destroy(context);
    gate_remove(&g, 1);
}

/* ------------------------------------------------------------- pools in pools */

static int sums_in_a_pool(brood_message *args, brood_message *result)
{
    brood_pool *pool = NULL;
    int64_t value = 0;
    brood_message out = BROOD_MESSAGE_INIT;
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    if (!status)
        status = brood_pool_create(&pool, BROOD_POOL(.processes = 1));
    if (!status && brood_cancelled())
        status = brood_fail("nobody cancelled this");
    if (!status)
        status = brood_pool_run(pool, square, &out, "i", n);
    if (!status)
        status = brood_unpack(&out, "x", &value);
    brood_message_clear(&out);
    brood_pool_destroy(pool);
    return status ? status : brood_pack(result, "x", value + 1);
}

static void workers_have_pools(void)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i]));
        brood_pool *pool = pool_in(context, 2);
        for (int32_t n = 0; n < 4; n++)
            CU_ASSERT_EQUAL(apply_number(pool, sums_in_a_pool, n), n * n + 1);
        pool_end(pool);
        brood_context_destroy(context);
    }
}

static const test_case cases[] = {
    TEST_CASE(spawn_comes_first),
    TEST_CASE(the_default_is_set_once),
    TEST_CASE(children_have_the_method_that_made_them),
    TEST_CASE(options_that_make_no_sense),
    TEST_CASE(only_a_fork_sees_memory),
    TEST_CASE(replaced_workers_see_the_same),
    TEST_CASE(a_forkserver_loads_once),
    TEST_CASE(a_forkserver_that_cannot_serve),
    TEST_CASE(a_fork_needs_a_program_without_threads),
    TEST_CASE(a_forkserver_may_die),
    TEST_CASE(exits_are_true),
    TEST_CASE(each_child_has_the_same_handles),
    TEST_CASE(each_child_has_the_same_handles_meanwhile),
    TEST_CASE(what_waits_in_buffers_is_written_once),
    TEST_CASE(a_copy_cannot_end_its_siblings),
    TEST_CASE(workers_have_pools),
    TEST_CHILD("does_nothing", child_does_nothing),
    TEST_CHILD("sets", child_sets),
    TEST_CHILD("uses_first", child_uses_first),
    TEST_CHILD("prints_once", child_prints_once),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "methods", cases);
}
