/*
 * Channels, as os.h promises them: bytes both ways, the end of the peer, handles that
 * travel. Run on every system from this one source. The one thing to know: a child can
 * only be handed handles by its parent, so what travels is tried with a real child.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_HANDLES = 16, LARGE = 8 << 20 };

/** Both ends of a channel in this process. */
typedef struct ends {
    brd_chan *mine;
    brd_chan *theirs;
} ends;

static void ends_open(ends *e)
{
    brd_handle theirs = BRD_NONE;
    *e = (ends){0};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&e->mine, &theirs), 0);
    CU_ASSERT_FALSE(brd_is_none(theirs));
    CU_ASSERT(theirs.os > 2);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&e->theirs, theirs), 0);
}

static void ends_close(ends *e)
{
    brd_os_chan_close(&e->mine);
    brd_os_chan_close(&e->theirs);
}

/** Starts a child that has one end; *out is the other. */
static brd_chan *chan_child(brd_proc *child, const char *name)
{
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    test_start how = {.child = name, .inherit = &theirs, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    how.channel = mine;
    CU_ASSERT_EQUAL_FATAL(test_start_child(child, &how), 0);
    brd_os_close(&theirs);
    return mine;
}

static brd_chan *adopted(int argc, char **argv)
{
    brd_chan *c = NULL;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&c, test_handle(argv[0])) == 0);
    brd_os_chan_trust(c);
    return c;
}

static void carries_bytes_both_ways(void)
{
    ends e;
    char got[6] = "";
    ends_open(&e);
    CU_ASSERT_EQUAL(test_write_all(e.mine, "hello", 6), 0);
    CU_ASSERT_EQUAL(test_read_all(e.theirs, got, 6), 0);
    CU_ASSERT_STRING_EQUAL(got, "hello");
    CU_ASSERT_EQUAL(test_write_all(e.theirs, "world", 6), 0);
    CU_ASSERT_EQUAL(test_read_all(e.mine, got, 6), 0);
    CU_ASSERT_STRING_EQUAL(got, "world");
    ends_close(&e);
}

static void reads_only_what_is_there(void)
{
    ends e;
    char got[8] = "........";
    size_t size = 77;
    ends_open(&e);
    CU_ASSERT_EQUAL(brd_os_chan_read(e.mine, got, sizeof got, &size), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(size, 77);
    CU_ASSERT_EQUAL(test_write_all(e.theirs, "ab", 2), 0);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(e.mine, got, 1, &size), 0);
    CU_ASSERT_EQUAL(size, 1);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(e.mine, got, sizeof got, &size), 0);
    CU_ASSERT_EQUAL(size, 1);
    CU_ASSERT_EQUAL(got[0], 'b');
    CU_ASSERT_EQUAL(brd_os_chan_read(e.mine, got, sizeof got, &size), BROOD_EAGAIN);
    ends_close(&e);
}

static void fills_up_and_empties(void)
{
    ends e;
    static char block[65536];
    size_t put = 0;
    size_t got = 0;
    int status = 0;
    ends_open(&e);
    do {
        status = brd_os_chan_write(e.mine, block, sizeof block, &put);
    } while (status == 0);
    CU_ASSERT_EQUAL(status, BROOD_EAGAIN);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_WRITE, brd_os_now() + BRD_MS), BROOD_ETIMEDOUT);
    do {
        status = brd_os_chan_read(e.theirs, block, sizeof block, &got);
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(e.mine, BRD_WRITE, 0) ? 0 : BROOD_EAGAIN;
    } while (status == 0);
    CU_ASSERT_EQUAL(status, BROOD_EAGAIN);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_WRITE, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_write(e.mine, "x", 1, &put), 0);
    ends_close(&e);
}

static void waits_until_a_time(void)
{
    ends e;
    brd_time until = 0;
    ends_open(&e);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_READ, 0), BROOD_ETIMEDOUT);
    until = brd_os_now() + 20 * BRD_MS;
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_READ, until), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() >= until);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_WRITE, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_READ | BRD_WRITE, test_deadline(10000)), 0);
    ends_close(&e);
}

static void delivers_what_came_before_the_end(void)
{
    ends e;
    char got[4] = "";
    size_t size = 0;
    ends_open(&e);
    CU_ASSERT_EQUAL(test_write_all(e.theirs, "end", 4), 0);
    brd_os_chan_close(&e.theirs);
    CU_ASSERT_EQUAL(test_read_all(e.mine, got, 4), 0);
    CU_ASSERT_STRING_EQUAL(got, "end");
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(e.mine, got, 4, &size), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brd_os_chan_read(e.mine, got, 4, &size), BROOD_ECLOSED);
    ends_close(&e);
}

static void tells_the_writer_of_the_end(void)
{
    ends e;
    size_t put = 0;
    ends_open(&e);
    // Unread bytes on the far side are lost with it, and change nothing here.
    CU_ASSERT_EQUAL(test_write_all(e.mine, "lost", 4), 0);
    brd_os_chan_close(&e.theirs);
    CU_ASSERT_EQUAL(brd_os_chan_wait(e.mine, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_write(e.mine, "x", 1, &put), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brd_os_chan_write(e.mine, "x", 1, &put), BROOD_ECLOSED);
    ends_close(&e);
}

static void closes_twice_and_none(void)
{
    ends e;
    brd_chan *none = NULL;
    brd_handle handle = BRD_NONE;
    ends_open(&e);
    ends_close(&e);
    CU_ASSERT_PTR_NULL(e.mine);
    ends_close(&e);
    brd_os_chan_close(&none);
    brd_os_close(&handle);
    brd_os_close(&handle);
    CU_ASSERT(brd_is_none(handle));
}

static void adopts_only_channels(void)
{
    brd_chan *c = NULL;
    brd_shm shm = {.segment = BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 4096), 0);
    CU_ASSERT_NOT_EQUAL(brd_os_chan_adopt(&c, BRD_NONE), 0);
    CU_ASSERT_NOT_EQUAL(brd_os_chan_adopt(&c, shm.segment), 0);
    CU_ASSERT_PTR_NULL(c);
    brd_os_shm_unmap(&shm);
}

/* ---------------------------------------------------------- a large stream */

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761U >> 13);
}

static int child_echo(int argc, char **argv)
{
    static char block[50000];
    brd_chan *c = adopted(argc, argv);
    int status = 0;
    while (status == 0) {
        size_t got = 0;
        status = brd_os_chan_read(c, block, sizeof block, &got);
        if (status == 0)
            status = test_write_all(c, block, got);
        else if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(c, BRD_READ, test_deadline(20000));
    }
    brd_os_chan_close(&c);
    return status == BROOD_ECLOSED ? 7 : 1;
}

/** Sends the whole stream, in a thread of its own. */
static void send_stream(void *baton)
{
    unsigned char *bytes = malloc(LARGE);
    for (size_t i = 0; bytes && i < LARGE; i++)
        bytes[i] = byte_at(i);
    if (bytes)
        test_write_all(baton, bytes, LARGE);
    free(bytes);
}

static void streams_both_ways_at_once(void)
{
    brd_proc child = {0};
    brd_thread sender = {0};
    brd_chan *c = chan_child(&child, "echo");
    unsigned char *back = malloc(LARGE);
    size_t wrong = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(back);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&sender, send_stream, c), 0);
    CU_ASSERT_EQUAL(test_read_all(c, back, LARGE), 0);
    brd_os_thread_join(&sender);
    for (size_t i = 0; i < LARGE; i++)
        wrong += back[i] != byte_at(i);
    CU_ASSERT_EQUAL(wrong, 0);
    free(back);
    brd_os_chan_close(&c);
    CU_ASSERT_EQUAL(test_end(&child), 7);
}

static int child_quits(int argc, char **argv)
{
    brd_chan *c = adopted(argc, argv);
    (void)c;
    // Without closing: the end of the process is the end of the channel.
    brd_os_exit(0);
}

static void ends_with_the_peer_process(void)
{
    brd_proc child = {0};
    brd_chan *c = chan_child(&child, "quits");
    char byte = 0;
    size_t got = 0;
    CU_ASSERT_EQUAL(brd_os_chan_wait(c, BRD_READ, test_deadline(20000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(c, &byte, 1, &got), BROOD_ECLOSED);
    brd_os_chan_close(&c);
    CU_ASSERT_EQUAL(test_end(&child), 0);
}

/* ----------------------------------------------------------------- handles */

/** Takes as many handles as the first byte says, adds up what their segments hold. */
static int child_takes(int argc, char **argv)
{
    brd_chan *c = adopted(argc, argv);
    uint64_t tokens[MOST_HANDLES];
    unsigned char count = 0;
    uint64_t sum = 0;
    TEST_CHILD_CHECK(test_read_all(c, &count, 1) == 0);
    TEST_CHILD_CHECK(test_read_all(c, tokens, count * sizeof *tokens) == 0);
    // Last first: the order of taking is not the order of giving.
    for (size_t i = count; i-- > 0;) {
        brd_handle taken = BRD_NONE;
        brd_shm shm = {.segment = BRD_NONE};
        TEST_CHILD_CHECK(brd_os_chan_take(c, tokens[i], &taken) == 0);
        TEST_CHILD_CHECK(taken.os > 2);
        TEST_CHILD_CHECK(brd_os_shm_map(&shm, taken, 4096, true) == 0);
        sum += *(uint64_t *)shm.base << i;
        brd_os_shm_unmap(&shm);
    }
    TEST_CHILD_CHECK(test_write_all(c, &sum, sizeof sum) == 0);
    brd_os_chan_close(&c);
    return 0;
}

static void give_segments(unsigned char count)
{
    brd_proc child = {0};
    brd_chan *c = chan_child(&child, "takes");
    brd_shm shm[MOST_HANDLES];
    uint64_t tokens[MOST_HANDLES];
    uint64_t expected = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm[i], 4096), 0);
        *(uint64_t *)shm[i].base = i + 1;
        expected += (uint64_t)(i + 1) << i;
        CU_ASSERT_EQUAL_FATAL(brd_os_chan_give(c, shm[i].segment, &tokens[i]), 0);
    }
    CU_ASSERT_EQUAL(test_write_all(c, &count, 1), 0);
    CU_ASSERT_EQUAL(test_write_all(c, tokens, count * sizeof *tokens), 0);
    CU_ASSERT_EQUAL(test_read_all(c, &sum, sizeof sum), 0);
    CU_ASSERT_EQUAL(sum, expected);
    for (size_t i = 0; i < count; i++)
        brd_os_shm_unmap(&shm[i]);
    brd_os_chan_close(&c);
    CU_ASSERT_EQUAL(test_end(&child), 0);
}

static void gives_one_handle(void)
{
    give_segments(1);
}

static void gives_sixteen_handles(void)
{
    give_segments(MOST_HANDLES);
}

static void refuses_unknown_tokens(void)
{
    ends e;
    brd_handle none = BRD_NONE;
    uint64_t token = 0;
    ends_open(&e);
    CU_ASSERT_EQUAL(brd_os_chan_take(e.mine, 12345, &none), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(brd_os_chan_take(e.mine, 0, &none), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(brd_os_chan_take(e.mine, UINT64_MAX, &none), BROOD_EPROTOCOL);
    CU_ASSERT(brd_is_none(none));
    CU_ASSERT_NOT_EQUAL(brd_os_chan_give(e.mine, BRD_NONE, &token), 0);
    ends_close(&e);
}

static void forgets_what_was_never_sent(void)
{
    brd_proc child = {0};
    brd_chan *c = chan_child(&child, "quits");
    brd_shm shm = {.segment = BRD_NONE};
    uint64_t token = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 4096), 0);
    brd_os_chan_give(c, shm.segment, &token);
    brd_os_shm_unmap(&shm);
    brd_os_chan_close(&c);
    CU_ASSERT_EQUAL(test_end(&child), 0);
}

static const test_case cases[] = {
    TEST_CASE(carries_bytes_both_ways),
    TEST_CASE(reads_only_what_is_there),
    TEST_CASE(fills_up_and_empties),
    TEST_CASE(waits_until_a_time),
    TEST_CASE(delivers_what_came_before_the_end),
    TEST_CASE(tells_the_writer_of_the_end),
    TEST_CASE(closes_twice_and_none),
    TEST_CASE(adopts_only_channels),
    TEST_CASE(streams_both_ways_at_once),
    TEST_CASE(ends_with_the_peer_process),
    TEST_CASE(gives_one_handle),
    TEST_CASE(gives_sixteen_handles),
    TEST_CASE(refuses_unknown_tokens),
    TEST_CASE(forgets_what_was_never_sent),
    TEST_CHILD("echo", child_echo),
    TEST_CHILD("quits", child_quits),
    TEST_CHILD("takes", child_takes),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "chan", cases);
}
