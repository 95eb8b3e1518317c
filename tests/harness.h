/**
 * The test harness, on CUnit: one suite is one executable. A test passes if its
 * assertions hold and it leaves as many handles, threads, child processes and
 * shared segments as it found. A test executable is also its own child:
 *
 *     static void opens_a_door(void) { CU_ASSERT_EQUAL(door_open(), 0); }
 *     static int door_child(int argc, char **argv) { ... return 0; }
 *
 *     static const test_case cases[] = {
 *         TEST_CASE(opens_a_door),
 *         TEST_CHILD("door", door_child),
 *         {0},
 *     };
 *     int main(int argc, char **argv) { return test_main(argc, argv, "door", cases); }
 *
 * Waiting is by event, up to test_deadline; the environment's BROOD_TEST_SLOW
 * multiplies all limits.
 */
#ifndef BRD_TESTS_HARNESS_H
#define BRD_TESTS_HARNESS_H

#include "os.h"

#include <CUnit/CUnit.h>

/** A test, or what the executable does as a child of that name. */
typedef struct test_case {
    const char *name;
    void (*run)(void);
    int (*child)(int argc, char **argv); /* argv[0] is the first one after --child=NAME */
} test_case;

#define TEST_CASE(function)                                                                        \
    {                                                                                              \
        .name = #function, .run = (function)                                                       \
    }
#define TEST_CHILD(word, function)                                                                 \
    {                                                                                              \
        .name = (word), .child = (function)                                                        \
    }

/**
 * Runs the child that argv asks for, or else the tests whose names contain
 * argv[1]. Returns what main returns: the number of failures, at most 76; 77 if
 * there was nothing but skipped tests; or what the child returned.
 */
int test_main(int argc, char **argv, const char *suite, const test_case *cases);

/** Run once before anything is counted: for what a library makes on first use. */
extern void (*test_warm_up)(void);

/** How long, in milliseconds, a test may take to have let go of all. 2000 unless set. */
extern int test_settle_ms;

/** What the last test that leaked had left behind; "" if none did. */
const char *test_last_leak(void);

/** An absolute time for the door: that many milliseconds from now, times the factor. */
brd_time test_deadline(int ms);

/** A duration in milliseconds, times the factor. */
int64_t test_ms(int ms);

/** Ends the test; it is reported as skipped, not as passed. */
#define TEST_SKIP(reason) test_skip(reason)
_Noreturn void test_skip(const char *reason);

/** For children, which CUnit cannot see: says what did not hold, and ends with code 99. */
#define TEST_CHILD_CHECK(condition)                                                                \
    ((condition) ? (void)0 : test_child_failed(#condition, __FILE__, __LINE__))
_Noreturn void test_child_failed(const char *what, const char *file, int line);

/** What a child of this executable gets. */
typedef struct test_start {
    const char *child;         /* the NAME of a TEST_CHILD */
    const char *args[8];       /* its arguments, up to the first NULL */
    const brd_handle *inherit; /* appended to the arguments, as numbers */
    size_t ninherit;
    brd_chan *channel;
    const char *const *env;
    const char *directory;
    const brd_handle *output, *errors;
} test_start;

/**
 * Starts this executable as one of its children. Its arguments are `args`, then the
 * value of each inherited handle. *out is new: test_end or brd_os_proc_close.
 */
int test_start_child(brd_proc *out, const test_start *how);

/** Waits for a child's end and closes it. Its exit code; -1 if it ended otherwise. */
int64_t test_end(brd_proc *p);

/** The handle that an argument of test_start_child names. */
brd_handle test_handle(const char *argument);

/** Writes all, or tells why not. */
int test_write_all(brd_chan *c, const void *bytes, size_t size);

/** Reads exactly that much, or tells why not. */
int test_read_all(brd_chan *c, void *buffer, size_t size);

/** What this process has open right now; -1 where nobody can count. */
typedef struct test_census_counts {
    long handles;
    long threads;
    long children;
    long segments;
    bool may_shrink; /* handles: the system has some of its own, and gives them up at will */
} test_census_counts;

/** Implemented in census_posix.c and census_win32.c. */
void test_census(test_census_counts *out);

#endif
