/*
 * The door: copies of a process, processes that others have started, environments of
 * children. Run on every system from this one source. The one thing to know: in a copy no
 * test goes on; it tells by its exit code what it found.
 */
#include "harness.h"

#include <stdio.h>
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

// While its parent has not waited for it, nobody need tell.
static void an_end_is_known_before_it_is_told(void)
{
    brd_handle reader = BRD_NONE, writer = BRD_NONE, life = BRD_NONE;
    brd_proc p = {0}, adopted = {0};
    brd_exit ended;
    bool child = false;
    needs_fork();
    FILE *there = fopen("/proc/self/stat", "rb");
    if (!there)
        TEST_SKIP("only a mounted /proc tells");
    fclose(there);
    CU_ASSERT_EQUAL_FATAL(brd_os_news_open(&reader, &writer), 0);
    int status = brd_os_proc_fork(&p, &(brd_launch){0}, &child);
    if (child)
        brd_os_exit(status ? 99 : 5);
    CU_ASSERT_EQUAL_FATAL(status, 0);
    if (!brd_is_none(p.life)) {
        CU_ASSERT_EQUAL_FATAL(brd_os_copy(p.life, &life), 0);
        CU_ASSERT_EQUAL_FATAL(brd_os_proc_adopt(&adopted, p.pid, life, reader), 0);
        CU_ASSERT_EQUAL(brd_os_proc_wait(&adopted, test_deadline(20000), &ended), 0);
        CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 5);
        brd_os_proc_close(&adopted);
    } else {
        brd_os_close(&reader);
    }
    brd_os_close(&writer);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, test_deadline(20000), &ended), 0);
    CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 5);
    brd_os_proc_close(&p);
}

/** The reader of a line to a child that lives until it is killed; *news is never told. */
static void start_with_line(brd_proc *p, brd_handle *line, brd_handle *news, brd_handle *teller)
{
    brd_handle end = BRD_NONE;
    bool child = false;
    CU_ASSERT_EQUAL_FATAL(brd_os_news_open(line, &end), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_news_open(news, teller), 0);
    int status = brd_os_proc_fork(p, &(brd_launch){.inherit = &end, .ninherit = 1}, &child);
    if (child) {
        brd_waiter *w = NULL;
        brd_event event;
        size_t count = 0;
        if (status || brd_os_waiter_open(&w))
            brd_os_exit(99);
        (void)brd_os_waiter_wait(w, BRD_FOREVER, &event, 1, &count);
        brd_os_exit(98);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    brd_os_close(&end);
}

static void a_line_ends_with_who_holds_it(void)
{
    const brd_exit said = {BROOD_EXIT_CODE, 4}; // else this test's own child would be reaped
    brd_handle line = BRD_NONE, news = BRD_NONE, teller = BRD_NONE;
    brd_proc p = {0}, adopted = {0};
    brd_exit ended;
    needs_fork();
    start_with_line(&p, &line, &news, &teller);
    CU_ASSERT_EQUAL_FATAL(brd_os_proc_adopt(&adopted, p.pid, line, news), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&adopted, 0, &ended), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brd_os_proc_kill(&adopted, true), 0);
    brd_os_news_tell(teller, &said);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&adopted, test_deadline(20000), &ended), 0);
    CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 4);
    brd_os_proc_close(&adopted);
    brd_os_close(&teller);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, test_deadline(20000), &ended), 0);
    CU_ASSERT(ended.kind == BROOD_EXIT_SIGNAL && ended.code == 9);
    brd_os_proc_close(&p);
}

// As its parent does who has waited for it, when something else still holds the other end.
static void a_line_is_cut_for_all(void)
{
    const brd_exit said = {BROOD_EXIT_CODE, 4};
    brd_handle line = BRD_NONE, copy = BRD_NONE, news = BRD_NONE, teller = BRD_NONE;
    brd_proc p = {0}, adopted = {0};
    brd_exit ended;
    needs_fork();
    start_with_line(&p, &line, &news, &teller);
    CU_ASSERT_EQUAL_FATAL(brd_os_copy(line, &copy), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_proc_adopt(&adopted, p.pid, copy, news), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&adopted, 0, &ended), BROOD_ETIMEDOUT);
    brd_os_news_tell(teller, &said);
    brd_os_line_cut(&line);
    CU_ASSERT(brd_is_none(line));
    CU_ASSERT_EQUAL(brd_os_proc_wait(&adopted, test_deadline(20000), &ended), 0);
    CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 4);
    brd_os_line_cut(&line); // accepts none
    brd_os_proc_close(&adopted);
    brd_os_close(&teller);
    CU_ASSERT_EQUAL(brd_os_proc_kill(&p, true), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, test_deadline(20000), &ended), 0);
    brd_os_proc_close(&p);
}

// What waits in a buffer at that moment is the parent's to write.
static void a_copy_prints_nothing_of_its_parent(void)
{
    brd_handle theirs = BRD_NONE;
    brd_chan *out = NULL;
    brd_proc p = {0};
    brd_exit ended;
    char got[64] = "";
    size_t size = 0;
    bool child = false;
    needs_fork();
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_output(&out, &theirs), 0);
    fflush(stdout);
    printf("the parent's ");
    int status = brd_os_proc_fork(&p, &(brd_launch){.output = &theirs}, &child);
    if (child) {
        printf("own\n");
        fflush(stdout);
        brd_os_exit(status ? 99 : 0);
    }
    CU_ASSERT_EQUAL_FATAL(status, 0);
    printf("line\n");
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, test_deadline(20000), &ended), 0);
    CU_ASSERT(ended.kind == BROOD_EXIT_CODE && ended.code == 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(out, got, sizeof got - 1, &size), 0);
    CU_ASSERT_STRING_EQUAL(got, "own\n");
    brd_os_chan_close(&out);
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
    TEST_CASE(an_end_is_known_before_it_is_told),
    TEST_CASE(a_line_ends_with_who_holds_it),
    TEST_CASE(a_line_is_cut_for_all),
    TEST_CASE(a_copy_prints_nothing_of_its_parent),
    TEST_CASE(an_environment_is_changed),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "fork", cases);
}
