/*
 * Forkservers that are stopped or killed under their children. The one thing to know: a
 * server without handles of processes is made by the environment of its context, so every
 * test has both kinds on every Linux.
 */
#include "fault/acts.h"
#include "fault/methods.h"
#include <brood/process.h>
#include <unistd.h>

#define LONG test_ms(30000)

enum { SOON_MS = 6000, KINDS = 2 };

static const char *const without_handles[] = {"BROOD_OS_LIFE=pid", NULL};

static void needs_forkserver(void)
{
    brood_start_method all[3];
    if (methods(all) < 3)
        TEST_SKIP("this system has no forkserver");
}

static brood_context *context_of(int kind)
{
    brood_context *context = NULL;
    ASSERT_OK(brood_context_create(
        &context, BROOD_CONTEXT(.method = BROOD_FORKSERVER, .env = kind ? without_handles : NULL)));
    CU_ASSERT_FATAL(context != NULL);
    return context;
}

/* ------------------------------------------------------------- in children */

/** The process that forked this one: the server. */
static int tell_server(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", act_parent());
}

/** "sii": notes its server, passes the gate, and returns the last. */
static int passes_and_returns(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index, code;
    int status = brood_unpack(args, "sii", &path, &index, &code);
    if (status)
        return status;
    gate_name(name, sizeof name, path, index);
    FILE *file = fopen(name, "wb");
    if (!file)
        return 98;
    fprintf(file, "%lld\n", (long long)act_parent());
    fclose(file);
    (void)result;
    return await_file(path, 60000) ? code : 97;
}

/** "s": leaves a copy of itself that has all that it has, and tells who that is. */
static int leaves_a_copy(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int status = brood_unpack(args, "s", &path);
    (void)result;
    if (status)
        return status;
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        for (;;)
            pause();
    }
    gate_name(name, sizeof name, path, 0);
    FILE *file = fopen(name, "wb");
    if (!file)
        return 98;
    fprintf(file, "%lld\n", (long long)pid);
    fclose(file);
    return 3;
}

/* -------------------------------------------------------------- in the test */

static int64_t read_number(const gate *g, int32_t index)
{
    char name[1100], line[32] = "";
    int64_t number = 0;
    brd_time until = test_deadline(20000);
    gate_name(name, sizeof name, g->path, index);
    while (!number && brd_os_now() < until) {
        FILE *file = fopen(name, "rb");
        if (file && fgets(line, sizeof line, file) && strchr(line, '\n'))
            number = strtoll(line, NULL, 10);
        if (file)
            fclose(file);
        moment();
    }
    return number;
}

/** A child at the gate that will return this code; *server is who forked it. */
static brood_process *process_at(const gate *g, brood_context *context, int32_t code,
                                 int64_t *server)
{
    brood_process *p = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "sii", g->path, 0, code));
    ASSERT_OK(brood_process_create(&p, passes_and_returns, &args,
                                   BROOD_PROCESS(.context = context, .grace = test_ms(100))));
    ASSERT_OK(brood_process_start(p));
    *server = read_number(g, 0);
    CU_ASSERT_FATAL(*server > 1 && *server != brood_pid());
    brood_message_clear(&args);
    return p;
}

/** What a stopped server must not hold up, in a thread. */
typedef struct act {
    void (*run)(struct act *a);
    brood_pool *pool;
    brood_process *process;
    brd_thread thread;
    _Atomic bool over;
} act;

static void run_act(void *baton)
{
    act *a = baton;
    a->run(a);
    atomic_store(&a->over, true);
}

/** Fails if it takes long, and then lets the server go on, so that it comes to an end. */
static void check_soon(act *a, int64_t server)
{
    brd_time until = test_deadline(SOON_MS);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&a->thread, run_act, a), 0);
    while (!atomic_load(&a->over) && brd_os_now() < until)
        moment();
    CU_ASSERT(atomic_load(&a->over));
    (void)act_continue(server);
    brd_os_thread_join(&a->thread);
}

static void terminate(act *a)
{
    ASSERT_OK(brood_pool_terminate(a->pool));
}

static void destroy(act *a)
{
    brood_process_destroy(a->process);
}

static _Atomic uint32_t lost;

static void on_worker(const brood_worker_event *event, void *baton)
{
    (void)baton;
    if (event->kind == BROOD_WORKER_LOST)
        atomic_fetch_add(&lost, 1);
}

// A worker is being born that the server will never fork.
static void a_stopped_server_does_not_hold_up_a_terminate(void)
{
    needs_forkserver();
    for (int kind = 0; kind < KINDS; kind++) {
        act a = {.run = terminate};
        brood_context *context = context_of(kind);
        atomic_store(&lost, 0);
        ASSERT_OK(
            brood_pool_create(&a.pool, BROOD_POOL(.processes = 1, .context = context,
                                                  .on_worker = on_worker, .grace = test_ms(100))));
        int64_t server = run_number(a.pool, tell_server), worker = run_number(a.pool, own_pid);
        CU_ASSERT_FATAL(server > 1 && server != brood_pid());
        CU_ASSERT_FATAL(act_stop(server));
        CU_ASSERT(act_kill(worker));
        brd_time until = test_deadline(20000);
        while ((!atomic_load(&lost) || !brood_pool_count(a.pool).workers) && brd_os_now() < until)
            moment();
        CU_ASSERT_EQUAL(atomic_load(&lost), 1);
        check_soon(&a, server);
        brood_pool_destroy(a.pool);
        brood_context_destroy(context);
    }
}

static void check_exit(int32_t code, brood_exit_kind kind, int64_t expected)
{
    gate g;
    int64_t server = 0;
    gate_make(&g);
    brood_context *context = context_of(0);
    brood_process *p = process_at(&g, context, code, &server);
    CU_ASSERT_FATAL(act_stop(server));
    if (kind == BROOD_EXIT_CODE)
        gate_open(&g);
    else
        CU_ASSERT_EQUAL(brood_process_kill(p), BROOD_OK);
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).kind, kind);
    CU_ASSERT_EQUAL(brood_process_exit(p).code, expected);
    (void)act_continue(server);
    brood_process_destroy(p);
    brood_context_destroy(context);
    gate_remove(&g, 1);
}

// By the system, as long as the server has not waited for it.
static void an_exit_is_known_while_the_server_is_stopped(void)
{
    needs_forkserver();
    if (!file_exists("/proc/self/stat"))
        TEST_SKIP("only a mounted /proc tells");
    check_exit(7, BROOD_EXIT_CODE, 7);
    check_exit(0, BROOD_EXIT_SIGNAL, 9);
}

static void a_destroy_ends_while_the_server_is_stopped(void)
{
    needs_forkserver();
    for (int kind = 0; kind < KINDS; kind++) {
        gate g;
        int64_t server = 0;
        act a = {.run = destroy};
        gate_make(&g);
        brood_context *context = context_of(kind);
        a.process = process_at(&g, context, 0, &server);
        CU_ASSERT_FATAL(act_stop(server));
        check_soon(&a, server);
        brood_context_destroy(context);
        gate_remove(&g, 1);
    }
}

static void the_children_of_a_killed_server_live(void)
{
    needs_forkserver();
    for (int kind = 0; kind < KINDS; kind++) {
        gate g;
        gate_make(&g);
        brood_context *context = context_of(kind);
        brood_pool *pool = NULL;
        act_watch gone;
        ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .context = context)));
        int64_t server = run_number(pool, tell_server), before = run_number(pool, own_pid);
        brood_future *held = stand_at_gate(pool, &g, 0);
        CU_ASSERT_FATAL(act_watch_open(&gone, server));
        CU_ASSERT(act_kill(server));
        CU_ASSERT(act_watch_gone(&gone, test_deadline(20000)));
        act_watch_close(&gone);
        gate_open(&g);
        int64_t pid = -1;
        ASSERT_OK(take_number(held, &pid));
        CU_ASSERT_EQUAL(pid, before);
        CU_ASSERT_EQUAL(run_number(pool, own_pid), before);
        pool_end(pool);
        gate_remove(&g, 1);
        brood_context_destroy(context);
    }
}

// It has all that the child had, and says nothing of its end.
static void an_end_is_known_whatever_the_child_leaves(void)
{
    needs_forkserver();
    for (int kind = 0; kind < KINDS; kind++) {
        gate g;
        brood_process *p = NULL;
        brood_message args = BROOD_MESSAGE_INIT;
        gate_make(&g);
        brood_context *context = context_of(kind);
        ASSERT_OK(brood_pack(&args, "s", g.path));
        ASSERT_OK(
            brood_process_create(&p, leaves_a_copy, &args, BROOD_PROCESS(.context = context)));
        ASSERT_OK(brood_process_start(p));
        ASSERT_OK(brood_process_join(p, LONG));
        CU_ASSERT_EQUAL(brood_process_exit(p).kind, BROOD_EXIT_CODE);
        CU_ASSERT_EQUAL(brood_process_exit(p).code, 3);
        int64_t left = read_number(&g, 0);
        CU_ASSERT_FATAL(left > 1);
        (void)act_kill(left);
        brood_process_destroy(p);
        brood_message_clear(&args);
        brood_context_destroy(context);
        gate_remove(&g, 1);
    }
}

static const test_case cases[] = {
    TEST_CASE(a_stopped_server_does_not_hold_up_a_terminate),
    TEST_CASE(an_exit_is_known_while_the_server_is_stopped),
    TEST_CASE(a_destroy_ends_while_the_server_is_stopped),
    TEST_CASE(the_children_of_a_killed_server_live),
    TEST_CASE(an_end_is_known_whatever_the_child_leaves),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "server_posix", cases);
}
