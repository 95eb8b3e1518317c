/*
 * Programs in odd surroundings: under odd names, renamed, deleted or replaced while they
 * run, with very many arguments, without standard streams, without /proc, in hosts that
 * take the ends of children away. Run on every system from this one source. The one thing
 * to know: each case is a copy of this program, or this program once more, that has a pool
 * and tells by its exit code whether that did its work.
 */
#include "api/pools.h"
#include "fault/acts.h"
#include <apr_file_io.h>
#include <apr_general.h>
#include <brood/process.h>

enum { ARGUMENTS = 5000 };

/* -------------------------------------------------------------- in the copy */

static int64_t applied(brood_pool *pool, brood_function *function, int32_t n)
{
    int64_t value = -1;
    brood_message result = BROOD_MESSAGE_INIT;
    TEST_CHILD_CHECK(brood_pool_run(pool, function, &result, "i", n) == BROOD_OK);
    TEST_CHILD_CHECK(brood_unpack(&result, "x", &value) == BROOD_OK);
    brood_message_clear(&result);
    return value;
}

static int aborts(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    abort();
}

/** A pool at work, a worker that dies and is replaced, and an end. */
static void use_a_pool(brood_pool *pool)
{
    brood_message result = BROOD_MESSAGE_INIT;
    for (int32_t n = 0; n < 20; n++)
        TEST_CHILD_CHECK(applied(pool, square, n) == (int64_t)n * n);
    TEST_CHILD_CHECK(brood_pool_run(pool, aborts, &result, "") == BROOD_EWORKERLOST);
    const brood_error *error = brood_message_error(&result);
    TEST_CHILD_CHECK(error && (error->exit_kind == BROOD_EXIT_UNKNOWN || error->exit_code));
    for (int32_t n = 0; n < 20; n++)
        TEST_CHILD_CHECK(applied(pool, square, n) == (int64_t)n * n);
    brood_message_clear(&result);
}

static void have_a_pool(void)
{
    brood_pool *pool = NULL;
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = 2)) == BROOD_OK);
    use_a_pool(pool);
    TEST_CHILD_CHECK(brood_pool_close(pool) == BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_join(pool, test_ms(60000)) == BROOD_OK);
    brood_pool_destroy(pool);
}

static int child_has_a_pool(int argc, char **argv)
{
    (void)argc, (void)argv;
    have_a_pool();
    return 0;
}

static int child_counts_arguments(int argc, char **argv)
{
    TEST_CHILD_CHECK(argc == ARGUMENTS);
    TEST_CHILD_CHECK(strcmp(argv[ARGUMENTS - 1], "the last") == 0);
    have_a_pool();
    return 0;
}

static int child_has_no_streams(int argc, char **argv)
{
    (void)argc, (void)argv;
    act_close_standard();
    have_a_pool();
    return 0;
}

static int child_has_no_proc(int argc, char **argv)
{
    (void)argc, (void)argv;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return 77; // sanitizers read it
#endif
    if (!act_hide_proc())
        return 77;
    have_a_pool();
    return 0;
}

static int child_ignores_children(int argc, char **argv)
{
    (void)argc, (void)argv;
    if (!act_ignore_children())
        return 77;
    have_a_pool();
    return 0;
}

static int child_reaps_children(int argc, char **argv)
{
    (void)argc, (void)argv;
    if (brood_get_start_method() == BROOD_FORK || !act_reap_children())
        return 77;
    have_a_pool();
    act_thread_end();
    return 0;
}

/** argv: what becomes of this program's own file, and where that is. */
static int child_loses_its_file(int argc, char **argv)
{
    brood_pool *pool = NULL;
    apr_pool_t *memory = NULL;
    TEST_CHILD_CHECK(argc == 2);
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = 2)) == BROOD_OK);
    TEST_CHILD_CHECK(apr_pool_create(&memory, NULL) == 0);
    TEST_CHILD_CHECK(applied(pool, square, 5) == 25);
    char other[1200];
    snprintf(other, sizeof other, "%s.other", argv[1]);
    if (strcmp(argv[0], "rename") == 0) {
        TEST_CHILD_CHECK(apr_file_rename(argv[1], other, memory) == 0);
    } else if (strcmp(argv[0], "delete") == 0) {
        TEST_CHILD_CHECK(apr_file_remove(argv[1], memory) == 0);
    } else {
        FILE *file = fopen(other, "wb");
        TEST_CHILD_CHECK(file && fputs("another program\n", file) >= 0 && fclose(file) == 0);
        TEST_CHILD_CHECK(apr_file_rename(other, argv[1], memory) == 0);
    }
    use_a_pool(pool);
    brood_pool_destroy(pool);
    apr_pool_destroy(memory);
    return 0;
}

/* -------------------------------------------------------------- in the test */

static int64_t end_of(const char *program, const char *const *argv)
{
    brd_proc p = {0};
    const brd_launch how = {.program = program, .argv = argv};
    fflush(stdout);
    int status = brd_os_proc_start(&p, &how);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    return test_end(&p);
}

static void run_child(const char *name)
{
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &(test_start){.child = name}), 0);
    int64_t code = test_end(&p);
    if (code == 77)
        TEST_SKIP("not on this system, or not allowed");
    CU_ASSERT_EQUAL(code, 0);
}

static void copy_self(const char *to, apr_pool_t *memory)
{
    char self[4096];
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    CU_ASSERT_EQUAL_FATAL(apr_file_copy(self, to, APR_FILE_SOURCE_PERMS, memory), 0);
}

static void put_beside_self(char *path, size_t cap, const char *ending)
{
    char self[800];
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    snprintf(path, cap, "%s.%lld%s", self, (long long)brd_os_pid(), ending);
}

static void paths_with_spaces_and_letters(void)
{
    apr_pool_t *memory = NULL;
    char directory[1024], path[1100];
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    put_beside_self(directory, sizeof directory, " a dir; $HOME 'x' \xc3\xa4\xe2\x82\xac");
    snprintf(path, sizeof path, "%s/pr\xc3\xb6gram \xe4\xb8\xad.exe", directory);
    CU_ASSERT_EQUAL_FATAL(apr_dir_make(directory, APR_FPROT_OS_DEFAULT, memory), 0);
    copy_self(path, memory);
    const char *const argv[] = {path, "--child=has_a_pool", NULL};
    CU_ASSERT_EQUAL(end_of(path, argv), 0);
    CU_ASSERT_EQUAL(apr_file_remove(path, memory), 0);
    CU_ASSERT_EQUAL(apr_dir_remove(directory, memory), 0);
    apr_pool_destroy(memory);
}

// As long as the system lets a path be.
static void a_path_of_4000_bytes(void)
{
    enum { LEVELS = 17, PART = 220 };
    static char path[4096];
    size_t ends[LEVELS + 1], depth = 0;
    apr_pool_t *memory = NULL;
    if (act_longest_path() < 4096)
        TEST_SKIP("no path is that long here");
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    put_beside_self(path, sizeof path, "");
    for (size_t at = strlen(path); depth < LEVELS && at + PART + 20 < sizeof path; depth++) {
        CU_ASSERT_EQUAL_FATAL(apr_dir_make(path, APR_FPROT_OS_DEFAULT, memory), 0);
        ends[depth] = at;
        path[at++] = '/';
        memset(path + at, 'd', PART);
        at += PART;
        path[at] = '\0';
    }
    CU_ASSERT(strlen(path) > 3700);
    copy_self(path, memory);
    const char *const argv[] = {path, "--child=has_a_pool", NULL};
    CU_ASSERT_EQUAL(end_of(path, argv), 0);
    CU_ASSERT_EQUAL(apr_file_remove(path, memory), 0);
    while (depth) {
        path[ends[--depth]] = '\0';
        CU_ASSERT_EQUAL(apr_dir_remove(path, memory), 0);
    }
    apr_pool_destroy(memory);
}

static void five_thousand_arguments(void)
{
    static const char *argv[ARGUMENTS + 3];
    char self[4096];
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    argv[0] = self;
    argv[1] = "--child=counts_arguments";
    for (int i = 0; i < ARGUMENTS - 1; i++)
        argv[2 + i] = "x";
    argv[ARGUMENTS + 1] = "the last";
    CU_ASSERT_EQUAL(end_of(self, argv), 0);
}

static void no_standard_streams(void)
{
    run_child("has_no_streams");
}

static void no_proc(void)
{
    run_child("has_no_proc");
}

static void a_host_that_ignores_its_children(void)
{
    run_child("ignores_children");
}

static void a_host_that_reaps_all_children(void)
{
    run_child("reaps_children");
}

static void a_long_temporary_directory(void)
{
    apr_pool_t *memory = NULL;
    char directory[1200], setting[1300];
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    char ending[140] = ".";
    memset(ending + 1, 't', 120);
    put_beside_self(directory, sizeof directory, ending);
    CU_ASSERT_EQUAL_FATAL(apr_dir_make(directory, APR_FPROT_OS_DEFAULT, memory), 0);
    snprintf(setting, sizeof setting, "TMPDIR=%s", directory);
    const char *const env[] = {setting, "BROOD_OS_BELL=handle", NULL};
    test_start how = {.child = "has_a_pool", .env = env};
    if (act_longest_path() < 4096)
        how.env = NULL; // what a program needs in its environment there is the system's secret
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    CU_ASSERT_EQUAL(apr_dir_remove(directory, memory), 0); // which nothing was left in
    apr_pool_destroy(memory);
}

static void lose_file(const char *how)
{
    apr_pool_t *memory = NULL;
    char path[1100], other[1200];
    if (act_longest_path() < 4096)
        TEST_SKIP("the file of a program that runs stays where it is here");
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    put_beside_self(path, sizeof path, how);
    copy_self(path, memory);
    const char *const argv[] = {path, "--child=loses_its_file", how, path, NULL};
    CU_ASSERT_EQUAL(end_of(path, argv), 0);
    snprintf(other, sizeof other, "%s.other", path);
    (void)apr_file_remove(path, memory);
    (void)apr_file_remove(other, memory);
    apr_pool_destroy(memory);
}

static void a_program_is_renamed(void)
{
    lose_file("rename");
}

static void a_program_is_deleted(void)
{
    lose_file("delete");
}

static void a_program_is_replaced(void)
{
    lose_file("replace");
}

static const test_case cases[] = {
    TEST_CASE(paths_with_spaces_and_letters),
    TEST_CASE(a_path_of_4000_bytes),
    TEST_CASE(five_thousand_arguments),
    TEST_CASE(no_standard_streams),
    TEST_CASE(no_proc),
    TEST_CASE(a_host_that_ignores_its_children),
    TEST_CASE(a_host_that_reaps_all_children),
    TEST_CASE(a_long_temporary_directory),
    TEST_CASE(a_program_is_renamed),
    TEST_CASE(a_program_is_deleted),
    TEST_CASE(a_program_is_replaced),
    TEST_CHILD("has_a_pool", child_has_a_pool),
    TEST_CHILD("counts_arguments", child_counts_arguments),
    TEST_CHILD("has_no_streams", child_has_no_streams),
    TEST_CHILD("has_no_proc", child_has_no_proc),
    TEST_CHILD("ignores_children", child_ignores_children),
    TEST_CHILD("reaps_children", child_reaps_children),
    TEST_CHILD("loses_its_file", child_loses_its_file),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "surroundings", cases);
}
