/*
 * What CPython's _TestQueue and TestSimpleQueue ask of queues, asked of brood_queue. Run on
 * every system from this one source. The names are CPython's; a note with a number names the
 * row of the table in README.md by which we differ.
 *
 * The one thing to know: what api/test_queue.c asks already is not asked again; the README
 * says which of its tests stand for which of CPython's.
 */
#include "api/pools.h"

#define LONG_WAIT test_ms(20000)

enum { SHORT = 30 };

static brood_queue *make_queue(uint32_t maxsize)
{
    brood_queue *queue = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_queue_create(&queue, BROOD_QUEUE(.maxsize = maxsize)), BROOD_OK);
    return queue;
}

static int put(brood_queue *queue, int32_t n, int64_t timeout)
{
    return brood_queue_put_values(queue, timeout, "i", n);
}

static int get(brood_queue *queue, int32_t *n, int64_t timeout)
{
    brood_message item = BROOD_MESSAGE_INIT;
    int status = brood_queue_get(queue, &item, timeout);
    if (!status)
        status = brood_unpack(&item, "i", n);
    brood_message_clear(&item);
    return status;
}

static void end_well(brood_process *p)
{
    ASSERT_OK(brood_process_join(p, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_process_exit(p).kind, BROOD_EXIT_CODE);
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 0);
    brood_process_destroy(p);
}

/** Whether a call that had to wait came back no earlier than it was to; nothing is said of later.
 */
static bool waited(brd_time since, int ms)
{
    return brd_os_now() - since >= ms * BRD_MS;
}

/** "QQQ": a queue, and those by which a process is told to start and tells that it is done. */
typedef struct trio {
    brood_queue *queue, *start, *finish;
} trio;

static trio make_trio(uint32_t maxsize)
{
    return (trio){make_queue(maxsize), make_queue(0), make_queue(0)};
}

static void destroy_trio(trio *t)
{
    brood_queue_destroy(t->queue);
    brood_queue_destroy(t->start);
    brood_queue_destroy(t->finish);
}

/** In the process: when told to, `work`, then says so. */
static int when_told(brood_message *args, int (*work)(brood_queue *queue))
{
    trio t = {NULL, NULL, NULL};
    int32_t n = 0;
    int status = brood_unpack(args, "QQQ", &t.queue, &t.start, &t.finish);
    if (!status)
        status = get(t.start, &n, LONG_WAIT);
    if (!status)
        status = work(t.queue);
    if (!status)
        status = put(t.finish, 0, LONG_WAIT);
    destroy_trio(&t);
    return status;
}

/* --------------------------------------------------------------- _TestQueue */

static int take_six(brood_queue *queue)
{
    int32_t n = 0;
    int status = BROOD_OK;
    for (int i = 0; !status && i < 6; i++)
        status = get(queue, &n, LONG_WAIT);
    return status;
}

static int takes_six(brood_message *args, brood_message *result)
{
    (void)result;
    return when_told(args, take_six);
}

static void test_put(void)
{
    trio t = make_trio(6);
    brood_queue *queue = t.queue, *start = t.start, *finish = t.finish;
    brood_process *p = NULL;
    int32_t n = 0;
    ASSERT_OK(brood_process_call(&p, takes_six, "QQQ", queue, start, finish));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    CU_ASSERT_FALSE(brood_queue_is_full(queue));
    for (int32_t i = 1; i <= 6; i++)
        ASSERT_OK(put(queue, i, i % 2 ? BROOD_FOREVER : 0));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 6);
    CU_ASSERT_TRUE(brood_queue_is_full(queue));
    CU_ASSERT_EQUAL(put(queue, 7, 0), BROOD_ETIMEDOUT);
    brd_time since = brd_os_now();
    CU_ASSERT_EQUAL(put(queue, 7, SHORT), BROOD_ETIMEDOUT);
    CU_ASSERT_TRUE(waited(since, SHORT));
    ASSERT_OK(put(start, 0, LONG_WAIT));
    ASSERT_OK(get(finish, &n, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    CU_ASSERT_FALSE(brood_queue_is_full(queue));
    end_well(p);
    destroy_trio(&t);
}

static int put_2_to_5(brood_queue *queue)
{
    int status = BROOD_OK;
    for (int32_t i = 2; !status && i <= 5; i++)
        status = put(queue, i, LONG_WAIT);
    return status;
}

static int puts_four(brood_message *args, brood_message *result)
{
    (void)result;
    return when_told(args, put_2_to_5);
}

static void test_get(void)
{
    trio t = make_trio(0);
    brood_queue *queue = t.queue, *start = t.start, *finish = t.finish;
    brood_process *p = NULL;
    int32_t n = 0;
    ASSERT_OK(brood_process_call(&p, puts_four, "QQQ", queue, start, finish));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    ASSERT_OK(put(start, 0, LONG_WAIT));
    ASSERT_OK(get(finish, &n, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 4); // at once: nothing feeds it (S80)
    for (int32_t i = 2; i <= 5; i++) {
        ASSERT_OK(get(queue, &n, i % 2 ? BROOD_FOREVER : 0));
        CU_ASSERT_EQUAL(n, i);
    }
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    CU_ASSERT_EQUAL(get(queue, &n, 0), BROOD_ETIMEDOUT);
    brd_time since = brd_os_now();
    CU_ASSERT_EQUAL(get(queue, &n, SHORT), BROOD_ETIMEDOUT);
    CU_ASSERT_TRUE(waited(since, SHORT));
    end_well(p);
    destroy_trio(&t);
}

/** "Q": puts 10 to 19. */
static int puts_ten_more(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    int status = brood_unpack(args, "Q", &queue);
    (void)result;
    for (int32_t i = 10; !status && i < 20; i++)
        status = put(queue, i, LONG_WAIT);
    brood_queue_destroy(queue);
    return status;
}

static void test_fork(void)
{
    brood_queue *queue = make_queue(0);
    brood_process *p = NULL;
    int32_t n = 0;
    for (int32_t i = 0; i < 10; i++)
        ASSERT_OK(put(queue, i, LONG_WAIT));
    ASSERT_OK(brood_process_call(&p, puts_ten_more, "Q", queue));
    for (int32_t i = 0; i < 20; i++) {
        ASSERT_OK(get(queue, &n, LONG_WAIT));
        CU_ASSERT_EQUAL(n, i);
    }
    CU_ASSERT_EQUAL(get(queue, &n, 0), BROOD_ETIMEDOUT);
    end_well(p);
    brood_queue_destroy(queue);
}

static void test_qsize(void)
{
    brood_queue *queue = make_queue(0);
    int32_t n = 0;
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    ASSERT_OK(put(queue, 1, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 1);
    ASSERT_OK(put(queue, 5, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 2);
    ASSERT_OK(get(queue, &n, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 1);
    ASSERT_OK(get(queue, &n, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    brood_queue_destroy(queue);
}

/** "Q": does tasks until it gets a negative one. */
static int does_tasks(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    int32_t n = 0;
    int status = brood_unpack(args, "Q", &queue);
    (void)result;
    while (!status && n >= 0) {
        status = get(queue, &n, LONG_WAIT);
        if (!status)
            status = brood_queue_task_done(queue);
    }
    brood_queue_destroy(queue);
    return status;
}

static void test_task_done(void)
{
    enum { WORKERS = 4 };
    brood_queue *queue = make_queue(0);
    brood_process *workers[WORKERS] = {NULL};
    for (int i = 0; i < WORKERS; i++)
        ASSERT_OK(brood_process_call(&workers[i], does_tasks, "Q", queue));
    for (int32_t i = 0; i < 10; i++)
        ASSERT_OK(put(queue, i, LONG_WAIT));
    ASSERT_OK(brood_queue_join(queue, LONG_WAIT));
    for (int i = 0; i < WORKERS; i++)
        ASSERT_OK(put(queue, -1, LONG_WAIT));
    for (int i = 0; i < WORKERS; i++)
        end_well(workers[i]);
    ASSERT_OK(brood_queue_join(queue, 0));
    brood_queue_destroy(queue);
}

static void test_timeout(void)
{
    brood_queue *queue = make_queue(0);
    int32_t n = 0;
    brd_time since = brd_os_now();
    CU_ASSERT_EQUAL(get(queue, &n, 200), BROOD_ETIMEDOUT);
    CU_ASSERT_TRUE(waited(since, 200));
    brood_queue_destroy(queue);
}

// An item that cannot be packed takes no place: the caller hears of it (S80).
static void test_queue_feeder_donot_stop_onexc(void)
{
    brood_queue *queue = make_queue(1);
    int32_t n = 0;
    CU_ASSERT_NOT_EQUAL(brood_queue_put_values(queue, LONG_WAIT, "h", (intptr_t)-1), BROOD_OK);
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    ASSERT_OK(put(queue, 1, 0));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 1);
    CU_ASSERT_TRUE(brood_queue_is_full(queue));
    ASSERT_OK(get(queue, &n, 0));
    CU_ASSERT_EQUAL(n, 1);
    brood_queue_destroy(queue);
}

static void test_closed_queue_empty_exceptions(void)
{
    brood_queue *queue = make_queue(0);
    ASSERT_OK(brood_queue_close(queue));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0); // used or not (S82)
    brood_queue_destroy(queue);
    queue = make_queue(0);
    ASSERT_OK(put(queue, 1, LONG_WAIT));
    ASSERT_OK(brood_queue_close(queue));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 1);
    brood_queue_destroy(queue);
}

static void test_closed_queue_put_get_exceptions(void)
{
    brood_queue *queue = make_queue(0);
    int32_t n = 0;
    ASSERT_OK(brood_queue_close(queue));
    CU_ASSERT_EQUAL(put(queue, 1, LONG_WAIT), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(get(queue, &n, LONG_WAIT), BROOD_ECLOSED);
    brood_queue_destroy(queue);
}

/* ----------------------------------------------- TestStdinBadfiledescriptor */

/** "Q": asks for an item that is not there. */
static int finds_nothing(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    int32_t n = 0;
    int status = brood_unpack(args, "Q", &queue);
    (void)result;
    if (!status)
        status = get(queue, &n, 0) == BROOD_ETIMEDOUT ? BROOD_OK : BROOD_ETASK;
    brood_queue_destroy(queue);
    return status;
}

/** A process whose input is empty makes a queue, and a process that has it. */
static int has_a_queue(brood_message *args, brood_message *result)
{
    brood_queue *queue = NULL;
    brood_process *p = NULL;
    (void)args;
    (void)result;
    int status = brood_queue_create(&queue, NULL);
    if (!status)
        status = brood_process_call(&p, finds_nothing, "Q", queue);
    if (!status)
        status = brood_process_join(p, LONG_WAIT);
    if (!status && brood_process_exit(p).python != 0)
        status = BROOD_ETASK;
    brood_process_destroy(p);
    brood_queue_destroy(queue);
    return status;
}

static void test_queue_in_process(void)
{
    brood_process *p = NULL;
    ASSERT_OK(brood_process_call(&p, has_a_queue, ""));
    end_well(p);
}

/* ---------------------------------------------------------- TestSimpleQueue */

static int put_two(brood_queue *queue)
{
    int status = put(queue, brood_queue_size(queue) == 0, LONG_WAIT);
    return status ? status : put(queue, brood_queue_size(queue) == 0, LONG_WAIT);
}

static int puts_two(brood_message *args, brood_message *result)
{
    (void)result;
    return when_told(args, put_two);
}

static void test_empty(void)
{
    trio t = make_trio(0);
    brood_queue *queue = t.queue, *start = t.start, *finish = t.finish;
    brood_process *p = NULL;
    int32_t n = -1;
    ASSERT_OK(brood_process_call(&p, puts_two, "QQQ", queue, start, finish));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    ASSERT_OK(put(start, 0, LONG_WAIT));
    ASSERT_OK(get(finish, &n, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_queue_size(queue), 2);
    ASSERT_OK(get(queue, &n, LONG_WAIT));
    CU_ASSERT_EQUAL(n, 1);
    ASSERT_OK(get(queue, &n, LONG_WAIT));
    CU_ASSERT_EQUAL(n, 0);
    CU_ASSERT_EQUAL(brood_queue_size(queue), 0);
    end_well(p);
    destroy_trio(&t);
}

static void test_close(void)
{
    brood_queue *queue = make_queue(0);
    ASSERT_OK(brood_queue_close(queue));
    ASSERT_OK(brood_queue_close(queue));
    brood_queue_destroy(queue);
}

static const test_case cases[] = {
    TEST_CASE(test_put),
    TEST_CASE(test_get),
    TEST_CASE(test_fork),
    TEST_CASE(test_qsize),
    TEST_CASE(test_task_done),
    TEST_CASE(test_timeout),
    TEST_CASE(test_queue_feeder_donot_stop_onexc),
    TEST_CASE(test_closed_queue_empty_exceptions),
    TEST_CASE(test_closed_queue_put_get_exceptions),
    TEST_CASE(test_queue_in_process),
    TEST_CASE(test_empty),
    TEST_CASE(test_close),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "queue", cases);
}
