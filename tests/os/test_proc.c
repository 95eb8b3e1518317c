/*
 * Starting, waiting for and ending processes, and what a child of ours does first. Run
 * on every system from this one source. The one thing to know: a child reports through
 * its exit code or a channel; children that must hang wait for a channel that only ends
 * with this process, so nothing outlives a failed test.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH = 16 };

/** A child that waits for its channel's end, for as long as we like. */
typedef struct held {
    brd_proc child;
    brd_chan *channel;
} held;

static void held_start(held *h, const char *name)
{
    brd_handle theirs = BRD_NONE;
    char ready = 0;
    test_start how = {.child = name, .inherit = &theirs, .ninherit = 1};
    *h = (held){0};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&h->channel, &theirs), 0);
    how.channel = h->channel;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&h->child, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(test_read_all(h->channel, &ready, 1), 0);
}

static int child_waits(int argc, char **argv)
{
    brd_chan *c = NULL;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&c, test_handle(argv[0])) == 0);
    TEST_CHILD_CHECK(test_write_all(c, "r", 1) == 0);
    brd_os_chan_wait(c, BRD_READ, BRD_FOREVER);
    brd_os_chan_close(&c);
    return 5;
}

/* ------------------------------------------------------------- exit codes */

static int child_returns(int argc, char **argv)
{
    TEST_CHILD_CHECK(argc == 1);
    return atoi(argv[0]);
}

static void tells_the_exit_code(void)
{
    static const char *const codes[] = {"0", "1", "42", "255"};
    for (size_t i = 0; i < 4; i++) {
        brd_proc p = {0};
        test_start how = {.child = "returns", .args = {codes[i]}};
        CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
        CU_ASSERT(p.pid > 0);
        CU_ASSERT_NOT_EQUAL(p.pid, brd_os_pid());
        CU_ASSERT_EQUAL(test_end(&p), atoi(codes[i]));
        CU_ASSERT_EQUAL(p.pid, 0);
    }
}

static int child_exits_at_once(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    printf("this must never be seen: it is still in a buffer");
    brd_os_exit(9);
}

static void ends_without_ceremony(void)
{
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &(test_start){.child = "exits-at-once"}), 0);
    CU_ASSERT_EQUAL(test_end(&p), 9);
}

static void repeats_the_answer(void)
{
    brd_proc p = {0};
    brd_exit ended = {BROOD_EXIT_NONE, -1};
    test_start how = {.child = "returns", .args = {"6"}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    for (int turn = 0; turn < 3; turn++) {
        ended = (brd_exit){BROOD_EXIT_NONE, -1};
        CU_ASSERT_EQUAL(brd_os_proc_wait(&p, turn ? 0 : test_deadline(20000), &ended), 0);
        CU_ASSERT_EQUAL(ended.kind, BROOD_EXIT_CODE);
        CU_ASSERT_EQUAL(ended.code, 6);
    }
    CU_ASSERT_EQUAL(brd_os_proc_kill(&p, true), 0);
    CU_ASSERT_EQUAL(brd_os_proc_kill(&p, false), 0);
    brd_os_proc_close(&p);
    brd_os_proc_close(&p);
}

static int child_crashes(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    TEST_CHILD_CHECK(brd_os_child_setup(strtoll(argv[0], NULL, 10), BRD_NONE, false) == 0);
    abort();
}

static void tells_a_crash_from_success(void)
{
    brd_proc p = {0};
    brd_exit ended = {BROOD_EXIT_NONE, 0};
    char self[24];
    test_start how = {.child = "crashes", .args = {self}};
    snprintf(self, sizeof self, "%lld", (long long)brd_os_pid());
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, test_deadline(20000), &ended), 0);
    // Windows gives abort an exit code of its own, POSIX a signal.
    CU_ASSERT(ended.kind == BROOD_EXIT_SIGNAL || ended.code == 3);
    CU_ASSERT_NOT_EQUAL(ended.code, 0);
    brd_os_proc_close(&p);
}

/* ---------------------------------------------------------- wait and kill */

static void waits_until_a_time(void)
{
    held h;
    brd_exit ended = {BROOD_EXIT_NONE, 77};
    brd_time until = 0;
    held_start(&h, "waits");
    CU_ASSERT_EQUAL(brd_os_proc_wait(&h.child, 0, &ended), BROOD_ETIMEDOUT);
    until = brd_os_now() + 20 * BRD_MS;
    CU_ASSERT_EQUAL(brd_os_proc_wait(&h.child, until, &ended), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() >= until);
    CU_ASSERT_EQUAL(ended.kind, BROOD_EXIT_NONE);
    CU_ASSERT_EQUAL(ended.code, 77);
    brd_os_chan_close(&h.channel);
    CU_ASSERT_EQUAL(test_end(&h.child), 5);
}

static void kill_one(bool force)
{
    held h;
    brd_exit ended = {BROOD_EXIT_NONE, 0};
    held_start(&h, "waits");
    CU_ASSERT_EQUAL(brd_os_proc_kill(&h.child, force), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&h.child, test_deadline(20000), &ended), 0);
    // A killed process shows its killer: a signal, or the code it was ended with.
    CU_ASSERT_NOT_EQUAL(ended.kind, BROOD_EXIT_NONE);
    CU_ASSERT_NOT_EQUAL(ended.kind, BROOD_EXIT_UNKNOWN);
    CU_ASSERT_NOT_EQUAL(ended.code, 0);
    CU_ASSERT_EQUAL(brd_os_proc_kill(&h.child, force), 0);
    brd_os_proc_close(&h.child);
    brd_os_chan_close(&h.channel);
}

static void kills_by_force(void)
{
    kill_one(true);
}

static void kills_by_asking(void)
{
    kill_one(false);
}

static void kills_what_has_ended(void)
{
    held h;
    char byte = 0;
    held_start(&h, "waits");
    CU_ASSERT_EQUAL(test_write_all(h.channel, "x", 1), 0);
    // It has ended, or is about to, and nobody has reaped it yet.
    while (brd_os_chan_wait(h.channel, BRD_READ, test_deadline(20000)) == 0 && byte == 0) {
        size_t got = 0;
        if (brd_os_chan_read(h.channel, &byte, 1, &got) == BROOD_ECLOSED)
            break;
    }
    CU_ASSERT_EQUAL(brd_os_proc_kill(&h.child, true), 0);
    CU_ASSERT_EQUAL(brd_os_proc_kill(&h.child, true), 0);
    test_end(&h.child);
    brd_os_chan_close(&h.channel);
}

static void accepts_none(void)
{
    brd_proc none = {0};
    brd_os_proc_close(&none);
    brd_os_proc_close(&none);
    CU_ASSERT_EQUAL(none.pid, 0);
}

/* --------------------------------------------------------- failed starts */

static void fails_when_there_is_no_program(void)
{
    const char *argv[] = {"x", NULL};
    char path[4200];
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(path, 4096), 0);
    strcat(path, "-is-not-there");
    CU_ASSERT_NOT_EQUAL(brd_os_proc_start(&p, &(brd_launch){.program = path, .argv = argv}), 0);
    CU_ASSERT_EQUAL(p.pid, 0);
}

static void fails_when_it_is_no_program(void)
{
    const char *argv[] = {"x", NULL};
    char path[4096];
    char *end = NULL;
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(path, sizeof path), 0);
    // Our own directory.
    end = strrchr(path, '/') ? strrchr(path, '/') : strrchr(path, '\\');
    CU_ASSERT_PTR_NOT_NULL_FATAL(end);
    *end = '\0';
    CU_ASSERT_NOT_EQUAL(brd_os_proc_start(&p, &(brd_launch){.program = path, .argv = argv}), 0);
    CU_ASSERT_EQUAL(p.pid, 0);
}

static void fails_when_there_is_no_directory(void)
{
    brd_proc p = {0};
    test_start how = {.child = "returns", .args = {"0"}, .directory = "/no/such/directory"};
    CU_ASSERT_NOT_EQUAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(p.pid, 0);
}

static void fails_on_a_dead_handle(void)
{
    brd_proc p = {0};
    brd_handle none = BRD_NONE;
    test_start how = {.child = "returns", .args = {"0"}, .inherit = &none, .ninherit = 1};
    CU_ASSERT_NOT_EQUAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(p.pid, 0);
}

/* ----------------------------------------------------- what a child gets */

/** Each listed segment holds its number; the exit code is how many were right. */
static int child_maps_all(int argc, char **argv)
{
    int right = 0;
    for (int i = 0; i < argc; i++) {
        brd_shm shm = {.segment = BRD_NONE};
        TEST_CHILD_CHECK(brd_os_shm_map(&shm, test_handle(argv[i]), 4096, true) == 0);
        right += *(int *)shm.base == i;
        brd_os_shm_unmap(&shm);
    }
    return right;
}

static void inherits_in_order(void)
{
    brd_shm shm[ENOUGH];
    brd_handle list[ENOUGH];
    brd_proc p = {0};
    test_start how = {.child = "maps-all", .inherit = list, .ninherit = ENOUGH};
    for (int i = 0; i < ENOUGH; i++) {
        CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm[i], 4096), 0);
        *(int *)shm[i].base = ENOUGH - 1 - i;
        // Backwards: each target is another one's source.
        list[ENOUGH - 1 - i] = shm[i].segment;
    }
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), ENOUGH);
    for (int i = 0; i < ENOUGH; i++)
        brd_os_shm_unmap(&shm[i]);
}

/** The exit code is how many handles this process was born with, as far as we can count. */
static int child_counts(int argc, char **argv)
{
    test_census_counts counts;
    (void)argc;
    (void)argv;
    test_census(&counts);
    return counts.handles < 0 || counts.handles > 250 ? 250 : (int)counts.handles;
}

static int64_t handles_in_child(const brd_handle *list, size_t count)
{
    brd_proc p = {0};
    test_start how = {.child = "counts", .inherit = list, .ninherit = count};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    return test_end(&p);
}

static void inherits_exactly_the_list(void)
{
    brd_shm shm[ENOUGH];
    brd_handle list[ENOUGH];
    int64_t bare = handles_in_child(NULL, 0);
    int64_t three = 0;
    int64_t none = 0;
    for (int i = 0; i < ENOUGH; i++) {
        CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm[i], 4096), 0);
        list[i] = shm[i].segment;
    }
    none = handles_in_child(NULL, 0);
    three = handles_in_child(list, 3);
    for (int i = 0; i < ENOUGH; i++)
        brd_os_shm_unmap(&shm[i]);
    if (bare >= 250)
        TEST_SKIP("handles cannot be counted here");
    CU_ASSERT_EQUAL(none, bare);
    CU_ASSERT_EQUAL(three, bare + 3);
}

/** Is 0 if stdin is at its end at once. */
static int child_reads_stdin(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return getchar() == EOF ? 0 : 1;
}

static void has_an_empty_stdin(void)
{
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &(test_start){.child = "reads-stdin"}), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

static int child_compares(int argc, char **argv)
{
    const char *set = getenv("BROOD_TEST_WORD");
    char third[64] = "";
    TEST_CHILD_CHECK(argc == 3);
    TEST_CHILD_CHECK(strcmp(argv[0], "a \"b\" c\\") == 0);
    TEST_CHILD_CHECK(strcmp(argv[1], "") == 0);
    // What main gets is in the encoding of the system, which need not be UTF-8.
    TEST_CHILD_CHECK(brd_os_argument(4, third, sizeof third) == 0);
    TEST_CHILD_CHECK(strcmp(third, "\xc3\xa4\\\\\" %PATH% $x") == 0);
    return set && strcmp(set, "one = 1") == 0 ? 3 : 4;
}

static void passes_arguments_and_environment(void)
{
    const char *env[] = {"BROOD_TEST_WORD=one = 1", NULL};
    brd_proc p = {0};
    test_start how = {.child = "compares", .args = {"a \"b\" c\\", "", "\xc3\xa4\\\\\" %PATH% $x"}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 4);
    how.env = env;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 3);
}

/** Is 0 if the file is in the directory where this process runs. */
static int child_opens(int argc, char **argv)
{
    FILE *file = NULL;
    TEST_CHILD_CHECK(argc == 1);
    file = fopen(argv[0], "rb");
    if (file)
        fclose(file);
    return file ? 0 : 1;
}

static void runs_in_its_directory(void)
{
    char path[4096];
    char *name = NULL;
    brd_proc p = {0};
    test_start how = {.child = "opens", .directory = path};
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(path, sizeof path), 0);
    name = strrchr(path, '/') ? strrchr(path, '/') : strrchr(path, '\\');
    CU_ASSERT_PTR_NOT_NULL_FATAL(name);
    *name = '\0';
    how.args[0] = name + 1;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

/* --------------------------------------------------------- in the child */

static int child_reads_line(int argc, char **argv)
{
    char word[64];
    char small[4];
    TEST_CHILD_CHECK(argc == 2);
    TEST_CHILD_CHECK(brd_os_argument(1, word, sizeof word) == 0);
    TEST_CHILD_CHECK(strcmp(word, "--child=reads-line") == 0);
    TEST_CHILD_CHECK(brd_os_argument(2, word, sizeof word) == 0);
    TEST_CHILD_CHECK(strcmp(word, argv[0]) == 0);
    TEST_CHILD_CHECK(brd_os_argument(3, word, sizeof word) == 0);
    TEST_CHILD_CHECK(strcmp(word, "") == 0);
    TEST_CHILD_CHECK(brd_os_argument(4, word, sizeof word) == BROOD_EINVAL);
    TEST_CHILD_CHECK(brd_os_argument(400, word, sizeof word) == BROOD_EINVAL);
    TEST_CHILD_CHECK(brd_os_argument(2, small, 3) == BROOD_EINVAL);
    TEST_CHILD_CHECK(brd_os_argument(2, small, 4) == 0);
    return 0;
}

static void reads_its_command_line(void)
{
    brd_proc p = {0};
    test_start how = {.child = "reads-line", .args = {"abc", ""}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

/** Sets itself up for the parent that argv[0] names, and works on after it. */
static int child_sets_up(int argc, char **argv)
{
    brd_chan *c = NULL;
    brd_handle channel = BRD_NONE;
    TEST_CHILD_CHECK(argc == 2);
    channel = test_handle(argv[1]);
    TEST_CHILD_CHECK(brd_os_child_setup(strtoll(argv[0], NULL, 10), channel, false) == 0);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&c, channel) == 0);
    TEST_CHILD_CHECK(test_write_all(c, "r", 1) == 0);
    brd_os_chan_close(&c);
    return 0;
}

static void sets_up_a_child(void)
{
    char self[24];
    char ready = 0;
    brd_proc p = {0};
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    test_start how = {.child = "sets-up", .args = {self}, .inherit = &theirs, .ninherit = 1};
    snprintf(self, sizeof self, "%lld", (long long)brd_os_pid());
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    how.channel = mine;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(test_read_all(mine, &ready, 1), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    brd_os_chan_close(&mine);
}

/**
 * Starts a grandchild that sets itself up and hangs with the channel in its hand, says
 * so by exiting once the grandchild is ready. The grandchild must die with it.
 */
static int child_leaves_one(int argc, char **argv)
{
    brd_chan *check = NULL;
    brd_handle list[2] = {BRD_NONE, BRD_NONE};
    brd_proc p = {0};
    char self[24];
    char ready = 0;
    test_start how = {.child = "outlives", .args = {self}, .inherit = list, .ninherit = 2};
    TEST_CHILD_CHECK(argc == 1);
    snprintf(self, sizeof self, "%lld", (long long)brd_os_pid());
    list[0] = test_handle(argv[0]);
    TEST_CHILD_CHECK(brd_os_chan_pair(&check, &list[1]) == 0);
    how.channel = check;
    TEST_CHILD_CHECK(test_start_child(&p, &how) == 0);
    brd_os_close(&list[1]);
    TEST_CHILD_CHECK(test_read_all(check, &ready, 1) == 0);
    brd_os_exit(ready == 'r' ? 0 : 1);
}

static int child_outlives(int argc, char **argv)
{
    brd_chan *check = NULL;
    brd_mutex mutex;
    brd_cond cond;
    TEST_CHILD_CHECK(argc == 3);
    TEST_CHILD_CHECK(brd_os_child_setup(strtoll(argv[0], NULL, 10), test_handle(argv[2]), false) ==
                     0);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&check, test_handle(argv[2])) == 0);
    TEST_CHILD_CHECK(brd_os_mutex_init(&mutex) == 0 && brd_os_cond_init(&cond) == 0);
    TEST_CHILD_CHECK(test_write_all(check, "r", 1) == 0);
    brd_os_mutex_lock(&mutex);
    // Deaf to its channels: only what the system does can end it before the deadline.
    brd_time until = test_deadline(60000);
    while (brd_os_cond_wait(&cond, &mutex, until) == 0)
        continue;
    return 1;
}

static void dies_with_its_parent(void)
{
    brd_proc p = {0};
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    char byte = 0;
    size_t got = 0;
    test_start how = {.child = "leaves-one", .inherit = &theirs, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    how.channel = mine;
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    // The grandchild holds this channel open for as long as it lives.
    CU_ASSERT_EQUAL(brd_os_chan_wait(mine, BRD_READ, test_deadline(5000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(mine, &byte, 1, &got), BROOD_ECLOSED);
    brd_os_chan_close(&mine);
}

static int child_disowned(int argc, char **argv)
{
    TEST_CHILD_CHECK(argc == 1);
    return brd_os_child_setup(strtoll(argv[0], NULL, 10), BRD_NONE, false) == BROOD_ECLOSED ? 0 : 1;
}

static void notices_that_the_parent_is_gone(void)
{
    // The pid of a process that has ended and is still kept from being used again.
    held h;
    char gone[24];
    brd_proc p = {0};
    test_start how = {.child = "disowned", .args = {gone}};
    held_start(&h, "waits");
    snprintf(gone, sizeof gone, "%lld", (long long)h.child.pid);
    brd_os_chan_close(&h.channel);
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    CU_ASSERT_EQUAL(test_end(&h.child), 5);
}

static const test_case cases[] = {
    TEST_CASE(tells_the_exit_code),
    TEST_CASE(ends_without_ceremony),
    TEST_CASE(repeats_the_answer),
    TEST_CASE(tells_a_crash_from_success),
    TEST_CASE(waits_until_a_time),
    TEST_CASE(kills_by_force),
    TEST_CASE(kills_by_asking),
    TEST_CASE(kills_what_has_ended),
    TEST_CASE(accepts_none),
    TEST_CASE(fails_when_there_is_no_program),
    TEST_CASE(fails_when_it_is_no_program),
    TEST_CASE(fails_when_there_is_no_directory),
    TEST_CASE(fails_on_a_dead_handle),
    TEST_CASE(inherits_in_order),
    TEST_CASE(inherits_exactly_the_list),
    TEST_CASE(has_an_empty_stdin),
    TEST_CASE(passes_arguments_and_environment),
    TEST_CASE(runs_in_its_directory),
    TEST_CASE(reads_its_command_line),
    TEST_CASE(sets_up_a_child),
    TEST_CASE(dies_with_its_parent),
    TEST_CASE(notices_that_the_parent_is_gone),
    TEST_CHILD("waits", child_waits),
    TEST_CHILD("returns", child_returns),
    TEST_CHILD("exits-at-once", child_exits_at_once),
    TEST_CHILD("crashes", child_crashes),
    TEST_CHILD("maps-all", child_maps_all),
    TEST_CHILD("counts", child_counts),
    TEST_CHILD("reads-stdin", child_reads_stdin),
    TEST_CHILD("compares", child_compares),
    TEST_CHILD("opens", child_opens),
    TEST_CHILD("reads-line", child_reads_line),
    TEST_CHILD("sets-up", child_sets_up),
    TEST_CHILD("leaves-one", child_leaves_one),
    TEST_CHILD("outlives", child_outlives),
    TEST_CHILD("disowned", child_disowned),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "proc", cases);
}
