/*
 * Facts: clock, cpus, pid, page, our own program, the terminal. Run on every system from this one
 * source. The one thing to know: a fact is checked against another way to learn it, or
 * against what must hold of it anywhere.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

static const char *started_as;

static void clock_never_goes_back(void)
{
    brd_time last = brd_os_now();
    brd_time first = last;
    CU_ASSERT(last > 0);
    for (int i = 0; i < 100000; i++) {
        brd_time now = brd_os_now();
        CU_ASSERT_FATAL(now >= last);
        last = now;
    }
    CU_ASSERT(last > first);
}

static void clock_counts_nanoseconds(void)
{
    // A wait of 30 ms by the system's own count lasts as long by ours.
    brd_chan *c = NULL;
    brd_handle theirs = BRD_NONE;
    brd_time start = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&c, &theirs), 0);
    start = brd_os_now();
    CU_ASSERT_EQUAL(brd_os_chan_wait(c, BRD_READ, start + 30 * BRD_MS), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - start >= 30 * BRD_MS);
    CU_ASSERT(brd_os_now() - start < test_ms(20000) * BRD_MS);
    brd_os_close(&theirs);
    brd_os_chan_close(&c);
}

static void there_are_cpus(void)
{
    unsigned count = brd_os_cpu_count();
    int here = brd_os_cpu();
    CU_ASSERT(count >= 1);
    CU_ASSERT(count < 100000);
    CU_ASSERT(here >= -1);
    CU_ASSERT_EQUAL(brd_os_cpu_count(), count);
}

static void page_is_a_power_of_two(void)
{
    size_t page = brd_os_page();
    CU_ASSERT(page >= 512);
    CU_ASSERT_EQUAL(page & (page - 1), 0);
}

static int child_tells_pid(int argc, char **argv)
{
    brd_chan *c = NULL;
    int64_t pid = brd_os_pid();
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&c, test_handle(argv[0])) == 0);
    TEST_CHILD_CHECK(test_write_all(c, &pid, sizeof pid) == 0);
    brd_os_chan_close(&c);
    return 0;
}

static void pid_is_what_the_parent_knows(void)
{
    brd_chan *c = NULL;
    brd_handle theirs = BRD_NONE;
    brd_proc child = {0};
    int64_t pid = 0;
    test_start how = {.child = "tells-pid", .inherit = &theirs, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&c, &theirs), 0);
    how.channel = c;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(test_read_all(c, &pid, sizeof pid), 0);
    CU_ASSERT_EQUAL(pid, child.pid);
    CU_ASSERT(brd_os_pid() > 0);
    brd_os_chan_close(&c);
    CU_ASSERT_EQUAL(test_end(&child), 0);
}

static void knows_its_own_path(void)
{
    char path[4096];
    char small[8] = "as it";
    FILE *file = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(path, sizeof path), 0);
    file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL(file);
    if (file)
        fclose(file);
    CU_ASSERT_PTR_NOT_NULL(strstr(path, "info"));
    CU_ASSERT_EQUAL(brd_os_self_path(small, 4), BROOD_EINVAL);
    CU_ASSERT_STRING_EQUAL(small, "as it");
    CU_ASSERT_EQUAL(brd_os_self_path(path, strlen(path)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_self_path(path, strlen(path) + 1), 0);
}

static void knows_its_first_argument(void)
{
    char word[4096];
    CU_ASSERT_EQUAL(brd_os_argument(0, word, sizeof word), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(word, "info"));
    CU_ASSERT_STRING_EQUAL(word, started_as);
    CU_ASSERT_EQUAL(brd_os_argument(1000, word, sizeof word), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_argument(0, word, 2), BROOD_EINVAL);
}

// This program is a file that is there and runs; what is told of it opens again.
static void makes_paths_full(void)
{
    char self[4096], full[4096] = "as it was", small[4] = "as";
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    CU_ASSERT_EQUAL(brd_os_file_path(self, true, full, sizeof full), 0);
    CU_ASSERT_EQUAL(brd_os_file_path(started_as, true, full, sizeof full), 0);
    CU_ASSERT_NOT_EQUAL(full[0], '.');
    FILE *file = fopen(full, "rb");
    CU_ASSERT_PTR_NOT_NULL(file);
    if (file)
        fclose(file);
    CU_ASSERT_EQUAL(brd_os_file_path(self, false, small, sizeof small), BROOD_EINVAL);
    CU_ASSERT_STRING_EQUAL(small, "as");
}

static void a_path_to_nothing_is_none(void)
{
    static const char *const paths[] = {"/no/such/file", "no-such-file", "", ".", "/"};
    char full[4096] = "as it was";
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        CU_ASSERT_NOT_EQUAL(brd_os_file_path(paths[i], false, full, sizeof full), 0);
    CU_ASSERT_STRING_EQUAL(full, "as it was");
}

static int child_without_terminal(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    int before = brd_os_terminal_columns();
    fclose(stderr); // so nobody would hear a check that fails
    return before >= 0 && before < 100000 && brd_os_terminal_columns() == 0 ? 0 : 1;
}

static void knows_that_there_is_no_terminal(void)
{
    brd_proc child = {0};
    test_start how = {.child = "without-terminal"};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    CU_ASSERT_EQUAL(test_end(&child), 0);
}

static const test_case cases[] = {
    TEST_CASE(clock_never_goes_back),
    TEST_CASE(clock_counts_nanoseconds),
    TEST_CASE(there_are_cpus),
    TEST_CASE(page_is_a_power_of_two),
    TEST_CASE(pid_is_what_the_parent_knows),
    TEST_CASE(knows_its_own_path),
    TEST_CASE(knows_its_first_argument),
    TEST_CASE(makes_paths_full),
    TEST_CASE(a_path_to_nothing_is_none),
    TEST_CASE(knows_that_there_is_no_terminal),
    TEST_CHILD("tells-pid", child_tells_pid),
    TEST_CHILD("without-terminal", child_without_terminal),
    {0},
};

int main(int argc, char **argv)
{
    started_as = argv[0];
    return test_main(argc, argv, "info", cases);
}
