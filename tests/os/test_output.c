/*
 * One-way channels for what a child prints, as os.h promises them: a plain stream at the
 * child's end, whose writer waits, and an end when nobody holds it any more. Run on every
 * system from this one source. The one thing to know: only C's stdio is used in the child,
 * because that is what a user's program has.
 */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MUCH = 1 << 20 };

typedef struct streams {
    brd_chan *out, *err;
    brd_proc child;
} streams;

static void streams_open(streams *s, const char *name)
{
    brd_handle out = BRD_NONE, err = BRD_NONE;
    test_start how = {.child = name, .output = &out, .errors = &err};
    *s = (streams){0};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_output(&s->out, &out), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_output(&s->err, &err), 0);
    CU_ASSERT(out.os > 2 && err.os > 2);
    CU_ASSERT_EQUAL_FATAL(test_start_child(&s->child, &how), 0);
    brd_os_close(&out);
    brd_os_close(&err);
}

static void streams_close(streams *s)
{
    brd_os_chan_close(&s->out);
    brd_os_chan_close(&s->err);
}

/** Reads up to the end. The number of bytes; the first ones are in text. */
static size_t read_to_end(brd_chan *c, char *text, size_t cap)
{
    static char block[65536];
    size_t total = 0, got = 0;
    int status = 0;
    while (!status) {
        status = brd_os_chan_read(c, block, sizeof block, &got);
        if (status == BROOD_EAGAIN) {
            status = brd_os_chan_wait(c, BRD_READ, test_deadline(20000));
            continue;
        }
        for (size_t i = 0; !status && i < got && total + i < cap; i++)
            text[total + i] = block[i];
        total += status ? 0 : got;
    }
    CU_ASSERT_EQUAL(status, BROOD_ECLOSED);
    return total;
}

static int child_prints(int argc, char **argv)
{
    (void)argc, (void)argv;
    printf("to output");
    fprintf(stderr, "to error");
    return 7;
}

static void streams_are_two(void)
{
    streams s;
    char text[32] = "";
    streams_open(&s, "prints");
    CU_ASSERT_EQUAL(read_to_end(s.out, text, sizeof text), 9);
    CU_ASSERT_EQUAL(memcmp(text, "to output", 9), 0);
    CU_ASSERT_EQUAL(read_to_end(s.err, text, sizeof text), 8);
    CU_ASSERT_EQUAL(memcmp(text, "to error", 8), 0);
    CU_ASSERT_EQUAL(test_end(&s.child), 7);
    streams_close(&s);
}

static int child_prints_much(int argc, char **argv)
{
    static char block[1 << 16];
    size_t put = 0;
    (void)argc, (void)argv;
    for (int i = 0; i < MUCH / (1 << 16); i++)
        put += fwrite(block, 1, sizeof block, stdout);
    return put == MUCH && fflush(stdout) == 0 ? 0 : 1;
}

// One that does not wait would lose bytes, and say so.
static void a_writer_waits_for_room(void)
{
    streams s;
    brd_exit ended;
    streams_open(&s, "prints-much");
    CU_ASSERT_EQUAL(brd_os_chan_wait(s.out, BRD_READ, test_deadline(20000)), 0);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&s.child, brd_os_now() + 20 * BRD_MS, &ended),
                    BROOD_ETIMEDOUT); // nobody has read anything
    CU_ASSERT_EQUAL(read_to_end(s.out, NULL, 0), MUCH);
    CU_ASSERT_EQUAL(read_to_end(s.err, NULL, 0), 0);
    CU_ASSERT_EQUAL(test_end(&s.child), 0);
    streams_close(&s);
}

static void what_was_written_outlives_the_writer(void)
{
    streams s;
    char text[32] = "";
    streams_open(&s, "prints");
    CU_ASSERT_EQUAL(test_end(&s.child), 7);
    CU_ASSERT_EQUAL(brd_os_chan_read(s.out, text, 3, &(size_t){0}), 0); // and is there at once
    CU_ASSERT_EQUAL(memcmp(text, "to ", 3), 0);
    CU_ASSERT_EQUAL(read_to_end(s.out, text, sizeof text), 6);
    CU_ASSERT_EQUAL(brd_os_chan_read(s.err, text, sizeof text, &(size_t){0}), 0);
    CU_ASSERT_EQUAL(memcmp(text, "to error", 8), 0);
    streams_close(&s);
}

static void it_is_only_read(void)
{
    brd_chan *c = NULL;
    brd_handle theirs = BRD_NONE;
    char byte = 0;
    size_t n = 77;
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_output(&c, &theirs), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(c, &byte, 1, &n), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(brd_os_chan_write(c, "x", 1, &n), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_chan_wait(c, BRD_READ, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(n, 77);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(brd_os_chan_wait(c, BRD_READ, test_deadline(20000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(c, &byte, 1, &n), BROOD_ECLOSED);
    brd_os_chan_close(&c);
}

static void a_waiter_watches_it(void)
{
    streams s;
    brd_waiter *w = NULL;
    brd_event event = {0};
    size_t count = 0, got = 0;
    char text[32];
    int status = 0;
    streams_open(&s, "prints");
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, s.out, BRD_READ, &s), 0);
    for (size_t total = 0; !status; total += got) { // at each event there is something, or the end
        CU_ASSERT_EQUAL_FATAL(brd_os_waiter_wait(w, test_deadline(20000), &event, 1, &count), 0);
        CU_ASSERT_PTR_EQUAL(event.tag, &s);
        got = 0;
        status = brd_os_chan_read(s.out, text, sizeof text, &got);
        CU_ASSERT(status != BROOD_ECLOSED || total == 9);
        status = status == BROOD_EAGAIN ? 0 : status;
    }
    CU_ASSERT_EQUAL(status, BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, s.out, 0, &s), 0);
    brd_os_waiter_close(&w);
    CU_ASSERT_EQUAL(test_end(&s.child), 7);
    streams_close(&s);
}

static const test_case cases[] = {
    TEST_CASE(streams_are_two),
    TEST_CASE(a_writer_waits_for_room),
    TEST_CASE(what_was_written_outlives_the_writer),
    TEST_CASE(it_is_only_read),
    TEST_CASE(a_waiter_watches_it),
    TEST_CHILD("prints", child_prints),
    TEST_CHILD("prints-much", child_prints_much),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "output", cases);
}
