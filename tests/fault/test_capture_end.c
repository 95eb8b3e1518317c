/*
 * How captured workers end: what they wrote to standard error is in the error of their
 * task, all of it, and at once, whoever else holds the stream or is slow to read it.
 */
#include "fault/captured.h"

#include <signal.h>

enum { TAIL = 4096 };

/** Runs a fault in a pool of one worker; the error is in *result, to be cleared. */
static const brood_error *run_fault(brood_pool *pool, brood_function *fault, brood_message *result)
{
    CU_ASSERT_EQUAL(brood_pool_run(pool, fault, result, ""), BROOD_EWORKERLOST);
    const brood_error *error = brood_message_error(result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    return error;
}

static void check_output(const brood_error *error, const char *expected)
{
    CU_ASSERT_PTR_NOT_NULL_FATAL(error->output);
    if (strcmp(error->output, expected) != 0)
        printf("        %s\n", error->output);
    CU_ASSERT_STRING_EQUAL(error->output, expected);
    CU_ASSERT_EQUAL(error->output_size, strlen(expected));
}

/** The same, from its context to its end. */
static void check_fault(brood_function *fault, const char *expected)
{
    listener l;
    brood_message result = BROOD_MESSAGE_INIT;
    listener_open(&l);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 1);
    check_output(run_fault(pool, fault, &result), expected);
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    pool_end(pool);
    brood_context_destroy(context);
    if (*expected) {
        char line[64];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(expected, "\n"), expected);
        CU_ASSERT_PTR_NOT_NULL(find_line(&l, line));
    }
    brood_message_clear(&result);
    listener_close(&l);
}

/* --------------------------------------------------------------- last words */

static int says_and_aborts(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    PRINT(true, "out of cheese\nerror ");
    fprintf(stderr, "%d", 7);
    fflush(stderr);
    abort();
}

static void words_before_an_abort(void)
{
    check_fault(says_and_aborts, "out of cheese\nerror 7");
}

static int says_nothing_and_exits(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    PRINT(false, "this is no error\n");
    brd_os_exit(3); // a sanitizer has words of its own at exit
}

static void no_words_before_an_exit(void)
{
    check_fault(says_nothing_and_exits, "");
}

static void on_fault(int signal)
{
    (void)signal;
    PRINT(true, "the handler was here");
    act_kill_self(); // NOLINT: a system call alone
}

static volatile uintptr_t nowhere = 16;

static int has_a_handler(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    signal(SIGSEGV, on_fault);
    *(volatile int *)nowhere = 1;
    return 0;
}

static void words_of_a_handler(void)
{
    check_fault(has_a_handler, "the handler was here");
}

static int says_much_and_is_killed(brood_message *args, brood_message *result)
{
    static char block[3 * TAIL];
    (void)args, (void)result;
    memset(block, 'm', sizeof block);
    block[sizeof block - 2] = '\0';
    block[sizeof block - 1] = '!';
    for (int i = 0; i < 100; i++) // more than a pipe holds
        print_raw(true, block, sizeof block - (i < 99));
    act_kill_self();
}

static void only_the_end_is_kept(void)
{
    brood_message result = BROOD_MESSAGE_INIT;
    brood_context *context = capturing(NULL);
    brood_pool *pool = captured_pool(context, 1);
    const brood_error *error = run_fault(pool, says_much_and_is_killed, &result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error->output);
    CU_ASSERT_EQUAL_FATAL(error->output_size, TAIL);
    for (size_t i = 0; i < TAIL - 2; i++)
        if (error->output[i] != 'm')
            CU_FAIL("a byte of the middle is another one");
    CU_ASSERT_EQUAL(memcmp(error->output + TAIL - 2, "\0!", 3), 0); // and a NUL
    brood_message_clear(&result);
    pool_end(pool);
    brood_context_destroy(context);
}

static void without_capture_there_is_nothing(void)
{
    brood_message result = BROOD_MESSAGE_INIT;
    brood_context *context = NULL;
    ASSERT_OK(brood_context_create(
        &context, BROOD_CONTEXT(.out = BROOD_STDIO_CAPTURE, .err = BROOD_STDIO_NULL)));
    brood_pool *pool = captured_pool(context, 1);
    const brood_error *error = run_fault(pool, says_and_aborts, &result);
    CU_ASSERT_PTR_NULL(error->output);
    CU_ASSERT_EQUAL(error->output_size, 0);
    brood_message_clear(&result);
    pool_end(pool);
    brood_context_destroy(context);
}

/** "i": prints its number in mid-line, and dies if that is 2. */
static int two_dies(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    fprintf(stderr, "%d,", (int)n);
    if (n == 2)
        act_kill_self();
    return status ? status : brood_pack(result, "x", (int64_t)n);
}

static void the_lost_item_of_a_map_has_it(void)
{
    static const int32_t in[] = {0, 1, 2, 3};
    listener l;
    brood_results *results = NULL;
    listener_open(&l);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 1);
    CU_ASSERT_EQUAL(brood_pool_map(pool, two_dies, brood_items_int32(in, 4),
                                   BROOD_MAP(.chunksize = 4), &results),
                    BROOD_EWORKERLOST);
    const brood_error *error = brood_results_error(results, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    check_output(error, "0,1,2,");
    brood_results_destroy(results);
    pool_end(pool);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL(l.count, 2); // a line that has no end ends with its worker
    CU_ASSERT_PTR_NOT_NULL(find_line(&l, "0,1,2,"));
    CU_ASSERT_PTR_NOT_NULL(find_line(&l, "3,"));
    listener_close(&l);
}

static int waits_and_aborts(brood_message *args, brood_message *result)
{
    (void)gate_pass(args, result);
    return says_and_aborts(args, result);
}

// Workers that come to nothing break the pool: why, says one of the tasks that fail.
static void an_initializer_that_dies(void)
{
    enum { ITEMS = 8 };
    int32_t in[ITEMS] = {0};
    gate g;
    brood_pool *pool = NULL;
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    size_t told = 0;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    brood_context *context = capturing(NULL);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .restarts = 1,
                                                  .initializer = waits_and_aborts,
                                                  .initializer_args = &args, .context = context)));
    ASSERT_OK(brood_pool_map_async(pool, square, brood_items_int32(in, ITEMS), NULL, &future));
    gate_open(&g);
    CU_ASSERT_EQUAL(brood_future_get(future, test_ms(60000), NULL), BROOD_EBROKEN);
    for (size_t i = 0; i < ITEMS; i++) {
        const brood_error *error = brood_results_error(brood_future_results(future), i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(error);
        CU_ASSERT_EQUAL(error->status, BROOD_EBROKEN);
        told += error->output && strcmp(error->output, "out of cheese\nerror 7") == 0;
    }
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_EQUAL(brood_pool_run(pool, square, &result, "i", 3), BROOD_EBROKEN);
    CU_ASSERT_PTR_NOT_NULL_FATAL(brood_message_error(&result));
    check_output(brood_message_error(&result), "out of cheese\nerror 7");
    brood_message_clear(&result);
    brood_message_clear(&args);
    brood_future_destroy(future);
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    gate_remove(&g, 1);
}

/* ------------------------------------------------------------------ who waits */

// The error does not wait for whoever listens: on_line returns only after it has come.
static void a_listener_that_is_slow(void)
{
    listener l;
    gate g;
    brood_message result = BROOD_MESSAGE_INIT;
    listener_open(&l);
    gate_make(&g);
    l.gate = g.path;
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 1);
    ASSERT_OK(brood_pool_run(pool, two_dies, NULL, "i", 1)); // which is not a line yet
    check_output(run_fault(pool, says_and_aborts, &result), "1,out of cheese\nerror 7");
    CU_ASSERT_FATAL(await_line(&l, "1,out of cheese"));
    brood_message_clear(&result);
    check_output(run_fault(pool, says_and_aborts, &result), "out of cheese\nerror 7");
    pool_end(pool);
    CU_ASSERT_EQUAL(l.count, 1); // it stands there still
    gate_open(&g);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL(l.count, 4);
    brood_message_clear(&result);
    gate_remove(&g, 0);
    listener_close(&l);
}

static char self[1024];

/** "s", a gate: starts a program that holds its streams until that is open, and dies. */
static int leaves_one_behind(brood_message *args, brood_message *result)
{
    const char *path;
    char name[1100];
    (void)result;
    int status = brood_unpack(args, "s", &path);
    if (status || brd_os_self_path(self, sizeof self) ||
        !act_start_aside(self, "--child=holds-streams", path))
        return status ? status : brood_fail("no program");
    gate_name(name, sizeof name, path, 0);
    if (!await_file(name, 20000))
        return brood_fail("it did not come up");
    PRINT(true, "goodbye");
    act_kill_self();
}

static int child_holds_streams(int argc, char **argv)
{
    char name[1100];
    TEST_CHILD_CHECK(argc == 1);
    gate_name(name, sizeof name, argv[0], 0);
    file_touch(name);
    (void)await_file(argv[0], 60000);
    gate_name(name, sizeof name, argv[0], 1);
    file_touch(name);
    return 0;
}

static void somebody_holds_the_stream(void)
{
    listener l;
    gate g;
    brood_message result = BROOD_MESSAGE_INIT;
    listener_open(&l);
    gate_make(&g);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 1);
    CU_ASSERT_EQUAL(brood_pool_run(pool, leaves_one_behind, &result, "s", g.path),
                    BROOD_EWORKERLOST);
    CU_ASSERT_PTR_NOT_NULL_FATAL(brood_message_error(&result));
    check_output(brood_message_error(&result), "goodbye");
    CU_ASSERT(await_line(&l, "goodbye")); // although the stream goes on
    pool_end(pool);
    brood_context_destroy(context); // does not wait for it
    gate_open(&g);
    if (brood_all_start_methods(NULL, 0) > 1) // else it has ended with its worker's job
        CU_ASSERT(gate_await(&g, 1));
    brood_message_clear(&result);
    gate_remove(&g, 2);
    listener_close(&l);
}

/* ---------------------------------------------------------------- a process */

static int says_and_waits(brood_message *args, brood_message *result)
{
    PRINT(true, "here I am");
    return gate_pass(args, result);
}

static void a_process_tells_its_output(void)
{
    char text[64] = "old";
    gate g;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    brood_context *context = capturing(NULL);
    brood_process *p = NULL;
    ASSERT_OK(brood_process_create(&p, says_and_waits, &args, BROOD_PROCESS(.context = context)));
    CU_ASSERT_EQUAL(brood_process_output(p, text, sizeof text), 0);
    CU_ASSERT_STRING_EQUAL(text, "");
    ASSERT_OK(brood_process_start(p));
    CU_ASSERT(gate_await(&g, 0));
    brd_time until = test_deadline(20000);
    while (!brood_process_output(p, NULL, 0) && brd_os_now() < until) // it runs, and is read
        moment();
    CU_ASSERT_EQUAL(brood_process_output(p, text, sizeof text), 9);
    CU_ASSERT_STRING_EQUAL(text, "here I am");
    CU_ASSERT_EQUAL(brood_process_output(p, text, 5), 9);
    CU_ASSERT_STRING_EQUAL(text, "I am");
    ASSERT_OK(brood_process_kill(p));
    ASSERT_OK(brood_process_join(p, test_ms(60000)));
    CU_ASSERT_EQUAL(brood_process_output(p, text, sizeof text), 9);
    brood_process_destroy(p);
    CU_ASSERT_EQUAL(brood_process_output(NULL, text, sizeof text), 0);
    brood_context_destroy(context);
    gate_remove(&g, 1);
    brood_message_clear(&args);
}

static int fails_with_a_text(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return brood_fail("no such thing");
}

static void a_failure_of_a_process_is_its_output(void)
{
    char text[64];
    brood_context *context = capturing(NULL);
    brood_process *p = captured_process(context, fails_with_a_text, NULL, "maker");
    ASSERT_OK(brood_process_join(p, test_ms(60000)));
    CU_ASSERT(brood_process_output(p, text, sizeof text) > 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "maker: no such thing"));
    brood_process_destroy(p);
    brood_context_destroy(context);
}

static const test_case cases[] = {
    TEST_CASE(words_before_an_abort),
    TEST_CASE(no_words_before_an_exit),
    TEST_CASE(words_of_a_handler),
    TEST_CASE(only_the_end_is_kept),
    TEST_CASE(without_capture_there_is_nothing),
    TEST_CASE(the_lost_item_of_a_map_has_it),
    TEST_CASE(an_initializer_that_dies),
    TEST_CASE(a_listener_that_is_slow),
    TEST_CASE(somebody_holds_the_stream),
    TEST_CASE(a_process_tells_its_output),
    TEST_CASE(a_failure_of_a_process_is_its_output),
    TEST_CHILD("holds-streams", child_holds_streams),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "capture_end", cases);
}
