/*
 * What CPython's _TestProcess and _TestSubclassingProcess ask of Process, asked of
 * brood_process. Run on every system from this one source. The names are CPython's; a note
 * with a number names the row of the table in README.md by which we differ.
 *
 * The one thing to know: what fault/test_process.c asks already is not asked again; the
 * README says which of its tests stand for which of CPython's.
 */
#include "fault/acts.h"
#include "python/processes.h"

#include <ctype.h>

/* -------------------------------------------------------------- life and end */

static int returns_code(brood_message *args, brood_message *result)
{
    int32_t code;
    (void)result;
    return brood_unpack(args, "i", &code) ? 99 : code;
}

static brood_process *returning(int32_t code, const brood_process_options *options)
{
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "i", code));
    return process_with(returns_code, &args, options);
}

// S9: of a context, not of the whole program
static void test_set_executable(void)
{
    char self[4096];
    brood_context *context = NULL, *none = NULL;
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    ASSERT_OK(brood_context_create(&context, BROOD_CONTEXT(.executable = self)));
    process_ends_with(returning(7, BROOD_PROCESS(.context = context)), 7);
    CU_ASSERT_NOT_EQUAL(
        brood_context_create(&none, BROOD_CONTEXT(.executable = "/no/such/program")), BROOD_OK);
    CU_ASSERT_PTR_NULL_FATAL(none);
    // What is seen at the start only; a copy of this program would see it when it is there.
    ASSERT_OK(brood_context_create(
        &none, BROOD_CONTEXT(.method = BROOD_SPAWN, .directory = "/no/such/directory")));
    ASSERT_OK(brood_process_create(&p, returns_code, NULL, BROOD_PROCESS(.context = none)));
    CU_ASSERT_NOT_EQUAL(brood_process_start(p), BROOD_OK);
    CU_ASSERT_EQUAL(brood_process_pid(p), 0);
    brood_process_destroy(p);
    brood_context_destroy(none);
    brood_context_destroy(context);
}

static void end_by(int (*end)(brood_process *), int64_t signal)
{
    gate g;
    gate_make(&g);
    brood_process *p = process_at_gate(gate_pass, &g, 0, NULL);
    CU_ASSERT(brood_process_is_alive(p) && process_is_active(p));
    CU_ASSERT_EQUAL(brood_process_join(p, 0), BROOD_ETIMEDOUT);
    ASSERT_OK(end(p));
    ASSERT_OK(brood_process_join(p, LONG_WAIT));
    CU_ASSERT(!brood_process_is_alive(p) && !process_is_active(p));
    brood_exit ended = process_end(p);
    CU_ASSERT_EQUAL(ended.kind, BROOD_EXIT_SIGNAL);
    CU_ASSERT_EQUAL(ended.code, signal);
    CU_ASSERT_EQUAL(ended.python, -(int)signal);
    gate_remove(&g, 1);
}

static void test_terminate(void)
{
    end_by(brood_process_terminate, act_exit(ACT_TERMINATE).code);
}

// S14: on Windows both are -SIGKILL, Python's both -SIGTERM
static void test_kill(void)
{
    end_by(brood_process_kill, 9);
}

// S15: a function that does not ask goes on
static void test_interrupt_no_handler(void)
{
    gate g;
    gate_make(&g);
    brood_process *p = process_at_gate(gate_pass, &g, 0, NULL);
    ASSERT_OK(brood_process_interrupt(p));
    CU_ASSERT_EQUAL(brood_process_join(p, 50), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_process_is_alive(p), 1);
    gate_open(&g);
    process_ends_with(p, 0);
    gate_remove(&g, 1);
}

// The sentinel is waited for as a program's own loop would.
static bool sentinel_ready(brood_process *p, brd_time until)
{
    const act_watch w = {.os = brood_process_sentinel(p), .pid = brood_process_pid(p)};
    return act_watch_gone(&w, until);
}

static void needs_sentinels(void)
{
    act_watch own;
    CU_ASSERT_FATAL(act_watch_open(&own, brood_pid()));
    bool has_handle = own.os != -1;
    act_watch_close(&own);
    if (!has_handle)
        TEST_SKIP("this system has no handles of processes");
}

// S17: -1 before the start, not an exception
static void test_sentinel(void)
{
    gate g;
    brood_process *p = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    needs_sentinels();
    gate_make(&g);
    gate_pack(&g, 0, &args);
    ASSERT_OK(brood_process_create(&p, gate_pass, &args, NULL));
    brood_message_clear(&args);
    CU_ASSERT_EQUAL(brood_process_sentinel(p), -1);
    ASSERT_OK(brood_process_start(p));
    CU_ASSERT(gate_await(&g, 0));
    intptr_t sentinel = brood_process_sentinel(p);
    CU_ASSERT_NOT_EQUAL_FATAL(sentinel, -1);
    CU_ASSERT(!sentinel_ready(p, 0));
    gate_open(&g);
    CU_ASSERT(sentinel_ready(p, test_deadline(20000)));
    ASSERT_OK(brood_process_join(p, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_process_sentinel(p), sentinel);
    CU_ASSERT(sentinel_ready(p, 0)); // and stays so
    process_ends_with(p, 0);
    gate_remove(&g, 1);
}

static void test_many_processes(void)
{
    enum { MANY = 10 };
    brood_process *all[MANY];
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    for (int i = 0; i < MANY; i++)
        all[i] = returning(0, NULL);
    for (int i = 0; i < MANY; i++)
        process_ends_with(all[i], 0);
    for (int32_t i = 0; i < MANY; i++) {
        gate_pack(&g, i, &args);
        all[i] = process_with(gate_pass, &args, NULL);
    }
    for (int i = 0; i < MANY; i++) // some are hardly born
        ASSERT_OK(brood_process_terminate(all[i]));
    for (int i = 0; i < MANY; i++) {
        brood_exit end = process_end(all[i]);
        CU_ASSERT_EQUAL(end.kind, BROOD_EXIT_SIGNAL);
        CU_ASSERT_EQUAL(end.code, act_exit(ACT_TERMINATE).code);
    }
    gate_remove(&g, MANY);
}

/* -------------------------------------------------------- children of children */

/** "si": notes who it is, then passes the gate. */
static int tells_and_waits(brood_message *args, brood_message *result)
{
    char line[100], name[1100];
    const char *path;
    int32_t index;
    brood_self self = brood_current_process();
    if (brood_unpack(args, "si", &path, &index))
        return 99;
    snprintf(line, sizeof line, "%lld %lld", (long long)self.pid, (long long)self.parent);
    gate_name(name, sizeof name, path, index + 10);
    if (!note_add(name, line))
        return 98;
    brood_message_rewind(args);
    return gate_pass(args, result);
}

/** "si": has a child that stands at the gate as 0, and stands there itself. */
static int has_a_child(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    brood_process *p = NULL;
    if (brood_unpack(args, "si", &path, &index) ||
        brood_process_call(&p, tells_and_waits, "si", path, 0))
        return 99;
    brood_message_rewind(args);
    int code = gate_pass(args, result);
    brood_process_destroy(p);
    return code;
}

// S22: a grandchild does not see that its parent has gone: it goes too
static void test_parent_process(void)
{
    char name[1100], text[200];
    long long pid = 0, parent = 0;
    act_watch watch;
    gate g;
    gate_make(&g);
    brood_process *p = process_at_gate(has_a_child, &g, 1, NULL);
    CU_ASSERT(gate_await(&g, 0));
    gate_name(name, sizeof name, g.path, 10);
    CU_ASSERT_EQUAL_FATAL(sscanf(notes_read(name, text, sizeof text), "%lld %lld", &pid, &parent),
                          2);
    CU_ASSERT_EQUAL(parent, brood_process_pid(p));
    CU_ASSERT_FATAL(act_watch_open(&watch, pid));
    CU_ASSERT(!act_watch_gone(&watch, 0));
    ASSERT_OK(brood_process_kill(p));
    CU_ASSERT(act_watch_gone(&watch, test_deadline(20000)));
    act_watch_close(&watch);
    CU_ASSERT_EQUAL(process_end(p).kind, BROOD_EXIT_SIGNAL);
    gate_remove(&g, 11);
}

/** "ss": notes its place in the tree, and has two children, one after the other. */
static int recurses(brood_message *args, brood_message *result)
{
    const char *path, *place;
    char below[16];
    (void)result;
    if (brood_unpack(args, "ss", &path, &place) || !note_add(path, place))
        return 99;
    for (int i = 0; i < 2 && strlen(place) < 3; i++) {
        brood_process *p = NULL;
        snprintf(below, sizeof below, "%s%d", place, i);
        int status = brood_process_call(&p, recurses, "ss", path, below);
        if (!status)
            status = brood_process_join(p, BROOD_FOREVER);
        if (!status && brood_process_exit(p).code)
            status = 98;
        brood_process_destroy(p);
        if (status)
            return 97;
    }
    return 0;
}

static void test_recursion(void)
{
    char text[200];
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    ASSERT_OK(brood_pack(&args, "ss", g.path, "."));
    process_ends_with(process_with(recurses, &args, NULL), 0);
    CU_ASSERT_STRING_EQUAL(notes_read(g.path, text, sizeof text),
                           ".\n.0\n.00\n.01\n.1\n.10\n.11\n");
    gate_remove(&g, 0);
}

/** "si": passes the gate, and notes that. */
static int passes_and_notes(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    int status = gate_pass(args, result);
    brood_message_rewind(args);
    if (status || brood_unpack(args, "si", &path, &index))
        return 99;
    gate_name(name, sizeof name, path, index + 10);
    return note_add(name, "passed") ? 0 : 98;
}

/** "si": its child stands at the gate; it returns, with that policy for the child. */
static int returns_before_its_child(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t policy;
    gate g = {0};
    brood_message own = BROOD_MESSAGE_INIT;
    brood_process *p = NULL;
    (void)result;
    if (brood_unpack(args, "si", &path, &policy))
        return 99;
    snprintf(g.path, sizeof g.path, "%s", path);
    int status = brood_pack(&own, "si", path, 0);
    if (!status)
        status = brood_process_create(&p, passes_and_notes, &own,
                                      BROOD_PROCESS(.at_exit = (brood_at_exit)policy));
    if (!status)
        status = brood_process_start(p);
    brood_message_clear(&own);
    return status || !gate_await(&g, 0) ? 98 : 0;
}

// S20: it is not inherited
static void test_daemon_argument(void)
{
    static const brood_at_exit policies[] = {BROOD_AT_EXIT_WAIT, BROOD_AT_EXIT_END};
    for (size_t i = 0; i < 2; i++) {
        char name[1100], text[100];
        brood_message args = BROOD_MESSAGE_INIT;
        gate g;
        gate_make(&g);
        gate_name(name, sizeof name, g.path, 10);
        ASSERT_OK(brood_pack(&args, "si", g.path, (int32_t)policies[i]));
        brood_process *p = process_with(returns_before_its_child, &args,
                                        BROOD_PROCESS(.at_exit = BROOD_AT_EXIT_WAIT));
        CU_ASSERT(gate_await(&g, 0));
        if (policies[i] == BROOD_AT_EXIT_WAIT) {
            CU_ASSERT_EQUAL(brood_process_join(p, 100), BROOD_ETIMEDOUT);
            gate_open(&g);
        }
        process_ends_with(p, 0); // else although the gate is closed
        CU_ASSERT_STRING_EQUAL(notes_read(name, text, sizeof text), i ? "" : "passed\n");
        gate_remove(&g, 11);
    }
}

/* ------------------------------------------------------------ how it comes to its end */

static void waits_for_the_gate(void *baton)
{
    (void)await_file(baton, 60000);
}

/** "si": returns at once, with a thread that waits for the gate. */
static int leaves_a_thread(brood_message *args, brood_message *result)
{
    static char copy[1024];
    static brd_thread thread;
    const char *path;
    int32_t index;
    (void)result;
    if (brood_unpack(args, "si", &path, &index))
        return 99;
    snprintf(copy, sizeof copy, "%s", path);
    return brd_os_thread_start(&thread, waits_for_the_gate, copy) ? 98 : 0;
}

// S21: no thread is waited for
static void test_wait_for_threads(void)
{
    brood_message args = BROOD_MESSAGE_INIT;
    gate g;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    process_ends_with(process_with(leaves_a_thread, &args, NULL), 0);
    gate_remove(&g, 0);
}

static int prints_and_closes(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    printf("this waits in a buffer");
    act_close_standard();
    return 0;
}

/** argv: who has no streams, this program or its process. */
static int child_has_no_streams(int argc, char **argv)
{
    brood_process *p = NULL;
    TEST_CHILD_CHECK(argc == 1);
    if (strcmp(argv[0], "parent") == 0)
        act_close_standard();
    TEST_CHILD_CHECK(brood_process_call(&p, prints_and_closes, "") == BROOD_OK);
    TEST_CHILD_CHECK(brood_process_join(p, LONG_WAIT) == BROOD_OK);
    brood_exit end = brood_process_exit(p);
    brood_process_destroy(p);
    return end.kind == BROOD_EXIT_CODE ? (int)end.code : 98;
}

static void run_without_streams(const char *whose)
{
    brd_proc p = {0};
    const test_start how = {.child = "has_no_streams", .args = {whose}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

static void test_error_on_stdio_flush_1(void)
{
    run_without_streams("parent");
}

static void test_error_on_stdio_flush_2(void)
{
    run_without_streams("process");
}

static char at_exit_file[1024];

static void notes_its_end(void)
{
    (void)note_add(at_exit_file, "atexit");
}

/** "is": leaves a function for the end of the process, and returns, or calls exit. */
static int registers_an_end(brood_message *args, brood_message *result)
{
    int32_t exits;
    const char *path;
    (void)result;
    if (brood_unpack(args, "is", &exits, &path) || atexit(notes_its_end))
        return 99;
    snprintf(at_exit_file, sizeof at_exit_file, "%s", path);
    if (exits)
        exit(0);
    return 0;
}

// S21: they run when the function calls exit, not when it returns
static void test_atexit(void)
{
    for (int32_t exits = 0; exits < 2; exits++) {
        char text[100];
        brood_message args = BROOD_MESSAGE_INIT;
        gate g;
        gate_make(&g);
        ASSERT_OK(brood_pack(&args, "is", exits, g.path));
        process_ends_with(process_with(registers_an_end, &args, NULL), 0);
        CU_ASSERT_STRING_EQUAL(notes_read(g.path, text, sizeof text), exits ? "atexit\n" : "");
        gate_remove(&g, 0);
    }
}

/* ------------------------------------------------- a process of one's own making */

/** A process that says what it is told in capitals, and a way to talk to it. */
typedef struct upper_caser {
    brood_process *process;
    brood_pipe *pipe;
} upper_caser;

/** "p": what runs in it, until nothing more comes. */
static int upper_caser_run(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    char text[64];
    size_t size = 1;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    while (!status && size) {
        status = brood_pipe_recv_bytes(pipe, text, sizeof text, &size, LONG_WAIT);
        for (size_t i = 0; !status && i < size; i++)
            text[i] = (char)toupper((unsigned char)text[i]);
        if (!status && size)
            status = brood_pipe_send_bytes(pipe, text, size, LONG_WAIT);
    }
    brood_pipe_destroy(pipe);
    return status ? 99 : 0;
}

static void upper_caser_start(upper_caser *self)
{
    brood_pipe *theirs = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_pipe_create(&self->pipe, &theirs, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&self->process, upper_caser_run, "p", theirs), 0);
    brood_pipe_destroy(theirs);
}

static void upper_caser_submit(upper_caser *self, const char *text, const char *expected)
{
    char got[64] = "";
    size_t size = 0;
    ASSERT_OK(brood_pipe_send_bytes(self->pipe, text, strlen(text), LONG_WAIT));
    ASSERT_OK(brood_pipe_recv_bytes(self->pipe, got, sizeof got - 1, &size, LONG_WAIT));
    CU_ASSERT_STRING_EQUAL(got, expected);
}

static void upper_caser_stop(upper_caser *self)
{
    ASSERT_OK(brood_pipe_send_bytes(self->pipe, "", 0, LONG_WAIT));
    brood_pipe_destroy(self->pipe);
    process_ends_with(self->process, 0);
}

// A struct that has a process and a pipe, in place of a class derived from Process.
static void test_subclassing(void)
{
    upper_caser caser = {NULL, NULL};
    upper_caser_start(&caser);
    upper_caser_submit(&caser, "hello", "HELLO");
    upper_caser_submit(&caser, "world", "WORLD");
    upper_caser_stop(&caser);
}

static int fails_at_length(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return brood_fail("%0800d", 7);
}

/** argv: where standard error goes. */
static int child_hears_a_failure(int argc, char **argv)
{
    brood_process *p = NULL;
    TEST_CHILD_CHECK(argc == 1 && freopen(argv[0], "ab", stderr));
    TEST_CHILD_CHECK(
        brood_process_create(&p, fails_at_length, NULL, BROOD_PROCESS(.name = "failing")) == 0);
    TEST_CHILD_CHECK(brood_process_start(p) == BROOD_OK);
    TEST_CHILD_CHECK(brood_process_join(p, LONG_WAIT) == BROOD_OK);
    brood_exit end = brood_process_exit(p);
    brood_process_destroy(p);
    return end.kind == BROOD_EXIT_CODE ? (int)end.code : 98;
}

// S35: one line with the text, no traceback
static void test_stderr_flush(void)
{
    char text[1000], expected[1000];
    brd_proc p = {0};
    gate g;
    if (act_longest_path() < 4096)
        TEST_SKIP("a reopened stream is not what children inherit here");
    gate_make(&g);
    const test_start how = {.child = "hears_a_failure", .args = {g.path}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 1);
    snprintf(expected, sizeof expected, "brood: failing: %0800d\n", 7);
    CU_ASSERT_STRING_EQUAL(notes_read(g.path, text, sizeof text), expected);
    gate_remove(&g, 0);
}

static const test_case cases[] = {
    TEST_CASE(test_set_executable),
    TEST_CASE(test_terminate),
    TEST_CASE(test_kill),
    TEST_CASE(test_interrupt_no_handler),
    TEST_CASE(test_sentinel),
    TEST_CASE(test_many_processes),
    TEST_CASE(test_parent_process),
    TEST_CASE(test_recursion),
    TEST_CASE(test_daemon_argument),
    TEST_CASE(test_wait_for_threads),
    TEST_CASE(test_error_on_stdio_flush_1),
    TEST_CASE(test_error_on_stdio_flush_2),
    TEST_CASE(test_atexit),
    TEST_CASE(test_subclassing),
    TEST_CASE(test_stderr_flush),
    TEST_CHILD("has_no_streams", child_has_no_streams),
    TEST_CHILD("hears_a_failure", child_hears_a_failure),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "process", cases);
}
