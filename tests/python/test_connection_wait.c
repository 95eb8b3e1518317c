/*
 * What CPython's TestWait and its tests of interrupted calls ask of connections, asked of
 * brood_wait_many and brood_pipe. Run on every system from this one source. The names are
 * CPython's; a note with a number names the row of the table in README.md by which we differ.
 *
 * The one thing to know: those that are slow in CPython sleep; here they wait for an answer.
 */
#include "fault/acts.h"
#include "python/connections.h"

/* ------------------------------------------------------------------ TestWait */

enum { CHILDREN = 4, MESSAGES = 10 };

/** "pb": sends its number and which message this is; slowly: only when it was heard. */
static int sends_messages(brood_message *args, brood_message *result)
{
    brood_pipe *w = NULL;
    int slow = 0;
    brood_message message = BROOD_MESSAGE_INIT;
    int status = brood_unpack(args, "pb", &w, &slow);
    (void)result;
    for (int32_t i = 0; !status && i < MESSAGES; i++) {
        brood_message_clear(&message);
        status = brood_pack(&message, "ix", i, brood_pid());
        if (!status)
            status = brood_pipe_send(w, &message, LONG_WAIT);
        if (!status && slow)
            status = await_thanks(w);
    }
    brood_message_clear(&message);
    brood_pipe_destroy(w);
    return status ? 99 : 0;
}

typedef struct reader {
    brood_pipe *pipe;
    apr_socket_t *socket; /* or this */
    intptr_t handle;      /* of the socket */
    int64_t pid;
    int heard;
    bool done;
} reader;

/** Takes one message, or sees the end. */
static void hear_message(reader *r, bool slow)
{
    brood_message message = BROOD_MESSAGE_INIT;
    int32_t i = -1;
    int64_t pid = 0;
    int status = brood_pipe_recv(r->pipe, &message, LONG_WAIT);
    r->done = status != BROOD_OK;
    if (status) {
        CU_ASSERT_EQUAL(status, BROOD_ECLOSED);
        return;
    }
    ASSERT_OK(brood_unpack(&message, "ix", &i, &pid));
    CU_ASSERT(i == r->heard && pid == r->pid);
    r->heard++;
    if (slow)
        ASSERT_OK(send_text(r->pipe, "thanks"));
    brood_message_clear(&message);
}

/** The readers that are not done, to be waited for; which[i]: whose things[i] is. */
static size_t list_readers(const reader *all, brood_waitable *things, size_t *which)
{
    size_t count = 0;
    for (size_t i = 0; i < CHILDREN; i++) {
        if (all[i].done)
            continue;
        things[count] = (brood_waitable){.pipe = all[i].pipe};
        if (all[i].socket)
            things[count].handle = &all[i].handle;
        which[count++] = i;
    }
    return count;
}

static void wait_for_messages(bool slow)
{
    reader readers[CHILDREN] = {{0}};
    brood_process *children[CHILDREN];
    brood_waitable things[CHILDREN];
    size_t which[CHILDREN], count;
    for (int i = 0; i < CHILDREN; i++) {
        ends e = pipe_open(!slow);
        brood_message args = BROOD_MESSAGE_INIT;
        ASSERT_OK(brood_pack(&args, "pb", e.other, slow));
        children[i] = process_with(sends_messages, &args, NULL);
        brood_pipe_destroy(e.other);
        readers[i] = (reader){.pipe = e.one, .pid = brood_process_pid(children[i])};
    }
    while ((count = list_readers(readers, things, which)) > 0) {
        CU_ASSERT_EQUAL_FATAL(brood_wait_many(things, count, LONG_WAIT), BROOD_OK);
        for (size_t i = 0; i < count; i++)
            if (things[i].ready)
                hear_message(&readers[which[i]], slow);
    }
    for (int i = 0; i < CHILDREN; i++) {
        CU_ASSERT_EQUAL(readers[i].heard, MESSAGES);
        process_ends_with(children[i], 0);
        brood_pipe_destroy(readers[i].pipe);
    }
}

static void test_wait(void)
{
    wait_for_messages(false);
}

// Slow is who waits for an answer each time: no message is there before its time.
static void test_wait_slow(void)
{
    wait_for_messages(true);
}

/** "qb": connects, and sends lines; slowly: each only when the last one was heard. */
static int sends_lines(brood_message *args, brood_message *result)
{
    apr_pool_t *memory = memory_open();
    uint16_t port = 0;
    int slow = 0;
    char line[16], thanks;
    int status = brood_unpack(args, "qb", &port, &slow);
    apr_socket_t *made = status ? NULL : connect_to(port, memory);
    (void)result;
    for (int i = 0; !status && i < MESSAGES; i++) {
        apr_size_t size = (apr_size_t)snprintf(line, sizeof line, "%d\n", i);
        must(apr_socket_send(made, line, &size));
        for (size_t heard = 0; slow && heard < size; heard++) {
            apr_size_t one = 1;
            must(apr_socket_recv(made, &thanks, &one));
        }
    }
    if (made)
        apr_socket_close(made);
    memory_close(memory);
    return status ? 99 : 0;
}

/** Takes what is there, or sees the end. */
static void hear_lines(reader *r, char *text, bool slow)
{
    apr_size_t size = 32;
    apr_status_t status = apr_socket_recv(r->socket, text + r->heard, &size);
    r->done = status != APR_SUCCESS;
    if (status) {
        CU_ASSERT(APR_STATUS_IS_EOF(status));
        return;
    }
    r->heard += (int)size;
    if (slow)
        must(apr_socket_send(r->socket, text, &size)); // a byte for a byte
}

static void wait_for_lines(bool slow)
{
    apr_pool_t *memory = memory_open();
    reader readers[CHILDREN] = {{0}};
    brood_process *children[CHILDREN];
    brood_waitable things[CHILDREN];
    char texts[CHILDREN][100] = {""};
    size_t which[CHILDREN], count;
    uint16_t port = 0;
    apr_socket_t *listening = listen_here(memory, &port);
    for (int i = 0; i < CHILDREN; i++) {
        brood_message args = BROOD_MESSAGE_INIT;
        ASSERT_OK(brood_pack(&args, "qb", port, slow));
        children[i] = process_with(sends_lines, &args, NULL);
    }
    for (int i = 0; i < CHILDREN; i++) {
        must(apr_socket_accept(&readers[i].socket, listening, memory));
        readers[i].handle = handle_of_socket(readers[i].socket);
    }
    apr_socket_close(listening);
    while ((count = list_readers(readers, things, which)) > 0) {
        CU_ASSERT_EQUAL_FATAL(brood_wait_many(things, count, LONG_WAIT), BROOD_OK);
        for (size_t i = 0; i < count; i++)
            if (things[i].ready && readers[which[i]].heard < 60)
                hear_lines(&readers[which[i]], texts[which[i]], slow);
    }
    for (int i = 0; i < CHILDREN; i++) {
        CU_ASSERT_STRING_EQUAL(texts[i], "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
        process_ends_with(children[i], 0);
        apr_socket_close(readers[i].socket);
    }
    memory_close(memory);
}

static void test_wait_socket(void)
{
    wait_for_lines(false);
}

static void test_wait_socket_slow(void)
{
    wait_for_lines(true);
}

static void test_wait_timeout(void)
{
    ends e = pipe_open(0);
    brood_waitable things[] = {{.pipe = e.one}, {.pipe = e.other}};
    brd_time begun = brd_os_now();
    CU_ASSERT_EQUAL(brood_wait_many(things, 2, 100), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() - begun >= 99 * BRD_MS); // some clocks are coarse
    ASSERT_OK(send_text(e.other, "x"));
    ASSERT_OK(brood_wait_many(things, 2, LONG_WAIT));
    CU_ASSERT(things[0].ready && !things[1].ready);
    pipe_close(&e);
}

/** Waits until exactly these are ready: one may be so before another. */
static void expect_ready(brood_waitable *things, size_t count, unsigned expected)
{
    unsigned ready = 0;
    brd_time until = test_deadline(20000);
    do {
        ASSERT_OK(brood_wait_many(things, count, LONG_WAIT));
        ready = 0;
        for (size_t i = 0; i < count; i++)
            ready |= things[i].ready ? 1U << i : 0U;
    } while (ready != expected && brd_os_now() < until);
    CU_ASSERT_EQUAL(ready, expected);
}

// S104: a process is waited for as such; its sentinel is a handle like others, where it has one
static void test_wait_integer(void)
{
    ends e = pipe_open(0);
    gate g;
    gate_make(&g);
    brood_process *p = process_at_gate(gate_pass, &g, 0, NULL);
    intptr_t sentinel = brood_process_sentinel(p);
    brood_waitable things[] = {{.pipe = e.one}, {.process = p}, {.pipe = e.other}, {0}};
    size_t count = sentinel == -1 ? 3 : 4;
    unsigned ended = sentinel == -1 ? 2 : 2 | 8;
    things[3].handle = &sentinel;
    CU_ASSERT_EQUAL(brood_wait_many(things, count, 20), BROOD_ETIMEDOUT);
    gate_open(&g);
    expect_ready(things, count, ended);
    ASSERT_OK(send_text(e.one, "x"));
    expect_ready(things, count, ended | 4);
    ASSERT_OK(send_text(e.other, "x"));
    expect_ready(things, count, ended | 4 | 1);
    process_ends_with(p, 0);
    pipe_close(&e);
    gate_remove(&g, 1);
}

/** "p" */
static int says_ready(brood_message *args, brood_message *result)
{
    brood_pipe *conn = NULL;
    int status = brood_unpack(args, "p", &conn);
    (void)result;
    if (!status)
        status = send_text(conn, "ready");
    brood_pipe_destroy(conn);
    return status ? 99 : 0;
}

// S105: there it is no time at all, here it is for ever
static void test_neg_timeout(void)
{
    ends e = pipe_open(0);
    brood_waitable thing = {.pipe = e.one};
    CU_ASSERT_EQUAL(brood_wait_many(&thing, 1, 0), BROOD_ETIMEDOUT);
    brood_process *p = process_with_end(says_ready, e.other);
    ASSERT_OK(brood_wait_many(&thing, 1, -1));
    CU_ASSERT(thing.ready && hears_text(e.one, "ready"));
    process_ends_with(p, 0);
    brood_pipe_destroy(e.one);
}

/* ------------------------------------------------------------- interruptions */

enum { BYTES_FOR_EINTR = 4 << 20 };

/** "p": is interrupted again and again while it waits, receives and sends. */
static int is_interrupted(brood_message *args, brood_message *result)
{
    brood_pipe *conn = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    unsigned char *bytes = pattern(BYTES_FOR_EINTR);
    int status = brood_unpack(args, "p", &conn);
    (void)result;
    if (!status && (!bytes || !act_interruptions_start()))
        status = 1;
    if (!status && brood_pipe_poll(conn, 30) != BROOD_ETIMEDOUT)
        status = 2;
    if (!status)
        status = send_text(conn, "ready");
    if (!status)
        status = brood_pipe_recv(conn, &message, LONG_WAIT);
    if (!status)
        status = brood_pipe_send(conn, &message, LONG_WAIT);
    if (!status)
        status = brood_pipe_send_bytes(conn, bytes, BYTES_FOR_EINTR, LONG_WAIT);
    if (act_interruptions_end() == 0)
        status = 3;
    free(bytes);
    brood_message_clear(&message);
    brood_pipe_destroy(conn);
    return status ? 99 : 0;
}

// Both sides are interrupted all the time, even while the process is started.
static void test_ignore(void)
{
    brood_message message = BROOD_MESSAGE_INIT;
    size_t size = 0;
    int32_t n = 0;
    if (!act_interruptions_start())
        TEST_SKIP("nothing interrupts a call here");
    ends e = pipe_open(0);
    brood_process *p = process_with_end(is_interrupted, e.other);
    CU_ASSERT(hears_text(e.one, "ready"));
    CU_ASSERT_EQUAL(brood_pipe_poll(e.one, 20), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_pack(&message, "i", 1234));
    ASSERT_OK(brood_pipe_send(e.one, &message, LONG_WAIT));
    brood_message_clear(&message);
    ASSERT_OK(brood_pipe_recv(e.one, &message, LONG_WAIT));
    ASSERT_OK(brood_unpack(&message, "i", &n));
    CU_ASSERT_EQUAL(n, 1234);
    ASSERT_OK(brood_pipe_recv(e.one, &message, LONG_WAIT));
    unsigned char *expected = pattern(BYTES_FOR_EINTR);
    const void *heard = brood_message_bytes(&message, &size);
    CU_ASSERT(expected && size == BYTES_FOR_EINTR && memcmp(heard, expected, size) == 0);
    process_ends_with(p, 0);
    CU_ASSERT(act_interruptions_end() > 0);
    free(expected);
    brood_message_clear(&message);
    brood_pipe_destroy(e.one);
}

static void test_poll_eintr(void)
{
    gate g;
    if (!act_interruptions_start())
        TEST_SKIP("nothing interrupts a call here");
    gate_make(&g);
    brood_process *p = process_at_gate(gate_pass, &g, 0, NULL);
    brood_waitable thing = {.process = p};
    CU_ASSERT_EQUAL(brood_process_join(p, 30), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_wait_many(&thing, 1, 30), BROOD_ETIMEDOUT);
    CU_ASSERT(act_interruptions_end() > 0);
    (void)act_interruptions_start();
    gate_open(&g);
    process_ends_with(p, 0);
    (void)act_interruptions_end();
    gate_remove(&g, 1);
}

static const test_case cases[] = {
    TEST_CASE(test_wait),         TEST_CASE(test_wait_slow),
    TEST_CASE(test_wait_socket),  TEST_CASE(test_wait_socket_slow),
    TEST_CASE(test_wait_timeout), TEST_CASE(test_wait_integer),
    TEST_CASE(test_neg_timeout),  TEST_CASE(test_ignore),
    TEST_CASE(test_poll_eintr),   {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = handles_warm_up;
    return test_main(argc, argv, "connection_wait", cases);
}
