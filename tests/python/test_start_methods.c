/*
 * What CPython's TestStartMethod, MiscTestCase and the forkserver tests of _TestProcess ask
 * of start methods. Run on every system from this one source. The names are CPython's; a
 * note with a number names the row of the table in README.md by which we differ.
 *
 * The one thing to know: each test asks for its methods by name; what a system does not have
 * is skipped. What fault/test_methods.c asks already is not asked again.
 */
#include "fault/acts.h"
#include "fault/methods.h"
#include "python/processes.h"

static int64_t main_ran_in; // the process that ran main, up to brood_main

static bool has_method(brood_start_method method)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++)
        if (all[i] == method)
            return true;
    return false;
}

static void needs_forkserver(void)
{
    if (!has_method(BROOD_FORKSERVER))
        TEST_SKIP("this system has no forkserver");
}

static brood_context *context_by(brood_start_method method)
{
    brood_context *context = NULL;
    ASSERT_OK(brood_context_create(&context, BROOD_CONTEXT(.method = method)));
    return context;
}

/* -------------------------------------------------------------- the default */

/** Its exit code is its start method. */
static int tells_method(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return (int)brood_get_start_method();
}

static int code_of(brood_process *p)
{
    TEST_CHILD_CHECK(brood_process_join(p, LONG_WAIT) == BROOD_OK);
    brood_exit end = brood_process_exit(p);
    brood_process_destroy(p);
    return end.kind == BROOD_EXIT_CODE ? (int)end.code : -1;
}

/** argv: the start method. */
static int child_sets_and_gets(int argc, char **argv)
{
    TEST_CHILD_CHECK(argc == 1);
    brood_start_method method = (brood_start_method)atoi(argv[0]);
    brood_process *p = NULL;
    TEST_CHILD_CHECK(brood_set_start_method(method) == BROOD_OK);
    TEST_CHILD_CHECK(brood_get_start_method() == method);
    TEST_CHILD_CHECK(brood_process_call(&p, tells_method, "") == BROOD_OK);
    TEST_CHILD_CHECK(code_of(p) == (int)method);
    return 0;
}

// S2: once for each program; none can be forced
static void test_set_get(void)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brd_proc p = {0};
        char number[16];
        snprintf(number, sizeof number, "%d", (int)all[i]);
        const test_start how = {.child = "sets_and_gets", .args = {number}};
        CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
        CU_ASSERT_EQUAL(test_end(&p), 0);
    }
}

static int child_uses_a_context(int argc, char **argv)
{
    brood_start_method all[3], before = brood_get_start_method();
    size_t count = methods(all);
    (void)argc, (void)argv;
    for (size_t i = 0; i < count; i++) {
        brood_context *context = NULL;
        brood_process *p = NULL;
        TEST_CHILD_CHECK(brood_context_create(&context, BROOD_CONTEXT(.method = all[i])) == 0);
        TEST_CHILD_CHECK(
            brood_process_create(&p, tells_method, NULL, BROOD_PROCESS(.context = context)) == 0);
        TEST_CHILD_CHECK(brood_process_start(p) == BROOD_OK);
        TEST_CHILD_CHECK(code_of(p) == (int)all[i]);
        brood_context_destroy(context);
        TEST_CHILD_CHECK(brood_get_start_method() == before);
    }
    TEST_CHILD_CHECK(brood_set_start_method(all[count - 1]) == BROOD_OK); // nothing is settled yet
    return 0;
}

// Neither brood_main nor a context of one's own settles the default
static void test_spawn_dont_set_context(void)
{
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &(test_start){.child = "uses_a_context"}), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

/* ---------------------------------------------------------------- one in another */

/** "ixi": has a child by that method, which gets what came along, and more. */
static int nests_once(brood_message *args, brood_message *result)
{
    int32_t method, sum;
    int64_t first;
    brood_context *context = NULL;
    brood_process *p = NULL;
    brood_message own = BROOD_MESSAGE_INIT;
    (void)result;
    if (brood_unpack(args, "ixi", &method, &first, &sum))
        return 99;
    if (!method)
        return first == brood_current_process().depth - 1 ? sum + 1 : 98;
    int status =
        brood_context_create(&context, BROOD_CONTEXT(.method = (brood_start_method)method));
    if (!status)
        status = brood_pack(&own, "ixi", 0, first, sum + 1);
    if (!status)
        status = brood_process_create(&p, nests_once, &own, BROOD_PROCESS(.context = context));
    if (!status)
        status = brood_process_start(p);
    if (!status)
        status = brood_process_join(p, BROOD_FOREVER);
    int code = status ? 97 : (int)brood_process_exit(p).code;
    brood_process_destroy(p);
    brood_context_destroy(context);
    brood_message_clear(&own);
    return code;
}

// Any method in any other; what a child was given it can give to its own.
static void test_nested_startmethod(void)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count * count; i++) {
        brood_context *context = context_by(all[i / count]);
        brood_message args = BROOD_MESSAGE_INIT;
        ASSERT_OK(brood_pack(&args, "ixi", (int32_t)all[i % count], (int64_t)1, 40));
        process_ends_with(process_with(nests_once, &args, BROOD_PROCESS(.context = context)), 42);
        brood_context_destroy(context);
    }
}

/** "pi": tells its number and returns the other's. */
static int exchanges_numbers(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    int32_t own, other = 97;
    (void)result;
    int status = brood_unpack(args, "pi", &pipe, &own);
    if (!status)
        status = brood_pack(&message, "i", own);
    if (!status)
        status = brood_pipe_send(pipe, &message, LONG_WAIT);
    if (!status)
        status = brood_pipe_recv(pipe, &message, LONG_WAIT);
    if (!status)
        status = brood_unpack(&message, "i", &other);
    brood_message_clear(&message);
    brood_pipe_destroy(pipe);
    return status ? 98 : other;
}

static brood_process *exchanging(brood_context *context, brood_pipe *end, int32_t number)
{
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "pi", end, number));
    brood_process *p = process_with(exchanges_numbers, &args, BROOD_PROCESS(.context = context));
    brood_pipe_destroy(end);
    return p;
}

// S107: a pipe belongs to no method; processes made by different ones talk through it
static void test_mixed_startmethod(void)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_by(all[i]), *next = context_by(all[(i + 1) % count]);
        brood_pipe *one = NULL, *other = NULL;
        CU_ASSERT_EQUAL_FATAL(brood_pipe_create(&one, &other, NULL), BROOD_OK);
        brood_process *first = exchanging(context, one, 3);
        brood_process *second = exchanging(next, other, 5);
        process_ends_with(first, 5);
        process_ends_with(second, 3);
        brood_context_destroy(context);
        brood_context_destroy(next);
    }
}

/* ------------------------------------------------------- what runs before them */

static int tell_main(brood_message *args, brood_message *result)
{
    char second[64];
    (void)args;
    int refused = brd_os_argument(2, second, sizeof second) != BROOD_OK;
    return brood_pack(result, "xxxb", main_ran_in, brood_pid(), act_parent(), refused);
}

/** In which process main ran for each of the pool's workers. */
static void check_main(brood_start_method method)
{
    enum { WORKERS = 3 };
    brood_context *context = context_by(method);
    brood_pool *pool = NULL;
    brood_results *results = NULL;
    static const int32_t items[WORKERS * 4];
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = WORKERS, .context = context)));
    ASSERT_OK(brood_pool_prewarm(pool, 0, LONG_WAIT));
    ASSERT_OK(
        brood_pool_map(pool, tell_main, brood_items_int32(items, WORKERS * 4), NULL, &results));
    int64_t first = 0;
    for (size_t i = 0; i < brood_results_count(results); i++) {
        int64_t ran_in = 0, own = 0, parent = 0;
        int no_more = 0;
        ASSERT_OK(
            brood_unpack(brood_results_at(results, i), "xxxb", &ran_in, &own, &parent, &no_more));
        if (!first)
            first = ran_in;
        if (method == BROOD_SPAWN)
            CU_ASSERT_EQUAL(ran_in, own);
        if (method == BROOD_FORK)
            CU_ASSERT_EQUAL(ran_in, brood_pid());
        if (method == BROOD_FORKSERVER)
            CU_ASSERT(ran_in == first && ran_in == parent && ran_in != own);
        if (method != BROOD_FORK)
            CU_ASSERT_EQUAL(no_more, 1);
    }
    brood_results_destroy(results);
    pool_end(pool);
    brood_context_destroy(context);
}

// S6: by spawn in each, by forkserver once; the user's arguments are not passed on
static void test_preload_main(void)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++)
        check_main(all[i]);
}

static int prints_to_both(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    printf("out\n");
    fprintf(stderr, "err\n");
    return BROOD_OK;
}

static int does_nothing(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return BROOD_OK;
}

/** argv: a file for both streams. */
static int child_preloads(int argc, char **argv)
{
    brood_context *context = NULL;
    TEST_CHILD_CHECK(argc == 1 && freopen(argv[0], "ab", stdout) && freopen(argv[0], "ab", stderr));
    TEST_CHILD_CHECK(brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_FORKSERVER,
                                                                  .preload = prints_to_both)) == 0);
    for (int i = 0; i < 3; i++) {
        brood_process *p = NULL;
        TEST_CHILD_CHECK(
            brood_process_create(&p, does_nothing, NULL, BROOD_PROCESS(.context = context)) == 0);
        TEST_CHILD_CHECK(brood_process_start(p) == BROOD_OK);
        TEST_CHILD_CHECK(code_of(p) == 0);
    }
    brood_context_destroy(context);
    return 0;
}

static void test_std_streams_flushed_after_preload(void)
{
    char text[200];
    brd_proc p = {0};
    gate g;
    needs_forkserver();
    gate_make(&g);
    const test_start how = {.child = "preloads", .args = {g.path}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    notes_read(g.path, text, sizeof text);
    CU_ASSERT_EQUAL(strlen(text), 8); // once, although three have a copy
    CU_ASSERT(strstr(text, "out\n") && strstr(text, "err\n"));
    gate_remove(&g, 0);
}

/* ------------------------------------------------------------ a server that ends */

/** "si": notes its parent, which is the server, and passes the gate. */
static int tells_server(brood_message *args, brood_message *result)
{
    char line[40], name[1100];
    const char *path;
    int32_t index;
    if (brood_unpack(args, "si", &path, &index))
        return 99;
    snprintf(line, sizeof line, "%lld", (long long)act_parent());
    gate_name(name, sizeof name, path, index + 10);
    if (!note_add(name, line))
        return 98;
    brood_message_rewind(args);
    return gate_pass(args, result);
}

static int64_t server_of(const gate *g, int32_t index)
{
    char name[1100], text[40];
    gate_name(name, sizeof name, g->path, index + 10);
    int64_t pid = strtoll(notes_read(name, text, sizeof text), NULL, 10);
    CU_ASSERT_FATAL(pid > 1); // others would be killed
    return pid;
}

// Ctrl-C is none of its business.
static void test_forkserver_sigint(void)
{
    gate g;
    needs_forkserver();
    gate_make(&g);
    brood_context *context = context_by(BROOD_FORKSERVER);
    brood_process *old = process_at_gate(tells_server, &g, 0, BROOD_PROCESS(.context = context));
    CU_ASSERT(act_interrupt(server_of(&g, 0)));
    brood_process *young = process_at_gate(tells_server, &g, 1, BROOD_PROCESS(.context = context));
    CU_ASSERT_EQUAL(server_of(&g, 0), server_of(&g, 1));
    gate_open(&g);
    process_ends_with(old, 0);
    process_ends_with(young, 0);
    brood_context_destroy(context);
    gate_remove(&g, 12);
}

// S7: what its server would have told is unknown, and as Python's number 255
static void test_forkserver_sigkill(void)
{
    gate g;
    act_watch gone;
    needs_forkserver();
    gate_make(&g);
    brood_context *context = context_by(BROOD_FORKSERVER);
    brood_process *old = process_at_gate(tells_server, &g, 0, BROOD_PROCESS(.context = context));
    CU_ASSERT_FATAL(act_watch_open(&gone, server_of(&g, 0)));
    CU_ASSERT(act_kill(server_of(&g, 0)));
    CU_ASSERT(act_watch_gone(&gone, test_deadline(20000)));
    act_watch_close(&gone);
    brood_process *young = process_at_gate(tells_server, &g, 1, BROOD_PROCESS(.context = context));
    CU_ASSERT_NOT_EQUAL(server_of(&g, 0), server_of(&g, 1));
    CU_ASSERT_EQUAL(brood_process_is_alive(old), 1);
    gate_open(&g);
    process_ends_with(young, 0);
    brood_exit end = process_end(old);
    if (end.kind == BROOD_EXIT_UNKNOWN)
        CU_ASSERT_EQUAL(end.python, 255);
    if (end.kind != BROOD_EXIT_UNKNOWN) // the kernel still knew
        CU_ASSERT(end.kind == BROOD_EXIT_CODE && end.code == 0 && end.python == 0);
    brood_context_destroy(context);
    gate_remove(&g, 12);
}

/* ------------------------------------------------------- the host's end, in a copy */

static char end_file[1024];

static void notes_host_end(void)
{
    char line[40];
    snprintf(line, sizeof line, "%lld", (long long)brood_pid());
    (void)note_add(end_file, line);
}

/** "i": returns or exits. */
static int returns_or_exits(brood_message *args, brood_message *result)
{
    int32_t exits;
    (void)result;
    if (brood_unpack(args, "i", &exits))
        return 99;
    if (exits)
        exit(0);
    return 0;
}

/** argv: the file in which the end of the program is noted; whether its process exits. */
static int child_has_an_end(int argc, char **argv)
{
    brood_context *context = NULL;
    brood_process *p = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    TEST_CHILD_CHECK(argc == 2 && atexit(notes_host_end) == 0);
    snprintf(end_file, sizeof end_file, "%s", argv[0]);
    TEST_CHILD_CHECK(brood_pack(&args, "i", argv[1][0] == 'e') == BROOD_OK);
    TEST_CHILD_CHECK(brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_FORK)) == 0);
    TEST_CHILD_CHECK(
        brood_process_create(&p, returns_or_exits, &args, BROOD_PROCESS(.context = context)) == 0);
    TEST_CHILD_CHECK(brood_process_start(p) == BROOD_OK);
    TEST_CHILD_CHECK(code_of(p) == 0);
    brood_message_clear(&args);
    brood_context_destroy(context);
    return 0;
}

// S21: the atexit functions of the host are there in a copy, and run if that calls exit
static void test_atexit(void)
{
    static const char *const ends[] = {"returns", "exits"};
    if (!has_method(BROOD_FORK))
        TEST_SKIP("this system forks no processes");
    for (int i = 0; i < 2; i++) {
        char text[200];
        brd_proc p = {0};
        gate g;
        int lines = 0;
        gate_make(&g);
        const test_start how = {.child = "has_an_end", .args = {g.path, ends[i]}};
        CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
        CU_ASSERT_EQUAL(test_end(&p), 0);
        notes_read(g.path, text, sizeof text);
        for (const char *at = text; *at; at++)
            lines += *at == '\n';
        CU_ASSERT_EQUAL(lines, i + 1); // of the program itself in any case
        gate_remove(&g, 0);
    }
}

static const test_case cases[] = {
    TEST_CASE(test_set_get),
    TEST_CASE(test_spawn_dont_set_context),
    TEST_CASE(test_nested_startmethod),
    TEST_CASE(test_mixed_startmethod),
    TEST_CASE(test_preload_main),
    TEST_CASE(test_std_streams_flushed_after_preload),
    TEST_CASE(test_forkserver_sigint),
    TEST_CASE(test_forkserver_sigkill),
    TEST_CASE(test_atexit),
    TEST_CHILD("sets_and_gets", child_sets_and_gets),
    TEST_CHILD("uses_a_context", child_uses_a_context),
    TEST_CHILD("preloads", child_preloads),
    TEST_CHILD("has_an_end", child_has_an_end),
    {0},
};

int main(int argc, char **argv)
{
    main_ran_in = brd_os_pid();
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "start_methods", cases);
}
