/*
 * Pipes and waiting for many things, as their header promises them. Run on every system
 * from this one source. The one thing to know: what an end does in another process is
 * done by the functions of the first part.
 */
#include "api/pools.h"

#define LONG test_ms(60000)

/* -------------------------------------------------------- in other processes */

/** Sends back whatever comes, until the other end is gone. */
static int echoes(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    while (!status && (status = brood_pipe_recv(pipe, &message, LONG)) == BROOD_OK)
        status = brood_pipe_send(pipe, &message, LONG);
    brood_message_clear(&message);
    brood_pipe_destroy(pipe);
    return status == BROOD_ECLOSED ? 0 : 1;
}

/** Sends the numbers from 0 on. */
static int sends_numbers(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    int32_t count = 0;
    int status = brood_unpack(args, "pi", &pipe, &count);
    brood_message message = BROOD_MESSAGE_INIT;
    for (int32_t i = 0; !status && i < count; i++) {
        brood_message_clear(&message);
        status = brood_pack(&message, "i", i);
        if (!status)
            status = brood_pipe_send(pipe, &message, LONG);
    }
    brood_message_clear(&message);
    brood_pipe_destroy(pipe);
    return status ? status : brood_pack(result, "i", count);
}

/** Gets an end through the pipe that it was given, and uses that. */
static int uses_what_comes(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL, *other = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    if (!status)
        status = brood_pipe_recv(pipe, &message, LONG);
    if (!status)
        status = brood_unpack(&message, "p", &other);
    if (!status)
        status = brood_pipe_send_bytes(other, "by another way", 15, LONG);
    brood_pipe_destroy(other);
    brood_message_clear(&message);
    brood_pipe_destroy(pipe);
    return status ? 1 : 0;
}

/** Keeps its end open and reads nothing until somebody ends it. */
static int never_reads(brood_message *args, brood_message *result)
{
    brood_pipe *pipe = NULL;
    int status = brood_unpack(args, "p", &pipe);
    (void)result;
    if (!status)
        status = brood_pipe_send_bytes(pipe, "here", 4, LONG);
    while (!status && !brood_cancelled())
        moment();
    brood_pipe_destroy(pipe);
    return status ? 1 : 0;
}

/* ------------------------------------------------------------------- helpers */

typedef struct ends {
    brood_pipe *one, *other;
} ends;

static ends open_pipe(const brood_pipe_options *options)
{
    ends e = {NULL, NULL};
    CU_ASSERT_EQUAL_FATAL(brood_pipe_create(&e.one, &e.other, options), BROOD_OK);
    return e;
}

static void close_pipe(ends *e)
{
    brood_pipe_destroy(e->one);
    brood_pipe_destroy(e->other);
}

/** A process that has the other end, which is closed here. */
static brood_process *process_at(ends *e, brood_function *function)
{
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_process_call(&p, function, "p", e->other), BROOD_OK);
    brood_pipe_destroy(e->other);
    e->other = NULL;
    return p;
}

static void end_process(brood_process *p)
{
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
}

static bool is_bytes(brood_pipe *pipe, const char *expected, size_t size)
{
    char got[64];
    size_t n = 0;
    return brood_pipe_recv_bytes(pipe, got, sizeof got, &n, LONG) == BROOD_OK && n == size &&
           memcmp(got, expected, size) == 0;
}

/** Bytes of which every part is another one. */
static unsigned char *pattern(size_t size)
{
    unsigned char *bytes = malloc(size);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    return bytes;
}

/* ------------------------------------------------------------ in one process */

static void keeps_messages_apart(void)
{
    ends e = open_pipe(NULL);
    ASSERT_OK(brood_pipe_send_bytes(e.one, "one", 3, 0));
    ASSERT_OK(brood_pipe_send_bytes(e.one, "", 0, 0));
    ASSERT_OK(brood_pipe_send_bytes(e.one, "three", 5, 0));
    ASSERT_OK(brood_pipe_send_bytes(e.other, "back", 4, 0));
    CU_ASSERT(is_bytes(e.other, "one", 3));
    CU_ASSERT(is_bytes(e.other, "", 0));
    CU_ASSERT(is_bytes(e.other, "three", 5));
    CU_ASSERT(is_bytes(e.one, "back", 4));
    CU_ASSERT_EQUAL(brood_pipe_poll(e.one, 0), BROOD_ETIMEDOUT);
    close_pipe(&e);
}

static void carries_values(void)
{
    ends e = open_pipe(NULL);
    brood_message message = BROOD_MESSAGE_INIT;
    int32_t n = 0;
    const char *text = "";
    ASSERT_OK(brood_pack(&message, "is", 7, "seven"));
    ASSERT_OK(brood_pipe_send(e.one, &message, 0));
    brood_message_clear(&message);
    ASSERT_OK(brood_pipe_recv(e.other, &message, LONG));
    ASSERT_OK(brood_unpack(&message, "is", &n, &text));
    CU_ASSERT_EQUAL(n, 7);
    CU_ASSERT_STRING_EQUAL(text, "seven");
    CU_ASSERT_EQUAL(brood_pipe_recv(e.other, &message, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_PTR_NULL(brood_message_error(&message)); // as it was
    brood_message_rewind(&message);
    ASSERT_OK(brood_unpack(&message, "is", &n, &text));
    brood_message_clear(&message);
    close_pipe(&e);
}

static void goes_one_way(void)
{
    ends e = open_pipe(BROOD_PIPE(.one_way = 1));
    CU_ASSERT(brood_pipe_can_recv(e.one) && !brood_pipe_can_send(e.one));
    CU_ASSERT(brood_pipe_can_send(e.other) && !brood_pipe_can_recv(e.other));
    CU_ASSERT_EQUAL(brood_pipe_send_bytes(e.one, "x", 1, 0), BROOD_ENOTSUP);
    CU_ASSERT_EQUAL(brood_pipe_poll(e.other, 0), BROOD_ENOTSUP);
    ASSERT_OK(brood_pipe_send_bytes(e.other, "x", 1, 0));
    CU_ASSERT(is_bytes(e.one, "x", 1));
    close_pipe(&e);
}

static void keeps_what_does_not_fit(void)
{
    ends e = open_pipe(NULL);
    char small[3];
    size_t size = 0;
    ASSERT_OK(brood_pipe_send_bytes(e.one, "seventeen bytes..", 17, 0));
    CU_ASSERT_EQUAL(brood_pipe_recv_bytes(e.other, small, sizeof small, &size, LONG), BROOD_EINVAL);
    CU_ASSERT_EQUAL(size, 17);
    ASSERT_OK(brood_pipe_poll(e.other, 0));
    CU_ASSERT(is_bytes(e.other, "seventeen bytes..", 17));
    close_pipe(&e);
}

static void refuses_what_is_too_long(void)
{
    ends e = open_pipe(BROOD_PIPE(.limit = 1000));
    unsigned char *bytes = pattern(1001);
    brood_message message = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pipe_send_bytes(e.one, bytes, 1000, 0));
    ASSERT_OK(brood_pipe_send_bytes(e.one, bytes, 1001, 0));
    ASSERT_OK(brood_pipe_recv(e.other, &message, LONG));
    CU_ASSERT_EQUAL(brood_pipe_recv(e.other, &message, LONG), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(brood_pipe_recv(e.other, &message, LONG), BROOD_EPROTOCOL);
    brood_message_clear(&message);
    free(bytes);
    close_pipe(&e);
}

static void sees_the_end(void)
{
    ends e = open_pipe(NULL);
    brood_message message = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pipe_send_bytes(e.other, "last", 4, 0));
    brood_pipe_destroy(e.other);
    CU_ASSERT(is_bytes(e.one, "last", 4));
    ASSERT_OK(brood_pipe_poll(e.one, LONG));
    CU_ASSERT_EQUAL(brood_pipe_recv(e.one, &message, LONG), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pipe_send_bytes(e.one, "x", 1, LONG), BROOD_ECLOSED);
    brood_pipe_destroy(e.one);
    e = open_pipe(NULL); // and of an end that was never used
    brood_pipe_destroy(e.one);
    CU_ASSERT_EQUAL(brood_pipe_recv(e.other, &message, LONG), BROOD_ECLOSED);
    brood_pipe_destroy(e.other);
    brood_pipe_destroy(NULL);
}

static void refuses_nonsense(void)
{
    ends e = open_pipe(NULL);
    brood_message message = BROOD_MESSAGE_INIT;
    brood_pipe *none = NULL;
    size_t size;
    CU_ASSERT_EQUAL(brood_pipe_create(NULL, &none, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pipe_create(&none, NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pipe_send(NULL, &message, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pipe_send(e.one, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pipe_send_bytes(e.one, NULL, 1, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pipe_recv(e.one, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pipe_recv_bytes(e.one, NULL, 1, &size, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pipe_poll(NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pack(&message, "p", none), BROOD_EINVAL);
    ASSERT_OK(brood_pipe_send_bytes(e.one, NULL, 0, 0));
    close_pipe(&e);
    brood_message_clear(&message);
}

/** Sends in a thread what does not fit into the pipe at once. */
typedef struct sender {
    brood_pipe *pipe;
    const unsigned char *bytes;
    size_t size;
    int status;
} sender;

static void send_all(void *baton)
{
    sender *s = baton;
    s->status = brood_pipe_send_bytes(s->pipe, s->bytes, s->size, LONG);
}

/** A message that goes out in parts; received in one call, or by many that do not wait. */
static void carries(size_t whole, bool waits)
{
    ends e = open_pipe(NULL);
    brood_message message = BROOD_MESSAGE_INIT;
    unsigned char *bytes = pattern(whole);
    sender s = {.pipe = e.one, .bytes = bytes, .size = whole};
    brd_thread thread = {0};
    size_t size = 0;
    int status = BROOD_ETIMEDOUT;
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, send_all, &s), 0);
    for (brd_time until = test_deadline(60000); status == BROOD_ETIMEDOUT && brd_os_now() < until;)
        status = brood_pipe_recv(e.other, &message, waits ? LONG : 0);
    ASSERT_OK(status);
    brd_os_thread_join(&thread);
    ASSERT_OK(s.status);
    const void *got = brood_message_bytes(&message, &size);
    CU_ASSERT(size == whole && memcmp(got, bytes, whole) == 0);
    brood_message_clear(&message);
    free(bytes);
    close_pipe(&e);
}

static void carries_long_messages(void)
{
    carries((size_t)16 << 20, true);
}

static void keeps_the_part_that_came_in_time(void)
{
    carries((size_t)4 << 20, false);
}

static void a_torn_message_ends_the_sending(void)
{
    enum { SIZE = 8 << 20 };
    ends e = open_pipe(NULL);
    unsigned char *bytes = pattern(SIZE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    CU_ASSERT_EQUAL(brood_pipe_send_bytes(e.one, bytes, SIZE, 20), BROOD_EBROKEN);
    CU_ASSERT_EQUAL(brood_pipe_send_bytes(e.one, "x", 1, LONG), BROOD_EBROKEN);
    brood_message message = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_pack(&message, "p", e.one), BROOD_EBROKEN); // nor does a copy go on
    brood_message_clear(&message);
    ASSERT_OK(brood_pipe_send_bytes(e.other, "the other way", 13, LONG));
    CU_ASSERT(is_bytes(e.one, "the other way", 13));
    free(bytes);
    close_pipe(&e);
}

/* --------------------------------------------------------- between processes */

static void talks_to_a_process(void)
{
    ends e = open_pipe(NULL);
    brood_process *p = process_at(&e, echoes);
    unsigned char *bytes = pattern(300000);
    brood_message message = BROOD_MESSAGE_INIT;
    size_t size = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
    for (int i = 0; i < 20; i++) {
        ASSERT_OK(brood_pipe_send_bytes(e.one, "hello", 5, LONG));
        CU_ASSERT(is_bytes(e.one, "hello", 5));
    }
    ASSERT_OK(brood_pipe_send_bytes(e.one, bytes, 300000, LONG));
    ASSERT_OK(brood_pipe_recv(e.one, &message, LONG));
    const void *got = brood_message_bytes(&message, &size);
    CU_ASSERT(size == 300000 && memcmp(got, bytes, size) == 0);
    brood_message_clear(&message);
    free(bytes);
    brood_pipe_destroy(e.one);
    end_process(p);
}

static void an_end_is_an_argument_of_a_task(void)
{
    enum { COUNT = 50 };
    brood_pool *pool = pool_of(2);
    ends e = open_pipe(BROOD_PIPE(.one_way = 1));
    brood_future *future = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pool_call(pool, sends_numbers, &future, "pi", e.other, COUNT));
    brood_pipe_destroy(e.other);
    for (int32_t i = 0; i < COUNT; i++) {
        int32_t n = -1;
        ASSERT_OK(brood_pipe_recv(e.one, &message, LONG));
        ASSERT_OK(brood_unpack(&message, "i", &n));
        CU_ASSERT_EQUAL(n, i);
    }
    CU_ASSERT_EQUAL(brood_pipe_recv(e.one, &message, LONG), BROOD_ECLOSED);
    ASSERT_OK(brood_future_get(future, LONG, &message));
    brood_message_clear(&message);
    brood_future_destroy(future);
    brood_pipe_destroy(e.one);
    pool_end(pool);
}

static void an_end_travels_through_a_pipe(void)
{
    ends e = open_pipe(NULL), second = open_pipe(NULL);
    brood_message message = BROOD_MESSAGE_INIT;
    brood_process *p = process_at(&e, uses_what_comes);
    ASSERT_OK(brood_pack(&message, "p", second.other));
    ASSERT_OK(brood_pipe_send(e.one, &message, LONG));
    brood_message_clear(&message);
    brood_pipe_destroy(second.other);
    CU_ASSERT(is_bytes(second.one, "by another way", 15));
    end_process(p);
    brood_pipe_destroy(second.one);
    brood_pipe_destroy(e.one);
}

// Also one that was in use here, which another process then goes on with.
static void an_end_that_was_used_can_be_passed_on(void)
{
    ends e = open_pipe(NULL);
    ASSERT_OK(brood_pipe_send_bytes(e.one, "before", 6, LONG));
    ASSERT_OK(brood_pipe_send_bytes(e.other, "answer", 6, LONG));
    CU_ASSERT(is_bytes(e.one, "answer", 6));
    CU_ASSERT(is_bytes(e.other, "before", 6));
    brood_process *p = process_at(&e, echoes);
    for (int i = 0; i < 5; i++) {
        ASSERT_OK(brood_pipe_send_bytes(e.one, "after", 5, LONG));
        CU_ASSERT(is_bytes(e.one, "after", 5));
    }
    brood_pipe_destroy(e.one);
    end_process(p);
}

static void a_killed_process_is_the_end(void)
{
    ends e = open_pipe(NULL);
    brood_message message = BROOD_MESSAGE_INIT;
    brood_process *p = process_at(&e, never_reads);
    CU_ASSERT(is_bytes(e.one, "here", 4));
    CU_ASSERT_EQUAL(brood_pipe_recv(e.one, &message, 0), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_process_kill(p));
    CU_ASSERT_EQUAL(brood_pipe_recv(e.one, &message, LONG), BROOD_ECLOSED);
    brood_process_destroy(p);
    brood_pipe_destroy(e.one);
}

/* ------------------------------------------------------------------ waiting */

static void waits_for_pipes(void)
{
    enum { COUNT = 100 }; // more than a system wants to wait for at once
    ends e[COUNT];
    brood_waitable things[COUNT] = {{0}};
    for (int i = 0; i < COUNT; i++) {
        e[i] = open_pipe(NULL);
        things[i].pipe = e[i].one;
    }
    CU_ASSERT_EQUAL(brood_wait_many(things, COUNT, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_wait_many(things, COUNT, 20), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_pipe_send_bytes(e[7].other, "x", 1, LONG));
    brood_pipe_destroy(e[99].other);
    e[99].other = NULL;
    int ready = 0;
    for (brd_time until = test_deadline(10000); ready < 2 && brd_os_now() < until;) {
        ASSERT_OK(brood_wait_many(things, COUNT, LONG));
        ready = 0;
        for (int i = 0; i < COUNT; i++)
            ready += things[i].ready;
    }
    CU_ASSERT(ready == 2 && things[7].ready && things[99].ready);
    CU_ASSERT(is_bytes(e[7].one, "x", 1));
    for (int i = 0; i < COUNT; i++)
        close_pipe(&e[i]);
}

static void waits_for_processes_and_pipes(void)
{
    ends e = open_pipe(NULL), quiet = open_pipe(NULL);
    brood_process *p = process_at(&e, never_reads);
    brood_waitable things[] = {{.process = p}, {.pipe = e.one}, {.pipe = quiet.one}};
    ASSERT_OK(brood_wait_many(things, 3, LONG));
    CU_ASSERT(!things[0].ready && things[1].ready && !things[2].ready);
    CU_ASSERT(is_bytes(e.one, "here", 4));
    ASSERT_OK(brood_process_interrupt(p));
    things[1].pipe = quiet.other; // e.one is about to be ready too
    ASSERT_OK(brood_wait_many(things, 3, LONG));
    CU_ASSERT(things[0].ready && !things[1].ready && !things[2].ready);
    // An end, which is there for good, hides nothing that comes later.
    ASSERT_OK(brood_pipe_send_bytes(quiet.one, "x", 1, LONG));
    things[1].ready = 0;
    for (brd_time until = test_deadline(10000); !things[1].ready && brd_os_now() < until;)
        ASSERT_OK(brood_wait_many(things, 3, LONG));
    CU_ASSERT(things[1].ready && !things[2].ready);
    end_process(p);
    brood_pipe_destroy(e.one);
    close_pipe(&quiet);
}

static void a_message_that_is_here_is_ready(void)
{
    ends e = open_pipe(NULL);
    brood_waitable thing = {.pipe = e.one};
    size_t size = 0;
    char none;
    ASSERT_OK(brood_pipe_send_bytes(e.other, "four", 4, LONG));
    CU_ASSERT_EQUAL(brood_pipe_recv_bytes(e.one, &none, 1, &size, LONG), BROOD_EINVAL);
    ASSERT_OK(brood_wait_many(&thing, 1, LONG));
    CU_ASSERT(thing.ready);
    close_pipe(&e);
}

static void wait_refuses_nonsense(void)
{
    ends e = open_pipe(BROOD_PIPE(.one_way = 1));
    brood_process *p = NULL;
    intptr_t none = -1;
    ASSERT_OK(brood_process_create(&p, echoes, NULL, NULL));
    brood_waitable things[] = {
        {.pipe = e.other}, {.process = p}, {.handle = &none}, {0}, {.pipe = e.one, .process = p}};
    for (size_t i = 0; i < sizeof things / sizeof *things; i++)
        CU_ASSERT_EQUAL(brood_wait_many(&things[i], 1, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_wait_many(things, 0, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_wait_many(NULL, 1, 0), BROOD_EINVAL);
    brood_process_destroy(p);
    close_pipe(&e);
}

static const test_case cases[] = {
    TEST_CASE(keeps_messages_apart),
    TEST_CASE(carries_values),
    TEST_CASE(goes_one_way),
    TEST_CASE(keeps_what_does_not_fit),
    TEST_CASE(refuses_what_is_too_long),
    TEST_CASE(sees_the_end),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(carries_long_messages),
    TEST_CASE(keeps_the_part_that_came_in_time),
    TEST_CASE(a_torn_message_ends_the_sending),
    TEST_CASE(talks_to_a_process),
    TEST_CASE(an_end_is_an_argument_of_a_task),
    TEST_CASE(an_end_travels_through_a_pipe),
    TEST_CASE(an_end_that_was_used_can_be_passed_on),
    TEST_CASE(a_killed_process_is_the_end),
    TEST_CASE(waits_for_pipes),
    TEST_CASE(waits_for_processes_and_pipes),
    TEST_CASE(a_message_that_is_here_is_ready),
    TEST_CASE(wait_refuses_nonsense),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "pipe", cases);
}
