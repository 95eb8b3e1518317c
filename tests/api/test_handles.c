/*
 * Handles in messages: files, sockets and ends of pipes as arguments and results of
 * tasks. Run on every system from this one source. The one thing to know: APR opens the
 * files and sockets, and tells what the system calls them.
 */
#include "api/handles.h"

#include <ctype.h>

#define LONG test_ms(60000)

/* ------------------------------------------------------------- for workers */

/** The contents of a file that comes as a handle. */
static int reads(brood_message *args, brood_message *result)
{
    intptr_t handle = -1;
    char text[256];
    int status = brood_unpack(args, "h", &handle);
    if (status)
        return status;
    return read_all(handle, text, sizeof text) ? brood_pack(result, "s", text) : 1;
}

/** Gets many handles, and says how many there were. */
static int counts(brood_message *args, brood_message *result)
{
    intptr_t handle = -1;
    int32_t count = 0;
    char text[256];
    while (brood_unpack(args, "h", &handle) == BROOD_OK) {
        if (!read_all(handle, text, sizeof text) || strcmp(text, "many") != 0)
            return 1;
        count++;
    }
    return brood_pack(result, "i", count);
}

static int ignores(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", brood_pid());
}

/** Takes half of a message, which must not count. */
static int reads_too_much(brood_message *args, brood_message *result)
{
    intptr_t handle = -1;
    const char *text;
    if (brood_unpack(args, "hs", &handle, &text) != BROOD_ETYPE || handle != -1)
        return 1;
    return reads(args, result);
}

static int takes_twice(brood_message *args, brood_message *result)
{
    int status = reads(args, result);
    intptr_t handle = -1;
    brood_message_rewind(args);
    return status ? status : brood_unpack(args, "h", &handle) == BROOD_ETYPE ? 0 : 1;
}

/** Returns a file of its own, and its name for it. */
static int opens(brood_message *args, brood_message *result)
{
    apr_pool_t *memory = memory_open();
    const char *contents;
    int status = brood_unpack(args, "s", &contents);
    apr_file_t *file = NULL;
    if (!status)
        file = file_with(memory, contents);
    if (!status)
        status = brood_pack(result, "sh", contents, handle_of_file(file));
    memory_close(memory);
    return status;
}

/** Serves one connection: what comes goes back in capitals. */
static int serves(brood_message *args, brood_message *result)
{
    apr_pool_t *memory = memory_open();
    intptr_t handle = -1;
    apr_socket_t *client = NULL;
    char text[64];
    apr_size_t size = sizeof text;
    int status = brood_unpack(args, "h", &handle);
    apr_os_sock_t os = (apr_os_sock_t)handle;
    if (!status && apr_os_sock_put(&client, &os, memory) != APR_SUCCESS)
        status = 1;
    if (!status && apr_socket_recv(client, text, &size) != APR_SUCCESS)
        status = 2;
    for (apr_size_t i = 0; !status && i < size; i++)
        text[i] = (char)toupper((unsigned char)text[i]);
    if (!status && apr_socket_send(client, text, &size) != APR_SUCCESS)
        status = 3;
    if (client)
        apr_socket_close(client);
    memory_close(memory);
    return status ? status : brood_pack(result, "x", brood_pid());
}

/** Waits for its gate with a file in its hands, and dies the first time. */
static int dies_once(brood_message *args, brood_message *result)
{
    intptr_t handle = -1;
    const char *path;
    char text[256];
    int status = brood_unpack(args, "hs", &handle, &path);
    if (status)
        return status;
    if (!file_exists(path)) {
        file_touch(path);
        abort();
    }
    return read_all(handle, text, sizeof text) ? brood_pack(result, "s", text) : 1;
}

/* ---------------------------------------------------------------- arguments */

static void expect_text(brood_pool *pool, brood_function *function, brood_message *args,
                        const char *expected)
{
    brood_message result = BROOD_MESSAGE_INIT;
    const char *text = "";
    ASSERT_OK(brood_pool_apply(pool, function, args, &result));
    ASSERT_OK(brood_unpack(&result, "s", &text));
    CU_ASSERT_STRING_EQUAL(text, expected);
    brood_message_clear(&result);
}

static void a_file_is_an_argument(void)
{
    apr_pool_t *memory = memory_open();
    brood_pool *pool = pool_of(2);
    brood_message args = BROOD_MESSAGE_INIT;
    apr_file_t *file = file_with(memory, "from the parent");
    ASSERT_OK(brood_pack(&args, "h", handle_of_file(file)));
    for (int i = 0; i < 20; i++) // the message keeps its own
        expect_text(pool, reads, &args, "from the parent");
    CU_ASSERT_EQUAL(apr_file_close(file), APR_SUCCESS);
    expect_text(pool, reads, &args, "from the parent");
    expect_text(pool, reads_too_much, &args, "from the parent");
    expect_text(pool, takes_twice, &args, "from the parent");
    ASSERT_OK(brood_pool_apply(pool, ignores, &args, NULL));
    brood_message_clear(&args);
    pool_end(pool);
    memory_close(memory);
}

static void a_message_carries_sixteen(void)
{
    apr_pool_t *memory = memory_open();
    brood_pool *pool = pool_of(1);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    apr_file_t *file = file_with(memory, "many");
    int32_t count = 0;
    for (int i = 0; i < 16; i++)
        ASSERT_OK(brood_pack(&args, "h", handle_of_file(file)));
    CU_ASSERT_EQUAL(brood_pack(&args, "h", handle_of_file(file)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pack(&args, "ih", 1, handle_of_file(file)), BROOD_EINVAL);
    ASSERT_OK(brood_pool_apply(pool, counts, &args, &result));
    ASSERT_OK(brood_unpack(&result, "i", &count));
    CU_ASSERT_EQUAL(count, 16);
    brood_message_clear(&result);
    brood_message_clear(&args);
    pool_end(pool);
    memory_close(memory);
}

// Handles and tasks go different ways, at different times; each finds its own.
static void many_tasks_carry_handles(void)
{
    enum { COUNT = 100 };
    apr_pool_t *memory = memory_open();
    brood_pool *pool = pool_of(2);
    brood_future *futures[COUNT];
    brood_message message = BROOD_MESSAGE_INIT;
    for (int i = 0; i < COUNT; i++) {
        char text[16];
        const char *got = "";
        (void)snprintf(text, sizeof text, "file %d", i % 10);
        apr_file_t *file = file_with(memory, text);
        ASSERT_OK(
            brood_pool_call(pool, i % 3 ? reads : ignores, &futures[i], "h", handle_of_file(file)));
        CU_ASSERT_EQUAL(apr_file_close(file), APR_SUCCESS);
        if (i % 10 != 9)
            continue;
        for (int k = i - 9; k <= i; k++) {
            (void)snprintf(text, sizeof text, "file %d", k % 10);
            ASSERT_OK(brood_future_get(futures[k], LONG, &message));
            if (k % 3) {
                ASSERT_OK(brood_unpack(&message, "s", &got));
                CU_ASSERT_STRING_EQUAL(got, text);
            }
            brood_future_destroy(futures[k]);
        }
    }
    brood_message_clear(&message);
    pool_end(pool);
    memory_close(memory);
}

static void what_was_cancelled_leaves_nothing_behind(void)
{
    apr_pool_t *memory = memory_open();
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    brood_message args = BROOD_MESSAGE_INIT;
    brood_future *holder = NULL, *waiting[4];
    apr_file_t *file = file_with(memory, "still here");
    gate_pack(&g, 0, &args);
    ASSERT_OK(brood_pool_apply_async(pool, gate_pass, &args, NULL, &holder));
    CU_ASSERT(gate_await(&g, 0));
    brood_message_clear(&args);
    ASSERT_OK(brood_pack(&args, "h", handle_of_file(file)));
    for (int i = 0; i < 4; i++)
        ASSERT_OK(brood_pool_apply_async(pool, reads, &args, NULL, &waiting[i]));
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_future_cancel(waiting[i]));
    gate_open(&g);
    ASSERT_OK(brood_future_wait(waiting[3], LONG));
    CU_ASSERT_EQUAL(brood_future_status(waiting[3]), BROOD_OK);
    expect_text(pool, reads, &args, "still here");
    for (int i = 0; i < 4; i++)
        brood_future_destroy(waiting[i]);
    ASSERT_OK(brood_future_wait(holder, LONG));
    brood_future_destroy(holder);
    brood_message_clear(&args);
    gate_remove(&g, 1);
    pool_end(pool);
    memory_close(memory);
}

static void a_task_that_runs_again_has_them_again(void)
{
    apr_pool_t *memory = memory_open();
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    brood_future *future = NULL;
    const char *text = "";
    apr_file_t *file = file_with(memory, "twice");
    ASSERT_OK(brood_pack(&args, "hs", handle_of_file(file), g.path));
    ASSERT_OK(brood_pool_apply_async(pool, dies_once, &args, BROOD_TASK(.retries = 1), &future));
    ASSERT_OK(brood_future_get(future, LONG, &result));
    ASSERT_OK(brood_unpack(&result, "s", &text));
    CU_ASSERT_STRING_EQUAL(text, "twice");
    gate_remove(&g, 0);
    brood_future_destroy(future);
    brood_message_clear(&args);
    brood_message_clear(&result);
    pool_end(pool);
    memory_close(memory);
}

/* ------------------------------------------------------------------ results */

static void a_file_is_a_result(void)
{
    brood_pool *pool = pool_of(2);
    for (int i = 0; i < 20; i++) {
        brood_message result = BROOD_MESSAGE_INIT;
        const char *name = "";
        intptr_t handle = -1;
        char text[256] = "";
        ASSERT_OK(brood_pool_run(pool, opens, &result, "s", "from the worker"));
        if (i % 2) {
            ASSERT_OK(brood_unpack(&result, "sh", &name, &handle));
            CU_ASSERT(read_all(handle, text, sizeof text));
            CU_ASSERT_STRING_EQUAL(text, "from the worker");
        }
        brood_message_clear(&result); // and with it what nobody took
    }
    ASSERT_OK(brood_pool_run(pool, opens, NULL, "s", "that nobody wants"));
    pool_end(pool);
}

static void items_carry_none(void)
{
    static const char *const texts[] = {"one", "two", "three"};
    apr_pool_t *memory = memory_open();
    brood_pool *pool = pool_of(1);
    brood_results *results = NULL;
    brood_message items[2] = {BROOD_MESSAGE_INIT, BROOD_MESSAGE_INIT};
    apr_file_t *file = file_with(memory, "");
    int status = brood_pool_map(pool, opens, brood_items_strings(texts, 3), NULL, &results);
    CU_ASSERT_EQUAL(status, BROOD_ENOTSUP);
    brood_results_destroy(results);
    results = NULL;
    ASSERT_OK(brood_pack(&items[0], "h", handle_of_file(file)));
    status = brood_pool_map(pool, reads, brood_items_messages(items, 2), NULL, &results);
    CU_ASSERT_EQUAL(status, BROOD_ENOTSUP);
    brood_results_destroy(results);
    brood_message_clear(&items[0]);
    pool_end(pool);
    memory_close(memory);
}

/* ------------------------------------------------------------------ sockets */

static void a_connection_is_served_by_a_worker(void)
{
    apr_pool_t *memory = memory_open();
    brood_pool *pool = pool_of(2);
    for (int i = 0; i < 4; i++) {
        connection c = connect_to_self(memory);
        brood_future *future = NULL;
        brood_message result = BROOD_MESSAGE_INIT;
        char text[64] = "";
        apr_size_t size = 5;
        ASSERT_OK(brood_pool_call(pool, serves, &future, "h", handle_of_socket(c.server)));
        CU_ASSERT_EQUAL(apr_socket_close(c.server), 0);
        CU_ASSERT_EQUAL(apr_socket_send(c.client, "hello", &size), 0);
        size = sizeof text - 1;
        CU_ASSERT_EQUAL(apr_socket_recv(c.client, text, &size), 0);
        CU_ASSERT_STRING_EQUAL(text, "HELLO");
        ASSERT_OK(brood_future_get(future, LONG, &result));
        size = sizeof text;
        CU_ASSERT(APR_STATUS_IS_EOF(apr_socket_recv(c.client, text, &size))); // closed everywhere
        CU_ASSERT_EQUAL(apr_socket_close(c.client), 0);
        brood_message_clear(&result);
        brood_future_destroy(future);
    }
    pool_end(pool);
    memory_close(memory);
}

static void a_socket_travels_through_a_pipe(void)
{
    apr_pool_t *memory = memory_open();
    connection c = connect_to_self(memory);
    brood_pipe *one = NULL, *other = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    intptr_t handle = -1;
    apr_size_t size = 5;
    char text[8] = "";
    ASSERT_OK(brood_pipe_create(&one, &other, NULL));
    ASSERT_OK(brood_pack(&message, "h", handle_of_socket(c.server)));
    ASSERT_OK(brood_pipe_send(one, &message, LONG));
    brood_message_clear(&message);
    CU_ASSERT_EQUAL(apr_socket_close(c.server), 0);
    ASSERT_OK(brood_pipe_recv(other, &message, LONG));
    ASSERT_OK(brood_unpack(&message, "h", &handle));
    apr_os_sock_t os = (apr_os_sock_t)handle;
    c.server = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_os_sock_put(&c.server, &os, memory), 0);
    CU_ASSERT_EQUAL(apr_socket_send(c.server, "hello", &size), 0);
    size = sizeof text - 1;
    CU_ASSERT_EQUAL(apr_socket_recv(c.client, text, &size), 0);
    CU_ASSERT_STRING_EQUAL(text, "hello");
    apr_socket_close(c.server);
    apr_socket_close(c.client);
    brood_message_clear(&message);
    brood_pipe_destroy(one);
    brood_pipe_destroy(other);
    memory_close(memory);
}

static void waits_for_sockets(void)
{
    apr_pool_t *memory = memory_open();
    connection c = connect_to_self(memory);
    brood_pipe *one = NULL, *other = NULL;
    ASSERT_OK(brood_pipe_create(&one, &other, NULL));
    const intptr_t client = handle_of_socket(c.client), server = handle_of_socket(c.server);
    brood_waitable things[] = {{.handle = &client}, {.pipe = one}, {.handle = &server}};
    apr_size_t size = 1;
    CU_ASSERT_EQUAL(brood_wait_many(things, 3, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_wait_many(things, 3, 20), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_pipe_send_bytes(other, "x", 1, LONG));
    ASSERT_OK(brood_wait_many(things, 3, LONG));
    CU_ASSERT(!things[0].ready && things[1].ready && !things[2].ready);
    things[1].pipe = other;
    CU_ASSERT_EQUAL(apr_socket_send(c.client, "x", &size), 0);
    ASSERT_OK(brood_wait_many(things, 3, LONG));
    CU_ASSERT(!things[0].ready && !things[1].ready && things[2].ready);
    CU_ASSERT_EQUAL(apr_socket_close(c.server), 0);
    ASSERT_OK(brood_wait_many(things, 2, LONG)); // its end can be read too
    CU_ASSERT(things[0].ready && !things[1].ready);
    apr_socket_close(c.client);
    brood_pipe_destroy(one);
    brood_pipe_destroy(other);
    memory_close(memory);
}

static void refuses_what_is_no_handle(void)
{
    brood_message message = BROOD_MESSAGE_INIT;
    const intptr_t nobody = 44977608;
    brood_waitable thing = {.handle = &nobody};
    size_t size = 77;
    CU_ASSERT_NOT_EQUAL(brood_pack(&message, "h", (intptr_t)-1), BROOD_OK);
    CU_ASSERT_NOT_EQUAL(brood_pack(&message, "ih", 1, nobody), BROOD_OK);
    CU_ASSERT_EQUAL(brood_pack(&message, "ah", NULL, (size_t)0), BROOD_EINVAL);
    (void)brood_message_bytes(&message, &size);
    CU_ASSERT_EQUAL(size, 0);
    brood_message_clear(&message);
    for (int64_t timeout = 0; timeout < 40; timeout += 20) {
        int status = brood_wait_many(&thing, 1, timeout);
        CU_ASSERT(status != BROOD_OK && status != BROOD_ETIMEDOUT);
    }
}

static const test_case cases[] = {
    TEST_CASE(a_file_is_an_argument),
    TEST_CASE(a_message_carries_sixteen),
    TEST_CASE(many_tasks_carry_handles),
    TEST_CASE(what_was_cancelled_leaves_nothing_behind),
    TEST_CASE(a_task_that_runs_again_has_them_again),
    TEST_CASE(a_file_is_a_result),
    TEST_CASE(items_carry_none),
    TEST_CASE(a_connection_is_served_by_a_worker),
    TEST_CASE(a_socket_travels_through_a_pipe),
    TEST_CASE(waits_for_sockets),
    TEST_CASE(refuses_what_is_no_handle),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = handles_warm_up;
    return test_main(argc, argv, "handles", cases);
}
