/*
 * Clients of managers that lie: they speak the protocol byte by byte, and nobody else hears
 * of it. The one thing to know: what a client that is none says is packed by the manager's
 * own functions, and then spoiled.
 */
#include "api/managed.h"
#include "fault/clients.h"
#include "manager/proxy.h"

#include <brood/listener.h>

/* --------------------------------------------------------- clients that speak byte by byte */

static brood_pipe *dial(brood_manager *m)
{
    brood_pipe *pipe = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_client_connect(&pipe, brood_manager_address(m), NULL, LONG),
                          BROOD_OK);
    return pipe;
}

/** A client that has said hello. */
static brood_pipe *greeted(brood_manager *m)
{
    const brd_request request = {.ask = BRD_ASK_HELLO};
    brd_hello_from hello = {.pid = 0};
    brood_message m1 = BROOD_MESSAGE_INIT;
    brood_pipe *pipe = dial(m);
    ASSERT_OK(brd_hello_write(&m1, &hello));
    ASSERT_OK(say(pipe, &request, &m1));
    ASSERT_OK(brood_pipe_recv(pipe, &m1, LONG));
    CU_ASSERT_EQUAL(brd_hello_read(&m1, BRD_ANSWER_HEAD_SIZE, &hello), BROOD_OK);
    brood_message_clear(&m1);
    return pipe;
}

/** The status of the answer; BROOD_ECLOSED: it hung up. */
static int answer_of(brood_pipe *pipe)
{
    brood_message m = BROOD_MESSAGE_INIT;
    int answered = -1, code;
    int status = brood_pipe_recv(pipe, &m, LONG);
    if (!status)
        status = brd_answer_read(&m, &answered, &code);
    brood_message_clear(&m);
    return status ? status : answered;
}

static void still_serves(void)
{
    brood_proxy *l = object_of("list", "i", 1);
    CU_ASSERT(gives(l, "copy", "i", 1));
    brood_proxy_destroy(l);
}

static void who_is_no_client_is_hung_up(void)
{
    static const char *const words[] = {"", "hello?", "GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n",
                                        "a request is forty bytes long, at the very least!"};
    for (int i = 0; i < 4; i++) {
        brood_pipe *pipe = dial(shared);
        ASSERT_OK(brood_pipe_send_bytes(pipe, words[i], strlen(words[i]), LONG));
        CU_ASSERT_EQUAL(answer_of(pipe), BROOD_ECLOSED);
        brood_pipe_destroy(pipe);
    }
    still_serves();
}

static void requests_without_a_session(void)
{
    for (uint32_t ask = 0; ask <= BRD_ASK_FIND + 1; ask++) {
        const brd_request request = {.ask = ask, .object = 1, .name = "list"};
        brood_pipe *pipe = dial(shared);
        ASSERT_OK(say(pipe, &request, NULL));
        CU_ASSERT_EQUAL(answer_of(pipe), BROOD_ECLOSED);
        brood_pipe_destroy(pipe);
    }
    still_serves();
}

static void requests_that_lie(void)
{
    brd_request lies[] = {{.ask = 99},
                          {.ask = BRD_ASK_CALL, .object = 1u << 30, .name = "len"},
                          {.ask = BRD_ASK_TICKET, .object = UINT64_MAX},
                          {.ask = BRD_ASK_TAKE, .object = 0, .ticket = 1},
                          {.ask = BRD_ASK_DROP, .object = 77777},
                          {.ask = BRD_ASK_PUBLISH, .object = 77777, .name = "x"},
                          {.ask = BRD_ASK_FIND, .name = "nothing"},
                          {.ask = BRD_ASK_CREATE, .name = "nothing"}};
    brood_pipe *pipe = greeted(shared);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        ASSERT_OK(say(pipe, &lies[i], NULL));
        int status = answer_of(pipe);
        CU_ASSERT(status == BROOD_EINVAL || status == BROOD_ENOTSUP || status == BROOD_EFUNCTION);
    }
    brood_pipe_destroy(pipe);
    pipe = greeted(shared);
    ASSERT_OK(brood_pipe_send_bytes(pipe, "\3\0\0\0\377\377\377\377", 8, LONG));
    CU_ASSERT_EQUAL(answer_of(pipe), BROOD_ECLOSED);
    brood_pipe_destroy(pipe);
    still_serves();
}

// A value that refers to what is not there, and one that does so in the middle of a text.
static void references_that_lie(void)
{
    unsigned char bytes[2][48] = {{0xc7, 33, 'P', 0}, {0xd9, 40, 'x', 0xc7, 33, 'P', 0}};
    brood_proxy *l = object_of("list", "");
    brood_message m = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_message_set(&m, bytes[0], 36));
    CU_ASSERT_EQUAL(brood_proxy_call(l, "append", &m, NULL, 0), BROOD_ENOTSUP);
    ASSERT_OK(brood_message_set(&m, bytes[1], 42));
    ASSERT_OK(brood_proxy_call(l, "append", &m, NULL, 0));
    CU_ASSERT_EQUAL(number_of(l, "len"), 1);
    brood_proxy *other = NULL;
    ASSERT_OK(brood_pack(&m, "P", l));
    brood_message_clear(&m);
    ASSERT_OK(brood_pack(&m, "P", l));
    size_t size = 0;
    const unsigned char *packed = brood_message_bytes(&m, &size);
    CU_ASSERT_EQUAL_FATAL(size, 36);
    memcpy(bytes[0], packed, 36);
    bytes[0][4 + BRD_REFERENCE_OBJECT + 6] = 0xff; // an object of the same manager, of no such id
    ASSERT_OK(brood_message_set(&m, bytes[0], 36));
    CU_ASSERT_EQUAL(brood_proxy_call(l, "append", &m, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack(&m, "P", &other), BROOD_EINVAL);
    bytes[0][4] ^= 0xff; // of a manager that is not there
    ASSERT_OK(brood_message_set(&m, bytes[0], 36));
    CU_ASSERT_EQUAL(brood_unpack(&m, "P", &other), BROOD_ECLOSED);
    bytes[0][1] = 32;
    ASSERT_OK(brood_message_set(&m, bytes[0], 35));
    CU_ASSERT_EQUAL(brood_unpack(&m, "P", &other), BROOD_ETYPE);
    brood_message_clear(&m);
    brood_proxy_destroy(l);
}

static void messages_are_limited(void)
{
    brood_manager *m = manager_with(BROOD_MANAGER(.limit = 1000));
    brood_proxy *l = object_at(m, "list", "i", 1);
    char text[1200];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    CU_ASSERT_EQUAL(brood_proxy_run(l, "append", LONG, "s", text), BROOD_EINVAL);
    brood_pipe *pipe = greeted(m); // who sends it nevertheless
    ASSERT_OK(brood_pipe_send_bytes(pipe, text, sizeof text, LONG));
    CU_ASSERT_EQUAL(answer_of(pipe), BROOD_ECLOSED);
    brood_pipe_destroy(pipe);
    text[500] = 0;
    ASSERT_OK(brood_proxy_run(l, "append", LONG, "s", text));
    CU_ASSERT(gives(l, "copy", "is", 1, text));
    brood_proxy_destroy(l);
    brood_manager_destroy(m);
}

// It asks for an item that is too long to be on its way at once, and hangs up.
static void an_answer_that_nobody_hears(void)
{
    enum { SIZE = 8 << 20 };
    brood_proxy *q = object_of("Queue", ""), *after = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    size_t size = 0;
    void *room = brood_message_reserve(&m, SIZE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(room);
    memset(room, 'x', SIZE);
    ASSERT_OK(brood_proxy_call(q, "put", &m, NULL, LONG));
    ASSERT_OK(brood_proxy_run(q, "put", 0, "i", 2));
    brd_request request = {.ask = BRD_ASK_CALL, .object = brood_proxy_id(q), .name = "get"};
    brood_pipe *pipe = greeted(shared);
    ASSERT_OK(say(pipe, &request, NULL));
    CU_ASSERT(await_number(q, "qsize", 1));
    brood_pipe_destroy(pipe);
    CU_ASSERT(await_number(q, "qsize", 2));
    ASSERT_OK(brood_proxy_ask(q, "get", &m, LONG, "")); // at the front, as before
    (void)brood_message_bytes(&m, &size);
    CU_ASSERT_EQUAL(size, SIZE);
    CU_ASSERT(gives(q, "get", "i", 2));
    brood_message_clear(&m);
    brood_proxy_destroy(after);
    brood_proxy_destroy(q);
}

static void as_many_connections_as_it_takes(void)
{
    brood_manager *m = manager_with(BROOD_MANAGER(.clients = 3));
    brood_proxy *e = object_at(m, "Event", ""), *b = object_at(m, "Barrier", "i", 3);
    waiting_call w[2];
    for (int i = 0; i < 2; i++)
        waiting_call_start(&w[i], b, "wait", LONG);
    CU_ASSERT(await_number(b, "n_waiting", 2));
    brood_pipe *pipe = dial(m);
    brd_request request = {.ask = BRD_ASK_HELLO};
    brd_hello_from hello = {.pid = 0};
    brood_message words = BROOD_MESSAGE_INIT;
    ASSERT_OK(brd_hello_write(&words, &hello));
    ASSERT_OK(say(pipe, &request, &words));
    CU_ASSERT_EQUAL(answer_of(pipe), BROOD_EBUSY);
    brood_pipe_destroy(pipe);
    brood_message_clear(&words);
    ASSERT_OK(brood_proxy_run(b, "wait", LONG, ""));
    for (int i = 0; i < 2; i++)
        ASSERT_OK(waiting_call_end(&w[i]));
    ASSERT_OK(brood_proxy_run(e, "set", LONG, ""));
    brood_proxy_destroy(b);
    brood_proxy_destroy(e);
    brood_manager_destroy(m);
}

static const test_case cases[] = {
    TEST_CASE(who_is_no_client_is_hung_up),
    TEST_CASE(requests_without_a_session),
    TEST_CASE(requests_that_lie),
    TEST_CASE(references_that_lie),
    TEST_CASE(messages_are_limited),
    TEST_CASE(an_answer_that_nobody_hears),
    TEST_CASE(as_many_connections_as_it_takes),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = managed_open;
    return managed_close(test_main(argc, argv, "manager_lies", cases));
}
