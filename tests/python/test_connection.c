/*
 * What CPython's _TestConnection, _TestPoll and _TestPicklingConnections ask of connections,
 * asked of brood_pipe. Run on every system from this one source. The names are CPython's; a
 * note with a number names the row of the table in README.md by which we differ.
 *
 * The one thing to know: what api/test_pipe.c and api/test_handles.c ask already is not
 * asked again; the README says which of their tests stand for which of CPython's.
 */
#include "base/bytes.h"
#include "ipc/pipe.h"
#include "python/connections.h"

#include <ctype.h>

/* ---------------------------------------------------------- _TestConnection */

/** "p": sends back what comes, until nothing comes. */
static int echoes(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    size_t size = 1;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    while (!status && size) {
        status = brood_pipe_recv(pipe, &message, LONG_WAIT);
        (void)brood_message_bytes(&message, &size);
        if (!status && size)
            status = brood_pipe_send(pipe, &message, LONG_WAIT);
    }
    brood_message_clear(&message);
    brood_pipe_destroy(pipe);
    return status ? 99 : 0;
}

static void echo_values(brood_pipe *conn)
{
    static const char *const words[] = {"one", "", "three"};
    brood_message message = BROOD_MESSAGE_INIT;
    const char *const *heard = NULL;
    size_t count = 0;
    int32_t n = 0;
    double d = 0;
    ASSERT_OK(brood_pack(&message, "(id)as", 1, 2.25, words, (size_t)3));
    ASSERT_OK(brood_pipe_send(conn, &message, LONG_WAIT));
    brood_message_clear(&message);
    ASSERT_OK(brood_pipe_recv(conn, &message, LONG_WAIT));
    ASSERT_OK(brood_unpack(&message, "(id)as", &n, &d, &heard, &count));
    CU_ASSERT(n == 1 && d == 2.25);
    CU_ASSERT_EQUAL_FATAL(count, 3);
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_STRING_EQUAL(heard[i], words[i]);
    brood_message_clear(&message);
}

static void echo_into_a_buffer(brood_pipe *conn)
{
    char buffer[40] = "....................";
    size_t size = 0;
    ASSERT_OK(send_text(conn, "hello"));
    ASSERT_OK(brood_pipe_recv_bytes(conn, buffer + 8, sizeof buffer - 8, &size, LONG_WAIT));
    CU_ASSERT_EQUAL(size, 5);
    CU_ASSERT_STRING_EQUAL(buffer, "........hello.......");
    ASSERT_OK(send_text(conn, "longer than its room"));
    CU_ASSERT_EQUAL(brood_pipe_recv_bytes(conn, buffer, 10, &size, LONG_WAIT), BROOD_EINVAL);
    CU_ASSERT_EQUAL(size, 20);
    CU_ASSERT(hears_text(conn, "longer than its room"));
}

static void echo_a_long_message(brood_pipe *conn)
{
    enum { SIZE = 16 << 20 };
    unsigned char *bytes = pattern(SIZE);
    brood_message message = BROOD_MESSAGE_INIT;
    size_t size = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    ASSERT_OK(brood_pipe_send_bytes(conn, bytes, SIZE, LONG_WAIT));
    ASSERT_OK(brood_pipe_recv(conn, &message, LONG_WAIT));
    const void *heard = brood_message_bytes(&message, &size);
    CU_ASSERT(size == SIZE && memcmp(heard, bytes, SIZE) == 0);
    brood_message_clear(&message);
    free(bytes);
}

// S101: what is too long for its buffer is not lost
static void test_connection(void)
{
    ends e = pipe_open(0);
    brood_process *p = process_with_end(echoes, e.other);
    CU_ASSERT(brood_pipe_can_send(e.one) && brood_pipe_can_recv(e.one));
    echo_values(e.one);
    echo_into_a_buffer(e.one);
    CU_ASSERT_EQUAL(brood_pipe_poll(e.one, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_pipe_poll(e.one, 20), BROOD_ETIMEDOUT);
    ASSERT_OK(send_text(e.one, "now"));
    ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
    CU_ASSERT(hears_text(e.one, "now"));
    echo_a_long_message(e.one);
    ASSERT_OK(send_text(e.one, ""));
    char none;
    size_t size = 0;
    CU_ASSERT_EQUAL(brood_pipe_recv_bytes(e.one, &none, 1, &size, LONG_WAIT), BROOD_ECLOSED);
    process_ends_with(p, 0);
    brood_pipe_destroy(e.one);
}

// Offset and size are a pointer and a size in C; what is outside cannot be seen.
static void test_sendbytes(void)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    ends e = pipe_open(0);
    ASSERT_OK(brood_pipe_send_bytes(e.one, letters, 26, LONG_WAIT));
    ASSERT_OK(brood_pipe_send_bytes(e.one, letters + 5, 21, LONG_WAIT));
    ASSERT_OK(brood_pipe_send_bytes(e.one, letters + 7, 8, LONG_WAIT));
    ASSERT_OK(brood_pipe_send_bytes(e.one, letters + 26, 0, LONG_WAIT));
    ASSERT_OK(brood_pipe_send_bytes(e.one, NULL, 0, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_pipe_send_bytes(e.one, NULL, 4, LONG_WAIT), BROOD_EINVAL);
    CU_ASSERT(hears_text(e.other, letters));
    CU_ASSERT(hears_text(e.other, letters + 5));
    CU_ASSERT(hears_text(e.other, "hijklmno"));
    CU_ASSERT(hears_text(e.other, ""));
    CU_ASSERT(hears_text(e.other, ""));
    CU_ASSERT_EQUAL(brood_pipe_poll(e.other, 0), BROOD_ETIMEDOUT);
    pipe_close(&e);
}

/** "p": writes into the file whose handle comes. */
static int writes_into_a_file(brood_message *args, brood_message *result)
{
    apr_pool_t *memory = memory_open();
    brood_pipe *conn = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    intptr_t handle = -1;
    apr_file_t *file = NULL;
    int status = brood_unpack(args, "p", &conn);
    (void)result;
    if (!status)
        status = brood_pipe_recv(conn, &message, LONG_WAIT);
    if (!status)
        status = brood_unpack(&message, "h", &handle);
    if (!status)
        file = file_of(handle, memory);
    if (!file || apr_file_write_full(file, "foo", 3, NULL) != APR_SUCCESS)
        status = 1;
    if (file)
        apr_file_close(file);
    brood_message_clear(&message);
    brood_pipe_destroy(conn);
    memory_close(memory);
    return status ? 99 : 0;
}

/** A process writes into the file, which it is given by this handle. */
static void expect_written(apr_file_t *file, intptr_t handle)
{
    ends e = pipe_open(0);
    brood_message message = BROOD_MESSAGE_INIT;
    apr_off_t start = 0;
    apr_size_t size = 0;
    char text[8] = "";
    brood_process *p = process_with_end(writes_into_a_file, e.other);
    ASSERT_OK(brood_pack(&message, "h", handle));
    ASSERT_OK(brood_pipe_send(e.one, &message, LONG_WAIT));
    brood_message_clear(&message);
    process_ends_with(p, 0);
    CU_ASSERT_EQUAL(apr_file_seek(file, APR_SET, &start), APR_SUCCESS);
    (void)apr_file_read_full(file, text, sizeof text - 1, &size);
    CU_ASSERT_STRING_EQUAL(text, "foo");
    brood_pipe_destroy(e.one);
}

static void test_fd_transfer(void)
{
    apr_pool_t *memory = memory_open();
    apr_file_t *file = file_with(memory, "");
    expect_written(file, handle_of_file(file));
    memory_close(memory);
}

// One that is far beyond 255, where a byte for its number would be too short.
static void test_large_fd_transfer(void)
{
    enum { MANY = 300 };
    apr_pool_t *memory = memory_open();
    apr_file_t *file = file_with(memory, "");
    const brd_handle handle = {handle_of_file(file)};
    brd_handle copies[MANY];
    int count = 0;
    while (count < MANY && brd_os_copy(handle, &copies[count]) == BROOD_OK)
        count++;
    bool enough = count == MANY;
    if (enough) {
        CU_ASSERT(copies[MANY - 1].os > 255);
        expect_written(file, copies[MANY - 1].os);
    }
    while (count)
        brd_os_close(&copies[--count]);
    memory_close(memory);
    if (!enough)
        TEST_SKIP("so many handles cannot be open here");
}

// S102: a message that announces what does not come with it ends the receiving
static void test_missing_fd_transfer(void)
{
    unsigned char head[24]; // as ipc/pipe.h describes it, with the number of one handle
    brd_chan *raw = NULL, *chan = NULL;
    brd_handle theirs = BRD_NONE;
    brood_pipe *pipe = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    brd_put32(head, 0x31505242); // "BRP1"
    brd_put32(head + 4, 1);
    brd_put64(head + 8, 0);
    brd_put64(head + 16, 1);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&raw, &theirs), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&chan, theirs), 0);
    CU_ASSERT_EQUAL_FATAL(brd_pipe_of(&pipe, chan, &(brd_pipe_terms){0}), BROOD_OK);
    CU_ASSERT_EQUAL(test_write_all(raw, head, sizeof head), 0);
    CU_ASSERT_EQUAL(brood_pipe_recv(pipe, &message, LONG_WAIT), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(brood_pipe_recv(pipe, &message, LONG_WAIT), BROOD_EPROTOCOL);
    brood_pipe_destroy(pipe);
    brd_os_chan_close(&raw);
    brood_message_clear(&message);
}

/* ----------------------------------------------------------------- _TestPoll */

static void test_empty_string(void)
{
    ends e = pipe_open(0);
    CU_ASSERT_EQUAL(brood_pipe_poll(e.one, 0), BROOD_ETIMEDOUT);
    ASSERT_OK(send_text(e.other, ""));
    ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
    ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
    CU_ASSERT(hears_text(e.one, ""));
    pipe_close(&e);
}

static const char *const strings[] = {"hello", "", "a", "b", "", "bye", "", "lop"};
enum { STRINGS = sizeof strings / sizeof *strings };

/** "p" */
static int sends_strings(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    for (int i = 0; !status && i < STRINGS; i++)
        status = send_text(pipe, strings[i]);
    brood_pipe_destroy(pipe);
    return status ? 99 : 0;
}

static void test_strings(void)
{
    ends e = pipe_open(0);
    brood_process *p = process_with_end(sends_strings, e.other);
    for (int i = 0; i < STRINGS; i++) {
        ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
        CU_ASSERT(hears_text(e.one, strings[i]));
    }
    process_ends_with(p, 0);
    brood_pipe_destroy(e.one);
}

/** "p": looks, and takes nothing. */
static int polls(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    if (!status)
        status = brood_pipe_poll(pipe, LONG_WAIT);
    brood_pipe_destroy(pipe);
    return status ? 99 : 0;
}

// Python's test allows either of the two; here whoever polls leaves all of it.
static void test_boundaries(void)
{
    ends e = pipe_open(1);
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "p", e.one));
    brood_process *p = process_with(polls, &args, NULL);
    ASSERT_OK(send_text(e.other, "first"));
    ASSERT_OK(send_text(e.other, "second"));
    brood_pipe_destroy(e.other);
    process_ends_with(p, 0);
    CU_ASSERT(hears_text(e.one, "first"));
    CU_ASSERT(hears_text(e.one, "second"));
    brood_pipe_destroy(e.one);
}

/** "p" */
static int sends_parts(brood_message *args, brood_message *result)
{
    static const char *const parts[] = {"a", "b", "cd"};
    brood_pipe *pipe = NULL;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    for (int i = 0; !status && i < 3; i++)
        status = send_text(pipe, parts[i]);
    brood_pipe_destroy(pipe);
    return status ? 99 : 0;
}

static void test_dont_merge(void)
{
    ends e = pipe_open(0);
    CU_ASSERT_EQUAL(brood_pipe_poll(e.one, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_pipe_poll(e.one, 20), BROOD_ETIMEDOUT);
    brood_process *p = process_with_end(sends_parts, e.other);
    CU_ASSERT(hears_text(e.one, "a"));
    ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
    ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
    CU_ASSERT(hears_text(e.one, "b"));
    ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
    ASSERT_OK(brood_pipe_poll(e.one, LONG_WAIT));
    ASSERT_OK(brood_pipe_poll(e.one, 0));
    CU_ASSERT(hears_text(e.one, "cd"));
    process_ends_with(p, 0);
    brood_pipe_destroy(e.one);
}

/* --------------------------------------------------- _TestPicklingConnections */

static void in_capitals(const char *text, char *out, size_t cap)
{
    size_t i = 0;
    for (; text[i] && i + 1 < cap; i++)
        out[i] = (char)toupper((unsigned char)text[i]);
    out[i] = '\0';
}

static int offer_pipe(brood_pipe *conn)
{
    ends e = {NULL, NULL};
    brood_message message = BROOD_MESSAGE_INIT;
    int status = brood_pipe_create(&e.one, &e.other, NULL);
    if (!status)
        status = brood_pack(&message, "pp", e.one, e.other);
    if (!status)
        status = brood_pipe_send(conn, &message, LONG_WAIT);
    brood_message_clear(&message);
    pipe_close(&e);
    return status ? status : await_thanks(conn);
}

static int offer_socket(brood_pipe *conn)
{
    apr_pool_t *memory = memory_open();
    brood_message message = BROOD_MESSAGE_INIT;
    uint16_t port = 0;
    apr_socket_t *accepted = NULL, *listening = listen_here(memory, &port);
    int status = brood_pack(&message, "q", port);
    if (!status)
        status = brood_pipe_send(conn, &message, LONG_WAIT);
    brood_message_clear(&message);
    if (!status && apr_socket_accept(&accepted, listening, memory) != APR_SUCCESS)
        status = 1;
    if (!status)
        status = brood_pack(&message, "h", handle_of_socket(accepted));
    if (!status)
        status = brood_pipe_send(conn, &message, LONG_WAIT);
    brood_message_clear(&message);
    if (accepted)
        apr_socket_close(accepted);
    apr_socket_close(listening);
    memory_close(memory);
    return status ? status : await_thanks(conn);
}

/** "p": makes connections and gives them away. */
static int offers(brood_message *args, brood_message *result)
{
    brood_pipe *conn = NULL;
    int status = brood_unpack(args, "p", &conn);
    (void)result;
    if (!status)
        status = offer_pipe(conn);
    if (!status)
        status = offer_socket(conn);
    brood_pipe_destroy(conn);
    return status ? 99 : 0;
}

/** "p": says in capitals, by an end and then by a port that come, what comes with them. */
static int speaks_up(brood_message *args, brood_message *result)
{
    apr_pool_t *memory = memory_open();
    brood_pipe *conn = NULL, *end = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    const char *text = "";
    char capitals[32];
    uint16_t port = 0;
    int status = brood_unpack(args, "p", &conn);
    (void)result;
    if (!status)
        status = brood_pipe_recv(conn, &message, LONG_WAIT);
    if (!status)
        status = brood_unpack(&message, "ps", &end, &text);
    in_capitals(text, capitals, sizeof capitals);
    if (!status)
        status = send_text(end, capitals);
    brood_pipe_destroy(end);
    if (!status)
        status = brood_pipe_recv(conn, &message, LONG_WAIT);
    if (!status)
        status = brood_unpack(&message, "qs", &port, &text);
    if (!status) {
        in_capitals(text, capitals, sizeof capitals);
        apr_size_t size = strlen(capitals);
        apr_socket_t *made = connect_to(port, memory);
        must(apr_socket_send(made, capitals, &size));
        apr_socket_close(made);
    }
    brood_message_clear(&message);
    brood_pipe_destroy(conn);
    memory_close(memory);
    return status ? 99 : 0;
}

/** A pipe that one process made and another one speaks into. */
static void take_pipe(brood_pipe *from, brood_pipe *remote)
{
    ends e = {NULL, NULL};
    brood_message message = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pipe_recv(from, &message, LONG_WAIT));
    ASSERT_OK(brood_unpack(&message, "pp", &e.one, &e.other));
    brood_message_clear(&message);
    ASSERT_OK(send_text(from, "thanks"));
    ASSERT_OK(brood_pack(&message, "ps", e.other, "this connection uses a pipe"));
    ASSERT_OK(brood_pipe_send(remote, &message, LONG_WAIT));
    brood_message_clear(&message);
    brood_pipe_destroy(e.other);
    CU_ASSERT(hears_text(e.one, "THIS CONNECTION USES A PIPE"));
    brood_pipe_destroy(e.one);
}

/** A socket that one process accepted and another one connected. */
static void take_socket(brood_pipe *from, brood_pipe *remote)
{
    apr_pool_t *memory = memory_open();
    brood_message message = BROOD_MESSAGE_INIT;
    uint16_t port = 0;
    intptr_t handle = -1;
    char text[64] = "";
    ASSERT_OK(brood_pipe_recv(from, &message, LONG_WAIT));
    ASSERT_OK(brood_unpack(&message, "q", &port));
    brood_message_clear(&message);
    ASSERT_OK(brood_pack(&message, "qs", port, "this connection uses a socket"));
    ASSERT_OK(brood_pipe_send(remote, &message, LONG_WAIT));
    brood_message_clear(&message);
    ASSERT_OK(brood_pipe_recv(from, &message, LONG_WAIT));
    ASSERT_OK(brood_unpack(&message, "h", &handle));
    brood_message_clear(&message);
    ASSERT_OK(send_text(from, "thanks"));
    apr_socket_t *accepted = socket_of(handle, memory);
    CU_ASSERT_PTR_NOT_NULL_FATAL(accepted);
    for (apr_size_t have = 0, size; have + 1 < sizeof text; have += size) {
        size = sizeof text - 1 - have;
        if (apr_socket_recv(accepted, text + have, &size) != APR_SUCCESS)
            break;
    }
    CU_ASSERT_STRING_EQUAL(text, "THIS CONNECTION USES A SOCKET");
    apr_socket_close(accepted);
    memory_close(memory);
}

// S103: who gives something away stays until it was taken, for the sake of Windows
static void test_pickling(void)
{
    ends maker = pipe_open(0), speaker = pipe_open(0);
    brood_process *makes = process_with_end(offers, maker.other);
    brood_process *speaks = process_with_end(speaks_up, speaker.other);
    take_pipe(maker.one, speaker.one);
    take_socket(maker.one, speaker.one);
    process_ends_with(makes, 0);
    process_ends_with(speaks, 0);
    brood_pipe_destroy(maker.one);
    brood_pipe_destroy(speaker.one);
}

/** Sends one end of a pipe through another one; it is closed here. */
static int send_end(brood_pipe *pipe, brood_pipe *end)
{
    brood_message message = BROOD_MESSAGE_INIT;
    int status = brood_pack(&message, "p", end);
    if (!status)
        status = brood_pipe_send(pipe, &message, LONG_WAIT);
    brood_message_clear(&message);
    brood_pipe_destroy(end);
    return status;
}

static int receive_end(brood_pipe *pipe, brood_pipe **end)
{
    brood_message message = BROOD_MESSAGE_INIT;
    int status = brood_pipe_recv(pipe, &message, LONG_WAIT);
    if (!status)
        status = brood_unpack(&message, "p", end);
    brood_message_clear(&message);
    return status;
}

/** "p": uses the end that sends and the end that receives that come, one by one. */
static int has_access(brood_message *args, brood_message *result)
{
    brood_pipe *conn = NULL, *w = NULL, *r = NULL;
    char text[64];
    size_t size = 0;
    int status = brood_unpack(args, "p", &conn);
    (void)result;
    if (!status)
        status = receive_end(conn, &w);
    if (!status && (brood_pipe_can_recv(w) || !brood_pipe_can_send(w)))
        status = 1;
    if (!status)
        status = send_text(w, "all is well");
    brood_pipe_destroy(w);
    if (!status)
        status = receive_end(conn, &r);
    if (!status && (brood_pipe_can_send(r) || !brood_pipe_can_recv(r)))
        status = 1;
    if (!status)
        status = brood_pipe_recv_bytes(r, text, sizeof text / 2, &size, LONG_WAIT);
    brood_pipe_destroy(r);
    if (!status) {
        memcpy(text + size, text, size);
        status = brood_pipe_send_bytes(conn, text, 2 * size, LONG_WAIT);
    }
    brood_pipe_destroy(conn);
    return status ? 99 : 0;
}

static void test_access(void)
{
    ends e = pipe_open(0), way = pipe_open(1);
    brood_process *p = process_with_end(has_access, e.other);
    ASSERT_OK(send_end(e.one, way.other));
    CU_ASSERT(hears_text(way.one, "all is well"));
    brood_pipe_destroy(way.one);
    way = pipe_open(1);
    ASSERT_OK(send_end(e.one, way.one));
    ASSERT_OK(send_text(way.other, "foobar"));
    CU_ASSERT(hears_text(e.one, "foobarfoobar"));
    brood_pipe_destroy(way.other);
    process_ends_with(p, 0);
    brood_pipe_destroy(e.one);
}

static const test_case cases[] = {
    TEST_CASE(test_connection),
    TEST_CASE(test_sendbytes),
    TEST_CASE(test_fd_transfer),
    TEST_CASE(test_large_fd_transfer),
    TEST_CASE(test_missing_fd_transfer),
    TEST_CASE(test_empty_string),
    TEST_CASE(test_strings),
    TEST_CASE(test_boundaries),
    TEST_CASE(test_dont_merge),
    TEST_CASE(test_pickling),
    TEST_CASE(test_access),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = handles_warm_up;
    return test_main(argc, argv, "connection", cases);
}
