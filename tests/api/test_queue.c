/*
 * Queues, as their header promises them. Run on every system from this one source. The one
 * thing to know: what puts and gets in another process is a function of the first part.
 */
#include "api/pools.h"

#define LONG test_ms(20000)

enum { ITEMS = 2000, SIDES = 3 };

/* -------------------------------------------------------- in other processes */

/** "Qxi": puts `count` numbers from the first one on. */
static int puts_numbers(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    int64_t first = 0;
    int32_t count = 0;
    int status = brood_unpack(args, "Qxi", &queue, &first, &count);
    (void)result;
    for (int32_t i = 0; !status && i < count; i++)
        status = brood_queue_put_values(queue, LONG, "x", first + i);
    brood_queue_destroy(queue);
    return status;
}

/** "Q": takes numbers until the queue is closed. The result: how many, their sum, and
 * whether those of each putter came in order. */
static int adds_numbers(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    int64_t last[SIDES], sum = 0, count = 0, n = 0;
    bool in_order = true;
    int status = brood_unpack(args, "Q", &queue);
    for (int i = 0; i < SIDES; i++)
        last[i] = -1;
    while (!status && !(status = brood_queue_get(queue, &item, LONG))) {
        status = brood_unpack(&item, "x", &n);
        if (status || n < 0 || n >= (int64_t)SIDES * ITEMS)
            break;
        in_order = in_order && n > last[n / ITEMS];
        last[n / ITEMS] = n;
        sum += n;
        count++;
    }
    brood_message_clear(&item);
    brood_queue_destroy(queue);
    return status == BROOD_ECLOSED ? brood_pack(result, "xxb", count, sum, (int)in_order) : 1;
}

/** "Q": takes another queue out of this one, and puts a word into that. */
static int answers_by_queue(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL, *other = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    const char *word = NULL;
    int status = brood_unpack(args, "Q", &queue);
    (void)result;
    if (!status)
        status = brood_queue_get(queue, &item, LONG);
    if (!status)
        status = brood_unpack(&item, "Qs", &other, &word);
    if (!status)
        status = brood_queue_put_values(other, LONG, "s", word);
    brood_message_clear(&item);
    brood_queue_destroy(queue);
    brood_queue_destroy(other);
    return status;
}

/** "Qi": puts that many bytes, each with its place for a value. */
static int puts_bytes(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    int32_t size = 0;
    int status = brood_unpack(args, "Qi", &queue, &size);
    unsigned char *bytes = status ? NULL : malloc((size_t)size);
    (void)result;
    if (!status && !bytes)
        status = BROOD_ENOMEM;
    for (int32_t i = 0; bytes && i < size; i++)
        bytes[i] = (unsigned char)(i * 7);
    if (!status)
        status = brood_queue_put_bytes(queue, bytes, (size_t)size, LONG);
    free(bytes);
    brood_queue_destroy(queue);
    return status;
}

/** "Q": takes what is there and says that it is done, until it is closed. */
static int does_tasks(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    int status = brood_unpack(args, "Q", &queue);
    (void)result;
    while (!status && !(status = brood_queue_get(queue, &item, LONG)))
        status = brood_queue_task_done(queue);
    brood_message_clear(&item);
    brood_queue_destroy(queue);
    return status == BROOD_ECLOSED ? 0 : 1;
}

/* ------------------------------------------------------------------- helpers */

static brood_queue *make_queue(uint32_t maxsize, uint64_t capacity)
{
    brood_queue *queue = NULL;
    CU_ASSERT_EQUAL_FATAL(
        brood_queue_create(&queue, BROOD_QUEUE(.maxsize = maxsize, .capacity = capacity)),
        BROOD_OK);
    return queue;
}

static int64_t get_number(brood_queue *queue, int64_t timeout)
{
    brood_message item = BROOD_MESSAGE_INIT;
    int64_t n = -1;
    ASSERT_OK(brood_queue_get(queue, &item, timeout));
    ASSERT_OK(brood_unpack(&item, "x", &n));
    brood_message_clear(&item);
    return n;
}

static void end_well(brood_process *p)
{
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).kind, BROOD_EXIT_CODE);
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 0);
    brood_process_destroy(p);
}

/* --------------------------------------------------------------------- tests */

static void first_in_first_out(void)
{
    brood_queue *queue = make_queue(0, 0);
    brood_message item = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    CU_ASSERT_EQUAL(brood_queue_get(queue, &item, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_queue_get(queue, &item, 20), BROOD_ETIMEDOUT);
    for (int64_t i = 0; i < 100; i++)
        ASSERT_OK(brood_queue_put_values(queue, 0, "x", i));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 100);
    for (int64_t i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(get_number(queue, 0), i);
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    brood_queue_destroy(queue);
}

static void maxsize_is_a_limit(void)
{
    brood_queue *queue = make_queue(2, 0);
    ASSERT_OK(brood_queue_put_values(queue, 0, "x", INT64_C(1)));
    CU_ASSERT_FALSE(brood_queue_is_full(queue));
    ASSERT_OK(brood_queue_put_values(queue, 0, "x", INT64_C(2)));
    CU_ASSERT_TRUE(brood_queue_is_full(queue));
    CU_ASSERT_EQUAL(brood_queue_put_values(queue, 0, "x", INT64_C(3)), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_queue_put_values(queue, 20, "x", INT64_C(3)), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(get_number(queue, 0), 1);
    ASSERT_OK(brood_queue_put_values(queue, 0, "x", INT64_C(3)));
    CU_ASSERT_EQUAL(get_number(queue, 0), 2);
    CU_ASSERT_EQUAL(get_number(queue, 0), 3);
    brood_queue_destroy(queue);
}

static void capacity_is_a_limit(void)
{
    enum { SIZE = 1016 }; // and 8 of the queue's own
    brood_queue *queue = make_queue(0, 4096);
    unsigned char bytes[SIZE] = {0}, back[SIZE];
    size_t size = 0;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 4; i++) {
            bytes[0] = (unsigned char)i;
            ASSERT_OK(brood_queue_put_bytes(queue, bytes, SIZE, 0));
        }
        CU_ASSERT_TRUE(brood_queue_is_full(queue));
        CU_ASSERT_EQUAL(brood_queue_put_bytes(queue, bytes, 0, 0), BROOD_ETIMEDOUT);
        for (int i = 0; i < 4; i++) {
            ASSERT_OK(brood_queue_get_bytes(queue, back, sizeof back, &size, 0));
            CU_ASSERT_EQUAL(size, SIZE);
            CU_ASSERT_EQUAL(back[0], i);
        }
    }
    brood_queue_destroy(queue);
}

// Of every length around the end of the buffer, so that items lie across it at every place.
static void items_lie_across_the_end(void)
{
    brood_queue *queue = make_queue(0, 4096);
    unsigned char bytes[900], back[900];
    for (size_t i = 0; i < 3000; i++) {
        size_t size = i * 13 % sizeof bytes, got = 0;
        for (size_t k = 0; k < size; k++)
            bytes[k] = (unsigned char)(i + k);
        ASSERT_OK(brood_queue_put_bytes(queue, bytes, size, 0));
        ASSERT_OK(brood_queue_get_bytes(queue, back, sizeof back, &got, 0));
        CU_ASSERT_EQUAL(got, size);
        CU_ASSERT_EQUAL(memcmp(back, bytes, size), 0);
    }
    brood_queue_destroy(queue);
}

static void what_does_not_fit_stays(void)
{
    brood_queue *queue = make_queue(0, 0);
    char buffer[4];
    size_t size = 0;
    ASSERT_OK(brood_queue_put_bytes(queue, "too long", 8, 0));
    CU_ASSERT_EQUAL(brood_queue_get_bytes(queue, buffer, sizeof buffer, &size, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(size, 8);
    CU_ASSERT_EQUAL(brood_queue_size(queue), 1);
    char enough[8];
    ASSERT_OK(brood_queue_get_bytes(queue, enough, sizeof enough, &size, 0));
    CU_ASSERT_EQUAL(memcmp(enough, "too long", 8), 0);
    brood_queue_destroy(queue);
}

static void closed_is_closed(void)
{
    brood_queue *queue = make_queue(0, 0);
    brood_message item = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_queue_put_values(queue, 0, "x", INT64_C(5)));
    ASSERT_OK(brood_queue_close(queue));
    CU_ASSERT_EQUAL(brood_queue_put_values(queue, LONG, "x", INT64_C(6)), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(get_number(queue, LONG), 5);
    CU_ASSERT_EQUAL(brood_queue_get(queue, &item, LONG), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_queue_get(queue, &item, 0), BROOD_ECLOSED);
    ASSERT_OK(brood_queue_close(queue));
    brood_queue_destroy(queue);
}

static void refuses_nonsense(void)
{
    brood_queue *queue = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    size_t size;
    CU_ASSERT_EQUAL(brood_queue_create(NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_queue_create(&queue, BROOD_QUEUE(.capacity = UINT64_C(1) << 40)),
                    BROOD_EINVAL);
    queue = make_queue(0, 0);
    CU_ASSERT_EQUAL(brood_queue_put(queue, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_queue_put(NULL, &item, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_queue_put_bytes(queue, NULL, 1, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_queue_put_values(queue, 0, "?"), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_queue_get(queue, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_queue_get_bytes(queue, NULL, 1, &size, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    brood_queue_destroy(queue);
    brood_queue_destroy(NULL);
}

static void many_put_and_many_get(void)
{
    brood_queue *queue = make_queue(0, 8192);
    brood_pool *pool = NULL;
    brood_process *putters[SIDES] = {NULL};
    brood_future *getters[SIDES] = {NULL};
    int64_t sum = 0, count = 0;
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = SIDES)));
    for (int i = 0; i < SIDES; i++)
        ASSERT_OK(brood_pool_call(pool, adds_numbers, &getters[i], "Q", queue));
    for (int i = 0; i < SIDES; i++)
        ASSERT_OK(brood_process_call(&putters[i], puts_numbers, "Qxi", queue, (int64_t)i * ITEMS,
                                     (int32_t)ITEMS));
    for (int i = 0; i < SIDES; i++)
        end_well(putters[i]);
    ASSERT_OK(brood_queue_close(queue));
    for (int i = 0; i < SIDES; i++) {
        int64_t n = 0, s = 0;
        int in_order = 0;
        ASSERT_OK(brood_future_unpack(getters[i], LONG, "xxb", &n, &s, &in_order));
        CU_ASSERT_TRUE(in_order);
        count += n;
        sum += s;
        brood_future_destroy(getters[i]);
    }
    CU_ASSERT_EQUAL(count, SIDES * ITEMS);
    CU_ASSERT_EQUAL(sum, (int64_t)SIDES * ITEMS * (SIDES * ITEMS - 1) / 2);
    brood_pool_destroy(pool);
    brood_queue_destroy(queue);
}

static void a_queue_is_an_item(void)
{
    brood_queue *queue = make_queue(0, 0), *other = make_queue(0, 0);
    brood_process *p = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    const char *word = "";
    ASSERT_OK(brood_process_call(&p, answers_by_queue, "Q", queue));
    ASSERT_OK(brood_queue_put_values(queue, LONG, "Qs", other, "by another way"));
    ASSERT_OK(brood_queue_get(other, &item, LONG));
    ASSERT_OK(brood_unpack(&item, "s", &word));
    CU_ASSERT_STRING_EQUAL(word, "by another way");
    brood_message_clear(&item);
    end_well(p);
    brood_queue_destroy(other);
    brood_queue_destroy(queue);
}

// More lots than there is room for: handles go in and out in order, and none stays behind.
static void handles_are_items(void)
{
    enum { LOTS = 40 };
    brood_queue *queue = make_queue(0, 0);
    brood_message item = BROOD_MESSAGE_INIT;
    for (int i = 0; i < LOTS; i++) {
        brood_pipe *one = NULL, *other = NULL;
        ASSERT_OK(brood_pipe_create(&one, &other, NULL));
        ASSERT_OK(brood_pipe_send_bytes(other, "hello", 5, LONG));
        ASSERT_OK(brood_queue_put_values(queue, LONG, "ip", i, one));
        if (i % 2)
            ASSERT_OK(brood_queue_put_values(queue, LONG, "i", -i));
        brood_pipe_destroy(one);
        brood_pipe_destroy(other);
    }
    for (int i = 0; i < LOTS; i++) {
        brood_pipe *pipe = NULL;
        int32_t n = -1;
        char word[8];
        size_t size = 0;
        ASSERT_OK(brood_queue_get(queue, &item, LONG));
        ASSERT_OK(brood_unpack(&item, "ip", &n, &pipe));
        CU_ASSERT_EQUAL(n, i);
        ASSERT_OK(brood_pipe_recv_bytes(pipe, word, sizeof word, &size, LONG));
        CU_ASSERT_EQUAL(size, 5);
        brood_pipe_destroy(pipe);
        if (i % 2) {
            ASSERT_OK(brood_queue_get(queue, &item, LONG));
            ASSERT_OK(brood_unpack(&item, "i", &n));
            CU_ASSERT_EQUAL(n, -i);
        }
    }
    brood_message_clear(&item);
    brood_queue_destroy(queue);
}

// What nobody got goes with the last end, handles included: the harness counts them.
static void what_is_left_goes_with_the_queue(void)
{
    brood_queue *queue = make_queue(0, 0);
    brood_pipe *one = NULL, *other = NULL;
    char byte;
    size_t size;
    ASSERT_OK(brood_pipe_create(&one, &other, NULL));
    ASSERT_OK(brood_queue_put_values(queue, LONG, "p", other));
    ASSERT_OK(brood_queue_put_values(queue, LONG, "i", 1));
    brood_pipe_destroy(other);
    brood_queue_destroy(queue);
    CU_ASSERT_EQUAL(brood_pipe_recv_bytes(one, &byte, 1, &size, LONG), BROOD_ECLOSED);
    brood_pipe_destroy(one);
}

static void large_items_have_memory_of_their_own(void)
{
    enum { SIZE = 3 << 20 };
    brood_queue *queue = make_queue(0, 64 * 1024);
    brood_process *p = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    size_t size = 0, wrong = 0;
    ASSERT_OK(brood_process_call(&p, puts_bytes, "Qi", queue, (int32_t)SIZE));
    ASSERT_OK(brood_queue_get(queue, &item, LONG));
    const unsigned char *bytes = brood_message_bytes(&item, &size);
    CU_ASSERT_EQUAL_FATAL(size, SIZE);
    for (size_t i = 0; i < size; i++)
        wrong += bytes[i] != (unsigned char)(i * 7);
    CU_ASSERT_EQUAL(wrong, 0);
    brood_message_clear(&item);
    end_well(p);
    brood_queue_destroy(queue);
}

static void join_waits_for_all_tasks(void)
{
    brood_queue *queue = make_queue(0, 0);
    brood_process *workers[2] = {NULL};
    ASSERT_OK(brood_queue_join(queue, 0));
    CU_ASSERT_EQUAL(brood_queue_task_done(queue), BROOD_EINVAL);
    ASSERT_OK(brood_queue_put_values(queue, 0, "i", 0));
    CU_ASSERT_EQUAL(brood_queue_join(queue, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_queue_join(queue, 20), BROOD_ETIMEDOUT);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_process_call(&workers[i], does_tasks, "Q", queue));
    for (int i = 0; i < 50; i++)
        ASSERT_OK(brood_queue_put_values(queue, LONG, "i", i));
    ASSERT_OK(brood_queue_join(queue, LONG));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    CU_ASSERT_EQUAL(brood_queue_task_done(queue), BROOD_EINVAL);
    ASSERT_OK(brood_queue_close(queue));
    for (int i = 0; i < 2; i++)
        end_well(workers[i]);
    brood_queue_destroy(queue);
}

typedef struct waiter {
    brood_queue *queue;
    int status;
} waiter;

static void waits_for_an_item(void *baton)
{
    waiter *w = baton;
    brood_message item = BROOD_MESSAGE_INIT;
    w->status = brood_queue_get(w->queue, &item, LONG);
    brood_message_clear(&item);
}

static void close_ends_the_waiting(void)
{
    waiter w = {.queue = make_queue(0, 0), .status = -1};
    brd_thread thread = {0};
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, waits_for_an_item, &w), 0);
    ASSERT_OK(brood_queue_close(w.queue));
    brd_os_thread_join(&thread);
    CU_ASSERT_EQUAL(w.status, BROOD_ECLOSED);
    brood_queue_destroy(w.queue);
}

static const test_case cases[] = {
    TEST_CASE(first_in_first_out),
    TEST_CASE(maxsize_is_a_limit),
    TEST_CASE(capacity_is_a_limit),
    TEST_CASE(items_lie_across_the_end),
    TEST_CASE(what_does_not_fit_stays),
    TEST_CASE(closed_is_closed),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(many_put_and_many_get),
    TEST_CASE(a_queue_is_an_item),
    TEST_CASE(handles_are_items),
    TEST_CASE(what_is_left_goes_with_the_queue),
    TEST_CASE(large_items_have_memory_of_their_own),
    TEST_CASE(join_waits_for_all_tasks),
    TEST_CASE(close_ends_the_waiting),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "queue", cases);
}
