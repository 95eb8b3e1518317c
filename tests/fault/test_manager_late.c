/*
 * Clients of managers that give up, fail or die at a bad moment, and what that leaves to others.
 * The one thing to know: the patience of calls is made short here, so that what comes late
 * does so by the order of events and not by waiting.
 */
#include "api/managed.h"
#include "fault/acts.h"
#include "fault/clients.h"
#include "manager/proxy.h"

#include <brood/listener.h>

/* ----------------------------------------------------------- types of our own */

/** Says to a list when it ends. */
typedef struct witness {
    brood_proxy *list;
} witness;

// Comes to be when the barrier lets it.
static int witness_create(brood_message *args, void **self)
{
    brood_proxy *barrier = NULL;
    witness *w = calloc(1, sizeof *w);
    int status = w ? brood_unpack(args, "PP", &barrier, &w->list) : BROOD_ENOMEM;
    if (!status)
        status = brood_proxy_run(barrier, "wait", BROOD_FOREVER, "");
    brood_proxy_destroy(barrier);
    *self = w;
    return status;
}

static void witness_destroy(void *self)
{
    witness *w = self;
    (void)brood_proxy_run(w->list, "append", BROOD_FOREVER, "i", 1);
    brood_proxy_destroy(w->list);
    free(w);
}

static int stall(brood_message *args, brood_message *result)
{
    brood_proxy *barrier;
    (void)result;
    int status = brood_unpack(args, "P", &barrier);
    if (!status)
        status = brood_proxy_run(barrier, "wait", BROOD_FOREVER, "");
    brood_proxy_destroy(barrier);
    return status;
}

static const brood_manager_method no_methods[] = {{NULL, NULL}};
static const brood_manager_method slow_methods[] = {{"stall", stall}, {NULL, NULL}};
static const brood_manager_type witness_type = {"Witness", witness_create, witness_destroy,
                                                no_methods};
static const brood_manager_type slow_type = {"Slow", NULL, NULL, slow_methods};

/* ------------------------------------------------------------------ helpers */

/** One more connection of the session in *hello, or the first one if that is zeroed. */
static brood_pipe *connection_of(brd_hello_from *hello)
{
    const brd_request request = {.ask = BRD_ASK_HELLO};
    brood_message m = BROOD_MESSAGE_INIT;
    brood_pipe *pipe = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_client_connect(&pipe, brood_manager_address(shared), NULL, LONG),
                          BROOD_OK);
    ASSERT_OK(brd_hello_write(&m, hello));
    ASSERT_OK(say(pipe, &request, &m));
    ASSERT_OK(brood_pipe_recv(pipe, &m, LONG));
    ASSERT_OK(brd_hello_read(&m, BRD_ANSWER_HEAD_SIZE, hello));
    brood_message_clear(&m);
    return pipe;
}

/* ------------------------------------------------------------------- queues */

enum { BAD_PUTTERS = 3 };

/** A thread that puts what no queue takes: a proxy of another manager. */
typedef struct bad_put {
    brd_thread thread;
    brood_proxy *queue;
    const brood_message *item;
    int status;
} bad_put;

static void run_bad_put(void *baton)
{
    bad_put *b = baton;
    b->status = brood_proxy_call(b->queue, "put", b->item, NULL, LONG);
}

// There is room for one, and the first in the line do not take it.
static void who_cannot_put_makes_room(void)
{
    static const unsigned char elsewhere[36] = {0xc7, 33, 'P', 0};
    brood_proxy *q = object_of("Queue", "i", 1);
    brood_message item = BROOD_MESSAGE_INIT;
    bad_put bad[BAD_PUTTERS];
    ASSERT_OK(brood_proxy_run(q, "put", 0, "i", 1));
    ASSERT_OK(brood_message_set(&item, elsewhere, sizeof elsewhere));
    for (int i = 0; i < BAD_PUTTERS; i++) {
        bad[i] = (bad_put){.queue = q, .item = &item, .status = -1};
        CU_ASSERT_FATAL(brd_os_thread_start(&bad[i].thread, run_bad_put, &bad[i]) == 0);
    }
    for (int i = 0; i < 200; i++) // likely all are in the line by then; it holds if not, too
        CU_ASSERT_EQUAL(number_of(q, "qsize"), 1);
    waiting_call w;
    waiting_call_start(&w, q, "put", LONG); // an empty message is an item like any other
    for (int i = 0; i < 200; i++)
        CU_ASSERT_EQUAL(number_of(q, "qsize"), 1);
    CU_ASSERT(gives(q, "get", "i", 1));
    CU_ASSERT(gives(q, "get", ""));
    ASSERT_OK(waiting_call_end(&w));
    for (int i = 0; i < BAD_PUTTERS; i++) {
        brd_os_thread_join(&bad[i].thread);
        CU_ASSERT_EQUAL(bad[i].status, BROOD_ENOTSUP);
    }
    brood_message_clear(&item);
    brood_proxy_destroy(q);
}

/* --------------------------------------------------------------- conditions */

typedef struct brief_wait {
    brd_thread thread;
    brood_proxy *condition, *has_it;
    int waited, released;
} brief_wait;

static void run_brief_wait(void *baton)
{
    brief_wait *w = baton;
    w->waited = brood_proxy_run(w->condition, "acquire", BROOD_FOREVER, "");
    if (!w->waited)
        w->waited = brood_proxy_run(w->has_it, "set", BROOD_FOREVER, "");
    if (!w->waited)
        w->waited = brood_proxy_run(w->condition, "wait", 1, "");
    w->released = brood_proxy_run(w->condition, "release", BROOD_FOREVER, "");
}

// The time of the wait is over long before the lock can be had again.
static void who_waited_has_the_lock_again(void)
{
    brood_proxy *c = object_of("Condition", ""), *e = object_of("Event", "");
    brief_wait w = {.condition = c, .has_it = e, .waited = -1, .released = -1};
    int64_t before = brd_proxy_patience;
    brd_proxy_patience = 1;
    CU_ASSERT_FATAL(brd_os_thread_start(&w.thread, run_brief_wait, &w) == 0);
    ASSERT_OK(brood_proxy_run(e, "wait", BROOD_FOREVER, ""));
    ASSERT_OK(brood_proxy_run(c, "acquire", BROOD_FOREVER, "")); // while the other one waits
    brd_time until = brd_os_now() + 200 * BRD_MS;
    while (brd_os_now() < until)
        ASSERT_OK(brood_proxy_run(e, "set", BROOD_FOREVER, ""));
    ASSERT_OK(brood_proxy_run(c, "release", BROOD_FOREVER, ""));
    brd_os_thread_join(&w.thread);
    CU_ASSERT_EQUAL(w.waited, BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(w.released, BROOD_OK);
    brd_proxy_patience = before;
    brood_proxy_destroy(c);
    brood_proxy_destroy(e);
}

/* ----------------------------------------------------------------- sessions */

// All that a call can do then is to give up, and the objects are there when it goes on.
static void a_manager_stands_still(void)
{
    brood_manager *m = manager_with(NULL);
    brood_proxy *l = NULL;
    int64_t before = brd_proxy_patience;
    ASSERT_OK(brood_manager_create(m, &l, "list", NULL));
    ASSERT_OK(brood_proxy_run(l, "append", LONG, "i", 1));
    if (act_stop(brood_manager_pid(m))) {
        brd_proxy_patience = 50;
        int status = BROOD_OK;
        while (!status) // it stands still a little after it was told to
            status = brood_proxy_run(l, "append", 0, "i", 2);
        CU_ASSERT_EQUAL(status, BROOD_EDEADLINE);
        CU_ASSERT_EQUAL(brood_proxy_run(l, "append", 0, "i", 3), BROOD_EDEADLINE);
        brd_proxy_patience = before;
        CU_ASSERT(act_continue(brood_manager_pid(m)));
        ASSERT_OK(brood_proxy_run(l, "append", LONG, "i", 4));
        CU_ASSERT(number_of(l, "len") >= 2);
    }
    brood_proxy_destroy(l);
    brood_manager_destroy(m);
}

// One connection of a session ends before it hears what it has created; the other one stays.
static void an_object_that_nobody_hears_of(void)
{
    brd_request request = {.ask = BRD_ASK_CREATE, .name = "Witness"};
    brd_hello_from hello = {.pid = 0};
    brood_proxy *barrier = object_of("Barrier", "i", 2), *l = object_of("list", "");
    brood_message args = BROOD_MESSAGE_INIT;
    brood_pipe *stays = connection_of(&hello), *goes = connection_of(&hello);
    ASSERT_OK(brood_pack(&args, "PP", barrier, l));
    ASSERT_OK(say(goes, &request, &args));
    CU_ASSERT(await_number(barrier, "n_waiting", 1));
    brood_pipe_destroy(goes);
    ASSERT_OK(brood_proxy_run(barrier, "wait", LONG, ""));
    CU_ASSERT(await_number(l, "len", 1));
    brood_pipe_destroy(stays);
    brood_message_clear(&args);
    brood_proxy_destroy(barrier);
    brood_proxy_destroy(l);
}

// The one that it refers to goes with the argument, and in its end calls that very list.
static void a_refused_value_is_the_last_to_refer(void)
{
    static const unsigned char elsewhere[36] = {0xc7, 33, 'P', 0};
    unsigned char both[1 + 2 * sizeof elsewhere] = {0x92};
    brood_proxy *barrier = object_of("Barrier", "i", 1), *l = object_of("list", "");
    brood_proxy *w = object_of("Witness", "PP", barrier, l), *back = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    size_t size = 0;
    ASSERT_OK(brood_pack(&m, "P", w));
    memcpy(both + 1, brood_message_bytes(&m, &size), sizeof elsewhere);
    CU_ASSERT_EQUAL(size, sizeof elsewhere);
    memcpy(both + 1 + size, elsewhere, sizeof elsewhere);
    brood_proxy_destroy(w);
    brood_message_clear(&m);
    ASSERT_OK(brood_message_set(&m, both, sizeof both));
    CU_ASSERT_EQUAL(brood_proxy_call(l, "append", &m, NULL, 0), BROOD_ENOTSUP);
    CU_ASSERT_EQUAL(number_of(l, "len"), 0);
    ASSERT_OK(brood_message_set(&m, both + 1, sizeof elsewhere)); // still on its way
    ASSERT_OK(brood_unpack(&m, "P", &back));
    brood_proxy_destroy(back);
    CU_ASSERT(await_number(l, "len", 1));
    brood_message_clear(&m);
    brood_proxy_destroy(barrier);
    brood_proxy_destroy(l);
}

static int hold_and_stall(brood_message *args, brood_message *result)
{
    brood_proxy *lock, *slow, *barrier;
    (void)result;
    int status = brood_unpack(args, "PPP", &lock, &slow, &barrier);
    if (!status)
        status = brood_proxy_run(lock, "acquire", BROOD_FOREVER, "");
    return status ? status : brood_proxy_run(slow, "stall", BROOD_FOREVER, "P", barrier);
}

// What it was having done goes on in the manager; what it had in hand is free.
static void dies_while_its_method_runs(void)
{
    brood_proxy *lock = object_of("Lock", ""), *slow = object_of("Slow", "");
    brood_proxy *barrier = object_of("Barrier", "i", 2);
    brood_process *client = NULL;
    ASSERT_OK(brood_process_call(&client, hold_and_stall, "PPP", lock, slow, barrier));
    CU_ASSERT(await_number(barrier, "n_waiting", 1));
    ASSERT_OK(brood_process_kill(client));
    ASSERT_OK(brood_process_join(client, LONG));
    CU_ASSERT_EQUAL(brood_proxy_run(lock, "acquire", test_ms(5000), ""), BROOD_EOWNERDEAD);
    ASSERT_OK(brood_proxy_run(barrier, "wait", LONG, ""));
    ASSERT_OK(brood_proxy_run(lock, "release", LONG, ""));
    brood_process_destroy(client);
    brood_proxy_destroy(barrier);
    brood_proxy_destroy(slow);
    brood_proxy_destroy(lock);
}

static const test_case cases[] = {
    TEST_CASE(who_cannot_put_makes_room),
    TEST_CASE(who_waited_has_the_lock_again),
    TEST_CASE(a_manager_stands_still),
    TEST_CASE(an_object_that_nobody_hears_of),
    TEST_CASE(a_refused_value_is_the_last_to_refer),
    TEST_CASE(dies_while_its_method_runs),
    {0},
};

int main(int argc, char **argv)
{
    if (brood_manager_register(&witness_type) || brood_manager_register(&slow_type))
        return 70;
    brood_main(&argc, &argv);
    test_warm_up = managed_open;
    return managed_close(test_main(argc, argv, "manager_late", cases));
}
