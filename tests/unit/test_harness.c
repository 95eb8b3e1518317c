/*
 * The harness itself: that it sees a failed assertion and each kind of leak. Every
 * bad test is an inner suite in a child of this executable, because the outer one
 * would fail with it. The one thing to know: a child answers with its number of
 * failures only if the leak was named as it should be, else with 90.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum { WRONGLY_NAMED = 90 };

static int inner(void (*test)(void), const char *leak)
{
    const test_case cases[] = {{.name = "inner", .run = test}, {0}};
    char name[] = "inner";
    char *argv[] = {name, NULL};
    int result = 0;
    test_settle_ms = 50;
    result = test_main(1, argv, "inner", cases);
    return strstr(test_last_leak(), leak) ? result : WRONGLY_NAMED;
}

/* ------------------------------------------------------ what is done wrong */

static void does_nothing_wrong(void)
{
    CU_ASSERT(true);
}

static void fails(void)
{
    CU_ASSERT_EQUAL(1, 2);
}

static void fails_for_good(void)
{
    CU_FAIL_FATAL("at once");
    abort();
}

static void crashes(void)
{
    abort();
}

static void skips(void)
{
    TEST_SKIP("the inner test wants to");
}

static void leaks_handle(void)
{
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    brd_os_chan_close(&mine);
}

static void never_ends(void *baton)
{
    brd_mutex mutex;
    brd_cond cond;
    (void)baton;
    brd_os_mutex_init(&mutex);
    brd_os_cond_init(&cond);
    brd_os_mutex_lock(&mutex);
    for (;;)
        brd_os_cond_wait(&cond, &mutex, BRD_FOREVER);
}

static void leaks_thread(void)
{
    brd_thread thread = {0};
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, never_ends, NULL), 0);
}

/** Its channel's end in here, by which it dies with this process, is kept on purpose. */
static void leaks_child(void)
{
    static brd_chan *mine;
    static brd_proc child;
    brd_handle theirs = BRD_NONE;
    test_start how = {.child = "hangs", .inherit = &theirs, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    brd_os_close(&theirs);
}

static void leaks_segment(void)
{
    brd_shm shm = {.segment = BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 4096), 0);
    brd_os_close(&shm.segment);
}

static int child_good(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(does_nothing_wrong, "");
}

static int child_fails(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(fails, "");
}

static int child_fatal(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(fails_for_good, "");
}

static int child_crashes(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(crashes, "");
}

static int child_skips(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(skips, "");
}

static int child_handle(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(leaks_handle, "handles");
}

static int child_thread(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    // At once, because the thread that was left behind never ends.
    brd_os_exit(inner(leaks_thread, "threads"));
}

static int child_child(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(leaks_child, "children");
}

static int child_segment(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return inner(leaks_segment, "segments");
}

/** Lives until its parent does not. */
static int child_hangs(int argc, char **argv)
{
    brd_chan *parent = NULL;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&parent, test_handle(argv[0])) == 0);
    brd_os_chan_wait(parent, BRD_READ, BRD_FOREVER);
    brd_os_chan_close(&parent);
    return 0;
}

/* --------------------------------------------------------------- the tests */

static int64_t result_of(const char *child)
{
    brd_proc p = {0};
    int status = test_start_child(&p, &(test_start){.child = child});
    return status ? -2 : test_end(&p);
}

static void passes_what_is_good(void)
{
    CU_ASSERT_EQUAL(result_of("good"), 0);
}

static void catches_a_failed_assertion(void)
{
    CU_ASSERT_EQUAL(result_of("fails"), 1);
    CU_ASSERT_EQUAL(result_of("fatal"), 1);
}

static void catches_a_crash(void)
{
    int64_t result = result_of("crashes");
    CU_ASSERT_NOT_EQUAL(result, 0);
    CU_ASSERT_NOT_EQUAL(result, -2);
}

static void tells_skipped_from_passed(void)
{
    CU_ASSERT_EQUAL(result_of("skips"), 77);
}

static void catches_a_leaked_handle(void)
{
    CU_ASSERT_EQUAL(result_of("leaks-handle"), 1);
}

static void catches_a_leaked_thread(void)
{
    CU_ASSERT_EQUAL(result_of("leaks-thread"), 1);
}

static void catches_a_leaked_child(void)
{
    CU_ASSERT_EQUAL(result_of("leaks-child"), 1);
}

static void catches_a_leaked_segment(void)
{
    test_census_counts can = {0};
    test_census(&can);
    if (can.segments < 0)
        TEST_SKIP("segments cannot be counted here");
    CU_ASSERT_EQUAL(result_of("leaks-segment"), 1);
}

static void refuses_a_name_that_is_none(void)
{
    CU_ASSERT_EQUAL(result_of("nobody"), 99);
}

static void scales_limits(void)
{
    brd_time now = brd_os_now();
    CU_ASSERT(test_ms(100) >= 100);
    CU_ASSERT(test_deadline(100) >= now + 100 * BRD_MS);
}

static const test_case cases[] = {
    TEST_CASE(passes_what_is_good),
    TEST_CASE(catches_a_failed_assertion),
    TEST_CASE(catches_a_crash),
    TEST_CASE(tells_skipped_from_passed),
    TEST_CASE(catches_a_leaked_handle),
    TEST_CASE(catches_a_leaked_thread),
    TEST_CASE(catches_a_leaked_child),
    TEST_CASE(catches_a_leaked_segment),
    TEST_CASE(refuses_a_name_that_is_none),
    TEST_CASE(scales_limits),
    TEST_CHILD("good", child_good),
    TEST_CHILD("fails", child_fails),
    TEST_CHILD("fatal", child_fatal),
    TEST_CHILD("crashes", child_crashes),
    TEST_CHILD("skips", child_skips),
    TEST_CHILD("leaks-handle", child_handle),
    TEST_CHILD("leaks-thread", child_thread),
    TEST_CHILD("leaks-child", child_child),
    TEST_CHILD("leaks-segment", child_segment),
    TEST_CHILD("hangs", child_hangs),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "harness", cases);
}
