/*
 * The door: copies of a process, processes that others have started, environments of
 * children. Run on every system from this one source. The one thing to know: in a copy no
 * test goes on; it tells by its exit code what it found.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

static void needs_fork(void)
{
    brd_proc p = {0};
    bool child = false;
    if (brd_os_can_fork())
        return;
    CU_ASSERT_EQUAL(brd_os_proc_fork(&p, &(brd_launch){0}, &child), BROOD_ENOTSUP);
    CU_ASSERT(!child);
    TEST_SKIP("this system forks no processes");
}

static void a_copy_has_what_it_was_given(void)
{
    brd_handle kept = BRD_NONE, writer = BRD_NONE;
    brd_proc p = {0};
    brd_exit ended, told = {BROOD_EXIT_CODE, 21};
    bool child = false;
    needs_fork();
    CU_ASSERT_EQUAL_FATAL(brd_os_news_open(&kept, &writer), 0);
    const brd_handle inherit[] = {writer};
    int status = brd_os_proc_fork(&p, &(brd_launch){.inherit = inherit, .ninherit = 1}, &child);
    if (child) {
        brd_os_news_tell(writer, &told);
        brd_os_exit(status ? 99 : 7);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    brd_os_close(&writer);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, test_deadline(20000), &ended), 0);
    CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 7);
    // What it told is there for whoever adopts a process with this news.
    brd_proc adopted = {0};
    CU_ASSERT_EQUAL_FATAL(brd_os_proc_adopt(&adopted, p.pid, BRD_NONE, kept), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&adopted, test_deadline(20000), &ended), 0);
    CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 21);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&adopted, 0, &ended), 0); // and again
    brd_os_proc_close(&adopted);
    brd_os_proc_close(&p);
}

static void an_adopted_one_lives_until_its_news(void)
{
    brd_handle reader = BRD_NONE, writer = BRD_NONE;
    brd_proc p = {0};
    brd_exit ended;
    needs_fork();
    CU_ASSERT_EQUAL(brd_os_proc_adopt(&p, brd_os_pid(), BRD_NONE, BRD_NONE), BROOD_EINVAL);
    CU_ASSERT_EQUAL_FATAL(brd_os_news_open(&reader, &writer), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_proc_adopt(&p, brd_os_pid(), BRD_NONE, reader), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, 0, &ended), BROOD_ETIMEDOUT);
    brd_os_close(&writer); // whoever would tell is gone
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, test_deadline(20000), &ended), 0);
    CU_ASSERT_EQUAL(ended.kind, BROOD_EXIT_UNKNOWN);
    brd_os_proc_close(&p);
}

static bool holds(const char *const *list, const char *entry)
{
    while (*list && strcmp(*list, entry) != 0)
        list++;
    return *list != NULL;
}

static void an_environment_is_changed(void)
{
    const char *const changes[] = {"BROOD_A=1", "BROOD_TEST_SLOW", "BROOD_B=", NULL};
    const char *const none[] = {NULL};
    const char *const *list = NULL, *const *same = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_env_make(changes, &list), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_env_make(none, &same), 0);
    size_t before = 0, after = 0;
    while (same[before])
        before++;
    while (list[after])
        after++;
    CU_ASSERT(holds(list, "BROOD_A=1") && holds(list, "BROOD_B="));
    CU_ASSERT_EQUAL(after, before + 2 - (getenv("BROOD_TEST_SLOW") != NULL));
    for (size_t i = 0; list[i]; i++)
        CU_ASSERT(strncmp(list[i], "BROOD_TEST_SLOW", 15) != 0);
    brd_os_env_free(list);
    brd_os_env_free(same);
    brd_os_env_free(NULL);
}

static const test_case cases[] = {
    TEST_CASE(a_copy_has_what_it_was_given),
    TEST_CASE(an_adopted_one_lives_until_its_news),
    TEST_CASE(an_environment_is_changed),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "fork", cases);
}
