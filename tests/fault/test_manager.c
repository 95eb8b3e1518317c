/*
 * Managers and their clients when one of them dies or is too many: nobody else
 * waits for it, what it had goes on to the next one, and every call says what happened. The
 * one thing to know: who is to be killed says by a queue or a barrier how far it has come.
 */
#include "api/managed.h"
#include "fault/acts.h"
#include "manager/protocol.h"
#include "manager/proxy.h"

#include <brood/listener.h>

/* ----------------------------------------------------------- types of our own */

static int crash(brood_message *args, brood_message *result)
{
    (void)args;
    (void)result;
    act_kill_self();
}

// Until the barrier lets it go: as long as the test wants.
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

static const brood_manager_method sick_methods[] = {
    {"crash", crash}, {"stall", stall}, {NULL, NULL}};
static const brood_manager_type sick_type = {"Sick", NULL, NULL, sick_methods};

/* ------------------------------------------------------- the manager dies */

enum { WAITING = 5 };

/** Calls that wait, all in the manager by now. */
typedef struct crowd {
    waiting_call calls[WAITING];
    brood_proxy *objects[WAITING];
} crowd;

static void crowd_gather(crowd *c, brood_manager *m)
{
    static const char *const types[WAITING] = {"Queue", "Event", "Lock", "Semaphore", "Barrier"};
    static const char *const methods[WAITING] = {"get", "wait", "acquire", "acquire", "wait"};
    for (int i = 0; i < WAITING; i++) {
        c->objects[i] =
            i < 3 ? object_at(m, types[i], "") : object_at(m, types[i], "i", i == 4 ? 2 : 0);
        if (i == 2)
            ASSERT_OK(brood_proxy_run(c->objects[i], "acquire", 0, ""));
        waiting_call_start(&c->calls[i], c->objects[i], methods[i], BROOD_FOREVER);
    }
    CU_ASSERT(await_number(c->objects[4], "n_waiting", 1));
}

static void crowd_hears_of_the_end(crowd *c)
{
    for (int i = 0; i < WAITING; i++) {
        CU_ASSERT_EQUAL(waiting_call_end(&c->calls[i]), BROOD_ECLOSED);
        CU_ASSERT_EQUAL(brood_proxy_run(c->objects[i], "acquire", BROOD_FOREVER, ""),
                        BROOD_ECLOSED);
    }
}

static void says_that_it_is_gone(brood_manager *m, crowd *c)
{
    brood_proxy *p = NULL;
    brood_message message = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_manager_create(m, &p, "list", NULL), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_manager_find(m, &p, "name"), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_manager_publish(m, "name", c->objects[0]), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pack(&message, "P", c->objects[0]), BROOD_ECLOSED);
    for (int i = 0; i < WAITING; i++)
        brood_proxy_destroy(c->objects[i]);
    brood_message_clear(&message);
}

static void the_manager_is_killed(void)
{
    brood_manager *m = manager_with(NULL);
    crowd c;
    crowd_gather(&c, m);
    CU_ASSERT(act_kill(brood_manager_pid(m)));
    crowd_hears_of_the_end(&c);
    says_that_it_is_gone(m, &c);
    brood_manager_destroy(m);
}

static void the_manager_is_shut_down(void)
{
    brood_manager *m = manager_with(NULL);
    crowd c;
    crowd_gather(&c, m);
    ASSERT_OK(brood_manager_shutdown(m));
    crowd_hears_of_the_end(&c);
    says_that_it_is_gone(m, &c);
    brood_manager_destroy(m);
}

static void a_method_crashes(void)
{
    brood_manager *m = manager_with(NULL);
    brood_proxy *sick = object_at(m, "Sick", "");
    crowd c;
    crowd_gather(&c, m);
    CU_ASSERT_EQUAL(brood_proxy_run(sick, "crash", BROOD_FOREVER, ""), BROOD_ECLOSED);
    crowd_hears_of_the_end(&c);
    says_that_it_is_gone(m, &c);
    brood_proxy_destroy(sick);
    brood_manager_destroy(m);
}

// One who has come to nothing says so, and leaves nothing behind.
static void a_program_that_is_no_manager(void)
{
    brood_manager *m = NULL;
    brood_context *context = NULL;
    needs_spawn();
    ASSERT_OK(brood_context_create(
        &context, BROOD_CONTEXT(.env = (const char *const[]){"BROOD_TEST_SICK=1", NULL})));
    CU_ASSERT_EQUAL(brood_manager_start(&m, BROOD_MANAGER(.context = context)), BROOD_EWORKERLOST);
    brood_context_destroy(context);
}

static int start_one_and_wait(brood_message *args, brood_message *result)
{
    brood_manager *m = NULL;
    brood_proxy *l = NULL;
    brood_proxy *news;
    (void)result;
    int status = brood_unpack(args, "P", &news);
    if (!status)
        status = brood_manager_start(&m, NULL);
    if (!status)
        status = brood_manager_create(m, &l, "Queue", NULL);
    if (!status)
        status = brood_proxy_run(news, "put", BROOD_FOREVER, "s", brood_manager_address(m));
    return status ? status : brood_proxy_run(l, "get", BROOD_FOREVER, "");
}

static void who_started_it_is_killed(void)
{
    brood_process *p = NULL;
    brood_manager *theirs = NULL;
    brood_proxy *news = object_of("Queue", ""), *barrier;
    brood_message m = BROOD_MESSAGE_INIT;
    const char *address = "";
    waiting_call w;
    ASSERT_OK(brood_process_call(&p, start_one_and_wait, "P", news));
    ASSERT_OK(brood_proxy_ask(news, "get", &m, LONG, ""));
    ASSERT_OK(brood_unpack(&m, "s", &address));
    ASSERT_OK(brood_manager_connect(&theirs, address, NULL, 0, LONG));
    barrier = object_at(theirs, "Barrier", "i", 2);
    waiting_call_start(&w, barrier, "wait", BROOD_FOREVER);
    CU_ASSERT(await_number(barrier, "n_waiting", 1));
    ASSERT_OK(brood_process_kill(p));
    CU_ASSERT_EQUAL(waiting_call_end(&w), BROOD_ECLOSED);
    brood_process_destroy(p);
    brood_proxy_destroy(barrier);
    brood_proxy_destroy(news);
    brood_manager_destroy(theirs);
    brood_message_clear(&m);
}

/* --------------------------------------------------------------- a client dies */

// Says that it is here, calls a method that waits, and is killed there.
static int wait_for_ever(brood_message *args, brood_message *result)
{
    brood_proxy *p, *news;
    const char *method;
    (void)result;
    int status = brood_unpack(args, "PPs", &p, &news, &method);
    if (!status)
        status = brood_proxy_run(news, "put", BROOD_FOREVER, "i", 1);
    return status ? status : brood_proxy_run(p, method, BROOD_FOREVER, "");
}

static brood_process *client_of(brood_proxy *p, brood_proxy *news, const char *method)
{
    brood_process *client = NULL;
    ASSERT_OK(brood_process_call(&client, wait_for_ever, "PPs", p, news, method));
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    ASSERT_OK(brood_proxy_run(news, "get", LONG, ""));
    return client;
}

static void end_client(brood_process *client)
{
    ASSERT_OK(brood_process_kill(client));
    ASSERT_OK(brood_process_join(client, LONG));
    brood_process_destroy(client);
}

static void dies_while_it_waits(void)
{
    brood_proxy *b = object_of("Barrier", "i", 2), *news = object_of("Queue", "");
    brood_process *client = client_of(b, news, "wait");
    CU_ASSERT(await_number(b, "n_waiting", 1));
    end_client(client);
    CU_ASSERT(await_truth(b, "broken")); // it is known at once, though it said nothing
    brood_proxy_destroy(b);
    brood_proxy_destroy(news);
}

static void takes_nothing_along(void)
{
    brood_proxy *q = object_of("Queue", ""), *news = object_of("Queue", "");
    for (int32_t i = 0; i < 10; i++) {
        brood_process *client = client_of(q, news, "get");
        for (int k = 0; k < i; k++) // it comes a little further each time
            CU_ASSERT_EQUAL(number_of(q, "qsize"), 0);
        end_client(client);
        ASSERT_OK(brood_proxy_run(q, "put", 0, "i", i));
        CU_ASSERT(gives(q, "get", "i", i));
    }
    brood_proxy_destroy(q);
    brood_proxy_destroy(news);
}

// Others wait behind it in the line: the item must go on to them.
static void others_get_what_it_does_not(void)
{
    brood_proxy *q = object_of("Queue", ""), *news = object_of("Queue", "");
    brood_process *client = client_of(q, news, "get");
    waiting_call w;
    waiting_call_start(&w, q, "get", LONG);
    end_client(client);
    ASSERT_OK(brood_proxy_run(q, "put", 0, "i", 5));
    ASSERT_OK(waiting_call_end(&w));
    CU_ASSERT_EQUAL(w.number, 5);
    brood_proxy_destroy(q);
    brood_proxy_destroy(news);
}

static int hold_and_wait(brood_message *args, brood_message *result)
{
    brood_proxy *lock, *news, *never;
    (void)result;
    int status = brood_unpack(args, "PPP", &lock, &news, &never);
    if (!status)
        status = brood_proxy_run(lock, "acquire", BROOD_FOREVER, "");
    if (!status)
        status = brood_proxy_run(news, "put", BROOD_FOREVER, "i", 1);
    return status ? status : brood_proxy_run(never, "wait", BROOD_FOREVER, "");
}

static brood_process *holder_of(brood_proxy *lock, brood_proxy *never)
{
    brood_process *client = NULL;
    brood_proxy *news = object_of("Queue", "");
    ASSERT_OK(brood_process_call(&client, hold_and_wait, "PPP", lock, news, never));
    CU_ASSERT_PTR_NOT_NULL_FATAL(client);
    ASSERT_OK(brood_proxy_run(news, "get", LONG, ""));
    brood_proxy_destroy(news);
    return client;
}

static void dies_with_a_lock_in_hand(void)
{
    static const char *const kinds[] = {"Lock", "RLock", "Condition"};
    brood_proxy *never = object_of("Event", "");
    for (int k = 0; k < 3; k++) {
        brood_proxy *lock = object_of(kinds[k], "");
        end_client(holder_of(lock, never));
        CU_ASSERT_EQUAL(brood_proxy_run(lock, "acquire", LONG, ""), BROOD_EOWNERDEAD);
        ASSERT_OK(brood_proxy_run(lock, "release", 0, ""));
        ASSERT_OK(brood_proxy_run(lock, "acquire", 0, ""));
        ASSERT_OK(brood_proxy_run(lock, "release", 0, ""));
        brood_proxy_destroy(lock);
    }
    brood_proxy_destroy(never);
}

static void who_waits_for_its_lock_gets_it(void)
{
    brood_proxy *lock = object_of("RLock", ""), *never = object_of("Event", "");
    waiting_call w;
    brood_process *client = holder_of(lock, never);
    CU_ASSERT_EQUAL(brood_proxy_run(lock, "acquire", 0, ""), BROOD_ETIMEDOUT);
    waiting_call_start(&w, lock, "acquire", LONG);
    end_client(client);
    CU_ASSERT_EQUAL(waiting_call_end(&w), BROOD_EOWNERDEAD);
    CU_ASSERT(truth_of(lock, "locked"));
    brood_proxy_destroy(lock);
    brood_proxy_destroy(never);
}

// Moves items from one queue to the other, each under a lock, until it is killed.
static int move_items(brood_message *args, brood_message *result)
{
    brood_proxy *from, *to, *lock;
    brood_message item = BROOD_MESSAGE_INIT;
    (void)result;
    int status = brood_unpack(args, "PPP", &from, &to, &lock);
    while (!status) {
        status = brood_proxy_run(lock, "acquire", BROOD_FOREVER, "");
        if (!status || status == BROOD_EOWNERDEAD)
            status = brood_proxy_ask(from, "get", &item, BROOD_FOREVER, "");
        if (!status)
            status = brood_proxy_call(to, "put", &item, NULL, BROOD_FOREVER);
        if (!status)
            status = brood_proxy_run(lock, "release", 0, "");
    }
    return status;
}

// Wherever it stands at that moment: what it had in hand is lost at most, and nobody hangs.
static void dies_at_any_moment(void)
{
    enum { ITEMS = 400, KILLS = 12, EACH = ITEMS / KILLS };
    brood_proxy *from = object_of("Queue", ""), *to = object_of("Queue", "");
    brood_proxy *lock = object_of("Lock", "");
    int64_t left = ITEMS, moved = 0;
    for (int32_t i = 0; i < ITEMS; i++)
        ASSERT_OK(brood_proxy_run(from, "put", 0, "i", i));
    for (int k = 0; k < KILLS; k++) {
        brood_process *one = NULL, *two = NULL;
        ASSERT_OK(brood_process_call(&one, move_items, "PPP", from, to, lock));
        ASSERT_OK(brood_process_call(&two, move_items, "PPP", from, to, lock));
        brd_time until = test_deadline(20000);
        int64_t enough = moved + EACH / 2 + k % 7;
        while (number_of(to, "qsize") < enough && number_of(from, "qsize") > 0 &&
               brd_os_now() < until)
            ;
        end_client(one);
        end_client(two);
        int status = brood_proxy_run(lock, "acquire", LONG, "");
        CU_ASSERT(status == BROOD_OK || status == BROOD_EOWNERDEAD);
        ASSERT_OK(brood_proxy_run(lock, "release", 0, ""));
        moved = number_of(to, "qsize");
        int64_t now = number_of(from, "qsize") + moved;
        CU_ASSERT(now <= left && now >= left - 2);
        left = now;
        for (; moved > ITEMS / 2; moved--) { // they were quick: there must be something to do
            brood_message item = BROOD_MESSAGE_INIT;
            ASSERT_OK(brood_proxy_ask(to, "get", &item, 0, ""));
            ASSERT_OK(brood_proxy_call(from, "put", &item, NULL, 0));
            brood_message_clear(&item);
        }
    }
    CU_ASSERT(left >= ITEMS - 2 * KILLS);
    CU_ASSERT(moved > 0);
    brood_proxy_destroy(from);
    brood_proxy_destroy(to);
    brood_proxy_destroy(lock);
}

/* -------------------------------------------------------------- slow, and many */

static void an_answer_that_comes_too_late(void)
{
    brood_manager *m = manager_with(NULL);
    brood_proxy *sick = object_at(m, "Sick", ""), *barrier = object_at(m, "Barrier", "i", 2);
    int64_t before = brd_proxy_patience;
    brd_proxy_patience = 50;
    CU_ASSERT_EQUAL(brood_proxy_run(sick, "stall", 50, "P", barrier), BROOD_EDEADLINE);
    brd_proxy_patience = before;
    // Its turn is still on, and who waits for his own can give up.
    CU_ASSERT_EQUAL(brood_proxy_run(sick, "stall", 20, "P", barrier), BROOD_ETIMEDOUT);
    CU_ASSERT(await_number(barrier, "n_waiting", 1));
    ASSERT_OK(brood_proxy_run(barrier, "wait", LONG, ""));
    ASSERT_OK(brood_proxy_run(barrier, "parties", LONG, ""));
    brood_proxy_destroy(barrier);
    brood_proxy_destroy(sick);
    brood_manager_destroy(m);
}

// As many as promised; under Wine and sanitizers fewer.
static void many_wait_at_once(void)
{
    enum { MANY = 200, FEWER = 40 };
    static waiting_call calls[MANY];
    int count = test_ms(1) < 10 ? MANY : FEWER;
    brood_manager *m = manager_with(NULL);
    brood_proxy *b = object_at(m, "Barrier", "i", count + 1), *l = object_at(m, "list", "i", 1);
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        waiting_call_start(&calls[i], b, "wait", LONG);
    CU_ASSERT(await_number(b, "n_waiting", count));
    CU_ASSERT_EQUAL(number_of(l, "len"), 1); // nobody keeps others from being served
    ASSERT_OK(brood_proxy_run(b, "wait", LONG, ""));
    for (int i = 0; i < count; i++) {
        ASSERT_OK(waiting_call_end(&calls[i]));
        sum += calls[i].number;
    }
    CU_ASSERT_EQUAL(sum, (int64_t)count * (count - 1) / 2);
    brood_proxy_destroy(b);
    brood_proxy_destroy(l);
    brood_manager_destroy(m);
}

static const test_case cases[] = {
    TEST_CASE(the_manager_is_killed),    TEST_CASE(the_manager_is_shut_down),
    TEST_CASE(a_method_crashes),         TEST_CASE(a_program_that_is_no_manager),
    TEST_CASE(who_started_it_is_killed), TEST_CASE(dies_while_it_waits),
    TEST_CASE(takes_nothing_along),      TEST_CASE(others_get_what_it_does_not),
    TEST_CASE(dies_with_a_lock_in_hand), TEST_CASE(who_waits_for_its_lock_gets_it),
    TEST_CASE(dies_at_any_moment),       TEST_CASE(an_answer_that_comes_too_late),
    TEST_CASE(many_wait_at_once),        {0},
};

int main(int argc, char **argv)
{
    if (getenv("BROOD_TEST_SICK"))
        brd_os_exit(17);
    if (brood_manager_register(&sick_type))
        return 70;
    brood_main(&argc, &argv);
    test_warm_up = managed_open;
    return managed_close(test_main(argc, argv, "manager", cases));
}
