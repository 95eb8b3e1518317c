/*
 * What a context gives its children: environment, directory, streams and limits, by every
 * start method. Run on every system from this one source. The one thing to know: a child
 * tells what it has; what it prints goes to a file that is this test's standard output.
 */
#include "fault/acts.h"
#include "fault/methods.h"
#include <apr_env.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <brood/process.h>

#define SET  "BROOD_TEST_SET"
#define GONE "BROOD_TEST_GONE"
#define KEPT "BROOD_TEST_KEPT"

/** Calls a check once for each start method, with a pool of a context like `options`. */
static void with_each_method(const brood_context_options *options, void (*check)(brood_pool *))
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context_options o = *options;
        brood_context *context = NULL;
        brood_pool *pool = NULL;
        o.method = all[i];
        CU_ASSERT_EQUAL_FATAL(brood_context_create(&context, &o), BROOD_OK);
        int status = brood_pool_create(&pool, BROOD_POOL(.processes = 1, .context = context));
        CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
        check(pool);
        pool_end(pool);
        brood_context_destroy(context);
    }
}

static void check_text(brood_pool *pool, brood_function *function, const char *name,
                       const char *expected)
{
    brood_message result = BROOD_MESSAGE_INIT;
    const char *text = "";
    ASSERT_OK(brood_pool_run(pool, function, &result, "s", name));
    ASSERT_OK(brood_unpack(&result, "s", &text));
    CU_ASSERT_STRING_EQUAL(text, expected);
    brood_message_clear(&result);
}

/* -------------------------------------------------------------- environment */

static int tell_variable(brood_message *args, brood_message *result)
{
    const char *name;
    char *value = NULL;
    apr_pool_t *memory = NULL;
    int status = brood_unpack(args, "s", &name);
    if (status)
        return status;
    if (apr_initialize() || apr_pool_create(&memory, NULL)) // a worker has no pool that did it
        return BROOD_ENOMEM;
    if (apr_env_get(&value, name, memory))
        value = NULL;
    status = brood_pack(result, "s", value ? value : "none");
    apr_pool_destroy(memory);
    return status;
}

static void check_environment(brood_pool *pool)
{
    check_text(pool, tell_variable, SET, "gr\xc3\xbc\xc3\x9f = dich");
    check_text(pool, tell_variable, KEPT, "kept");
    check_text(pool, tell_variable, GONE, "none");
    check_text(pool, tell_variable, SET "2", "");
}

static void the_environment_is_changed(void)
{
    const char *const env[] = {SET "=gr\xc3\xbc\xc3\x9f = dich", GONE, SET "2=", NULL};
    apr_pool_t *memory = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    CU_ASSERT_EQUAL(apr_env_set(SET, "old", memory), 0);
    CU_ASSERT_EQUAL(apr_env_set(GONE, "there", memory), 0);
    CU_ASSERT_EQUAL(apr_env_set(KEPT, "kept", memory), 0);
    with_each_method(BROOD_CONTEXT(.env = env), check_environment);
    char *own = NULL;
    CU_ASSERT_EQUAL(apr_env_get(&own, SET, memory), 0);
    CU_ASSERT(own && strcmp(own, "old") == 0);
    CU_ASSERT_EQUAL(apr_env_get(&own, GONE, memory), 0);
    CU_ASSERT_EQUAL(apr_env_delete(SET, memory), 0);
    CU_ASSERT_EQUAL(apr_env_delete(GONE, memory), 0);
    CU_ASSERT_EQUAL(apr_env_delete(KEPT, memory), 0);
    apr_pool_destroy(memory);
}

/* ---------------------------------------------------------------- directory */

static char directory[1200];

static int makes_file(brood_message *args, brood_message *result)
{
    const char *name;
    int status = brood_unpack(args, "s", &name);
    if (!status)
        file_touch(name); // without a path
    return status ? status : brood_pack(result, "s", name);
}

static void check_directory(brood_pool *pool)
{
    char path[1300];
    apr_pool_t *memory = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    check_text(pool, makes_file, "a file", "a file");
    snprintf(path, sizeof path, "%s/a file", directory);
    CU_ASSERT_EQUAL(apr_file_remove(path, memory), 0); // stdio takes no UTF-8 on Windows
    apr_pool_destroy(memory);
}

static void the_directory_is_another(void)
{
    apr_pool_t *memory = NULL;
    char self[1000];
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    snprintf(directory, sizeof directory, "%s.%lld \xc3\xa4", self, (long long)brd_os_pid());
    CU_ASSERT_EQUAL_FATAL(apr_dir_make(directory, APR_FPROT_OS_DEFAULT, memory), 0);
    with_each_method(BROOD_CONTEXT(.directory = directory), check_directory);
    CU_ASSERT_EQUAL(apr_dir_remove(directory, memory), 0);
    apr_pool_destroy(memory);
}

static void a_directory_that_is_not_there(void)
{
    brood_start_method all[3];
    size_t count = methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = NULL;
        brood_pool *pool = NULL;
        ASSERT_OK(brood_context_create(
            &context, BROOD_CONTEXT(.method = all[i], .directory = "/no/such/directory")));
        int status = brood_pool_create(&pool, BROOD_POOL(.processes = 2, .context = context));
        CU_ASSERT_NOT_EQUAL(status, BROOD_OK);
        CU_ASSERT_NOT_EQUAL(brood_status_text(status)[0], '\0');
        CU_ASSERT_PTR_NULL(pool);
        brood_context_destroy(context);
    }
}

/* ------------------------------------------------------------------ streams */

static int prints(brood_message *args, brood_message *result)
{
    (void)args;
    printf("out\n");
    fprintf(stderr, "err\n");
    fflush(stdout);
    return brood_pack(result, "x", INT64_C(1));
}

/** argv: a file for both streams, which of them goes nowhere, and the start method. */
static int child_has_streams(int argc, char **argv)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    TEST_CHILD_CHECK(argc == 3);
    bool out = strcmp(argv[1], "out") == 0;
    const brood_context_options o = {
        .struct_size = sizeof o,
        .method = (brood_start_method)atoi(argv[2]),
        .out = out ? BROOD_STDIO_NULL : BROOD_STDIO_INHERIT,
        .err = out ? BROOD_STDIO_INHERIT : BROOD_STDIO_NULL,
    };
    TEST_CHILD_CHECK(freopen(argv[0], "ab", out ? stderr : stdout) != NULL);
    TEST_CHILD_CHECK(brood_context_create(&context, &o) == BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .context = context)) ==
                     BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_run(pool, prints, NULL, "") == BROOD_OK);
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    return 0;
}

static void streams_go_nowhere(void)
{
    static const char *const quiet[] = {"out", "err"};
    brood_start_method all[3];
    size_t count = methods(all);
    if (act_longest_path() < 4096)
        TEST_SKIP("a reopened stream is not what children inherit here");
    for (size_t i = 0; i < 2 * count; i++) {
        gate g;
        gate_make(&g);
        brd_proc p = {0};
        char method[16];
        snprintf(method, sizeof method, "%d", (int)all[i / 2]);
        const test_start how = {.child = "has_streams", .args = {g.path, quiet[i % 2], method}};
        CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
        CU_ASSERT_EQUAL(test_end(&p), 0);
        CU_ASSERT_EQUAL(file_size(g.path), 4); // "err\n", or "out\n"
        gate_remove(&g, 0);
    }
}

/* ------------------------------------------------------------------- limits */

static int tell_cpus(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)brood_cpu_count());
}

static void check_one_cpu(brood_pool *pool)
{
    CU_ASSERT_EQUAL(run_number(pool, tell_cpus), 1);
}

static void children_may_use_one_cpu(void)
{
    const uint32_t first = act_some_cpu();
    with_each_method(BROOD_CONTEXT(.cpus = &first, .ncpus = 1), check_one_cpu);
}

static int tell_nice(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)act_niceness());
}

static void check_nice(brood_pool *pool)
{
    CU_ASSERT_EQUAL(run_number(pool, tell_nice), 12);
}

static void children_are_nice(void)
{
    with_each_method(BROOD_CONTEXT(.nice = 12), check_nice);
}

enum { CAP_MIB = 512 };

static int takes_memory(brood_message *args, brood_message *result)
{
    static void *volatile blocks[2 * CAP_MIB / 16];
    int64_t got = 0;
    (void)args;
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
        blocks[i] = malloc(16 << 20);
        got += blocks[i] ? 16 : 0;
    }
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        free(blocks[i]);
    return brood_pack(result, "x", got);
}

static void check_memory(brood_pool *pool)
{
    int64_t got = run_number(pool, takes_memory);
    CU_ASSERT(got > CAP_MIB / 2 && got <= CAP_MIB);
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
}

static void children_have_so_much_memory(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
    TEST_SKIP("a sanitizer has terabytes");
#endif
    if (act_is_wine())
        TEST_SKIP("Wine keeps no limits of memory");
    with_each_method(BROOD_CONTEXT(.memory = (uint64_t)CAP_MIB << 20), check_memory);
}

// A limit that cannot be kept is no reason to go on without it.
static void a_cpu_that_is_not_there(void)
{
    const uint32_t distant = 1000;
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_context_create(&context, BROOD_CONTEXT(.cpus = &distant, .ncpus = 1)));
    ASSERT_OK(
        brood_pool_create(&pool, BROOD_POOL(.processes = 1, .restarts = 2, .context = context)));
    CU_ASSERT_EQUAL(brood_pool_run(pool, square, &result, "i", 3), BROOD_EBROKEN);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT(error && strstr(error->text, "could not start"));
    brood_message_clear(&result);
    brood_pool_destroy(pool);
    brood_context_destroy(context);
}

static void hears_nothing(const brood_line *line, void *baton)
{
    (void)line, (void)baton;
}

static void options_that_make_no_sense(void)
{
    const uint32_t distant = 1024;
    const char *const nameless[] = {"=x", NULL}, *const empty[] = {"", NULL};
    const brood_context_options *const all[] = {
        BROOD_CONTEXT(.env = nameless),
        BROOD_CONTEXT(.env = empty),
        BROOD_CONTEXT(.nice = 20),
        BROOD_CONTEXT(.ncpus = 1),
        BROOD_CONTEXT(.ncpus = 1, .cpus = &distant),
        BROOD_CONTEXT(.out = (brood_stdio)7),
        BROOD_CONTEXT(.err = (brood_stdio)(BROOD_STDIO_CAPTURE + 1)),
        BROOD_CONTEXT(.err = BROOD_STDIO_NULL, .on_line = hears_nothing),
        BROOD_CONTEXT(.err = (brood_stdio)7),
        NULL,
    };
    for (size_t i = 0; all[i]; i++) {
        brood_context *context = NULL;
        CU_ASSERT_EQUAL(brood_context_create(&context, all[i]), BROOD_EINVAL);
        CU_ASSERT_PTR_NULL(context);
    }
}

static const test_case cases[] = {
    TEST_CASE(the_environment_is_changed),
    TEST_CASE(the_directory_is_another),
    TEST_CASE(a_directory_that_is_not_there),
    TEST_CASE(streams_go_nowhere),
    TEST_CASE(children_may_use_one_cpu),
    TEST_CASE(children_are_nice),
    TEST_CASE(children_have_so_much_memory),
    TEST_CASE(a_cpu_that_is_not_there),
    TEST_CASE(options_that_make_no_sense),
    TEST_CHILD("has_streams", child_has_streams),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "context", cases);
}
