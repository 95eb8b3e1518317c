/*
 * The test harness: CUnit runs the tests, this file chooses them, counts what they
 * leave behind and reports. Linked into every suite. The one thing to know: CUnit's
 * own run call returns 0 although assertions failed, so the failures are counted
 * here, after each test, and a leak is one more failed assertion of its test.
 */
#include "harness.h"

#include <CUnit/TestDB.h>
#include <CUnit/TestRun.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FAILURES = 76, ALL_SKIPPED = 77, CHILD_FAILED = 99, MOST_ARGUMENTS = 64 };

void (*test_warm_up)(void);
int test_settle_ms = 2000;

/** The run in hand. CUnit's callbacks carry no baton, so it is the process's own. */
static struct run {
    const char *suite;
    const test_case *cases;
    const test_case *one; /* the test in hand */
    const char *skipped;  /* why it was left */
    jmp_buf leave;
    test_census_counts before;
    int npassed, nfailed, nskipped;
    char leak[512];
} run;

static double slow_factor(void)
{
    const char *set = getenv("BROOD_TEST_SLOW");
    double factor = set ? strtod(set, NULL) : 1;
    return factor >= 1 ? factor : 1;
}

int64_t test_ms(int ms)
{
    return (int64_t)(ms * slow_factor());
}

brd_time test_deadline(int ms)
{
    return brd_os_now() + test_ms(ms) * BRD_MS;
}

const char *test_last_leak(void)
{
    return run.leak;
}

_Noreturn void test_skip(const char *reason)
{
    run.skipped = reason;
    longjmp(run.leave, 1);
}

_Noreturn void test_child_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "in a child: %s:%d: %s\n", file, line, what);
    fflush(stderr);
    brd_os_exit(CHILD_FAILED);
}

/* -------------------------------------------------------------- counting */

/** Appends "name a -> b" if the two differ. */
static void name_leak(char *text, size_t cap, const char *name, long before, long after)
{
    size_t used = strlen(text);
    if (before != after && before >= 0)
        snprintf(text + used, cap - used, " %s %ld -> %ld", name, before, after);
}

/** Names what differs now; "" if nothing does. */
static void name_leaks(char *text, size_t cap)
{
    test_census_counts now;
    test_census(&now);
    text[0] = '\0';
    if (!now.may_shrink || now.handles > run.before.handles)
        name_leak(text, cap, "handles", run.before.handles, now.handles);
    name_leak(text, cap, "threads", run.before.threads, now.threads);
    name_leak(text, cap, "children", run.before.children, now.children);
    name_leak(text, cap, "segments", run.before.segments, now.segments);
}

/** Counts until nothing differs: what was joined may need a moment to be gone. */
static void await_no_leaks(char *text, size_t cap)
{
    brd_time until = test_deadline(test_settle_ms);
    name_leaks(text, cap);
    while (*text && brd_os_now() < until) {
        brd_os_yield();
        name_leaks(text, cap);
    }
}

static void thread_of_nothing(void *baton)
{
    (void)baton;
}

/** The first thread, the first count: what a runtime makes once is no leak. */
static void warm_up(void)
{
    brd_thread thread = {0};
    if (brd_os_thread_start(&thread, thread_of_nothing, NULL) == 0)
        brd_os_thread_join(&thread);
    if (test_warm_up)
        test_warm_up();
    test_census(&run.before);
}

/* --------------------------------------------------------------- running */

static const test_case *find_case(const char *name)
{
    const test_case *at = run.cases;
    while (at->name && strcmp(at->name, name) != 0)
        at++;
    return at->name ? at : NULL;
}

static void before_test(void)
{
    run.one = find_case(CU_get_current_test()->pName);
    run.skipped = NULL;
    test_census(&run.before);
}

static void after_test(void)
{
    char leaks[256] = "";
    await_no_leaks(leaks, sizeof leaks);
    if (!*leaks)
        return;
    snprintf(run.leak, sizeof run.leak, "left behind:%s", leaks);
    CU_assertImplementation(CU_FALSE, __LINE__, run.leak, run.suite, "", CU_FALSE);
}

/** What CUnit runs for every test: the one in hand, up to its end or its skip. */
static void run_case(void)
{
    if (setjmp(run.leave) == 0)
        run.one->run();
}

static void report_test(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    (void)suite;
    if (failure) {
        run.nfailed++;
        printf("FAILED  %s\n", test->pName);
    } else if (run.skipped) {
        run.nskipped++;
        printf("skipped: %s: %s\n", test->pName, run.skipped);
    } else {
        run.npassed++;
        printf("ok      %s\n", test->pName);
    }
    for (CU_pFailureRecord at = failure; at; at = at->pNext)
        printf("        %s:%u: %s\n", at->strFileName, at->uiLineNumber, at->strCondition);
    fflush(stdout);
}

/** Tells CUnit which tests there are. Their number; -1 on failure. */
static int choose(const char *filter)
{
    CU_pSuite suite = NULL;
    int count = 0;
    if (CU_initialize_registry() != CUE_SUCCESS)
        return -1;
    suite = CU_add_suite_with_setup_and_teardown(run.suite, NULL, NULL, before_test, after_test);
    if (!suite)
        return -1;
    for (const test_case *at = run.cases; at->name; at++) {
        if (!at->run || (filter && !strstr(at->name, filter)))
            continue;
        if (!CU_add_test(suite, at->name, run_case))
            return -1;
        count++;
    }
    return count;
}

static int run_tests(const char *filter)
{
    int count = choose(filter);
    if (count <= 0) {
        printf("%s: no such test\n", run.suite);
        CU_cleanup_registry();
        return 1;
    }
    CU_set_test_complete_handler(report_test);
    warm_up();
    CU_run_all_tests();
    CU_cleanup_registry();
    printf("%d passed, %d failed, %d skipped\n", run.npassed, run.nfailed, run.nskipped);
    fflush(stdout);
    // One that never came to its report is a failure too.
    run.nfailed += count - run.npassed - run.nfailed - run.nskipped;
    if (run.nskipped == count)
        return ALL_SKIPPED;
    return run.nfailed < MOST_FAILURES ? run.nfailed : MOST_FAILURES;
}

static int run_child(const char *name, int argc, char **argv)
{
    const test_case *one = find_case(name);
    if (!one || !one->child) {
        fprintf(stderr, "%s: no such child: %s\n", run.suite, name);
        return CHILD_FAILED;
    }
    return one->child(argc, argv);
}

int test_main(int argc, char **argv, const char *suite, const test_case *cases)
{
    static const char child[] = "--child=";
    run = (struct run){.suite = suite, .cases = cases};
    if (argc > 1 && strncmp(argv[1], child, sizeof child - 1) == 0)
        return run_child(argv[1] + sizeof child - 1, argc - 2, argv + 2);
    return run_tests(argc > 1 ? argv[1] : NULL);
}

/* -------------------------------------------------------------- children */

int test_start_child(brd_proc *out, const test_start *how)
{
    char self[4096];
    char name[128];
    char handles[MOST_ARGUMENTS][24];
    const char *argv[MOST_ARGUMENTS + 12] = {self, name};
    brd_launch launch = {.program = self,
                         .argv = argv,
                         .env = how->env,
                         .directory = how->directory,
                         .output = how->output,
                         .errors = how->errors,
                         .inherit = how->inherit,
                         .ninherit = how->ninherit,
                         .channel = how->channel};
    size_t count = 2;
    int status = brd_os_self_path(self, sizeof self);
    if (status)
        return status;
    if (how->ninherit > MOST_ARGUMENTS)
        return BROOD_EINVAL;
    snprintf(name, sizeof name, "--child=%s", how->child);
    for (size_t i = 0; i < 8 && how->args[i]; i++)
        argv[count++] = how->args[i];
    for (size_t i = 0; i < how->ninherit; i++) {
        long long value = (long long)brd_os_proc_inherited(&launch, i).os;
        snprintf(handles[i], sizeof handles[i], "%lld", value);
        argv[count++] = handles[i];
    }
    // Or the child would print once more what is still in our buffer.
    fflush(stdout);
    return brd_os_proc_start(out, &launch);
}

int64_t test_end(brd_proc *p)
{
    brd_exit ended = {BROOD_EXIT_NONE, 0};
    int status = brd_os_proc_wait(p, test_deadline(20000), &ended);
    if (status) {
        // Not to be left behind, whatever is wrong with it.
        brd_os_proc_kill(p, true);
        brd_os_proc_wait(p, test_deadline(20000), &ended);
    }
    brd_os_proc_close(p);
    return status == 0 && ended.kind == BROOD_EXIT_CODE ? ended.code : -1;
}

brd_handle test_handle(const char *argument)
{
    return (brd_handle){(intptr_t)strtoll(argument, NULL, 10)};
}

int test_write_all(brd_chan *c, const void *bytes, size_t size)
{
    const char *at = bytes;
    brd_time until = test_deadline(20000);
    while (size > 0) {
        size_t put = 0;
        int status = brd_os_chan_write(c, at, size, &put);
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(c, BRD_WRITE, until);
        if (status)
            return status;
        at += put;
        size -= put;
    }
    return 0;
}

int test_read_all(brd_chan *c, void *buffer, size_t size)
{
    char *at = buffer;
    brd_time until = test_deadline(20000);
    while (size > 0) {
        size_t got = 0;
        int status = brd_os_chan_read(c, at, size, &got);
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(c, BRD_READ, until);
        if (status)
            return status;
        at += got;
        size -= got;
    }
    return 0;
}
