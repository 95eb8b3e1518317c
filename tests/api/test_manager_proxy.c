/*
 * Proxies in other processes and in each other: how they travel, what keeps an object alive,
 * and when it dies. The one thing to know: an object of the type Mortal tells its manager of
 * its birth and of its death, and "living" counts.
 */
#include "api/managed.h"

/* -------------------------------------------------------------------- mortals */

static _Atomic int living; // in the manager's process

static int mortal_create(brood_message *args, void **self)
{
    (void)args;
    *self = NULL;
    atomic_fetch_add(&living, 1);
    return 0;
}

static void mortal_destroy(void *self)
{
    (void)self;
    atomic_fetch_sub(&living, 1);
}

static int mortal_living(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "i", atomic_load(&living));
}

// A method that uses an object of its own manager, which it was given.
static int mortal_append(brood_message *args, brood_message *result)
{
    brood_proxy *list;
    int status = brood_unpack(args, "P", &list);
    if (!status)
        status = brood_proxy_run(list, "append", BROOD_FOREVER, "s", "by a method");
    if (!status)
        status = brood_pack(result, "P", list);
    brood_proxy_destroy(status ? NULL : list);
    return status;
}

static const brood_manager_method mortal_methods[] = {
    {"living", mortal_living}, {"append", mortal_append}, {NULL, NULL}};
static const brood_manager_type mortal_type = {"Mortal", mortal_create, mortal_destroy,
                                               mortal_methods};

static brood_proxy *counter; // one that lives as long as the suite

static int count_living(void)
{
    int32_t count = -1;
    ASSERT_OK(brood_proxy_run(counter, "living", LONG, "i=", &count));
    return (int)count - 1;
}

// A client that has ended is known to the manager a moment later.
static bool await_living(int count)
{
    brd_time until = test_deadline(20000);
    while (count_living() != count && brd_os_now() < until)
        moment();
    return count_living() == count;
}

/* ------------------------------------------------------ in other processes */

static int append_pid(brood_message *args, brood_message *result)
{
    brood_proxy *list;
    int32_t n;
    (void)result;
    int status = brood_unpack(args, "Pi", &list, &n);
    if (status)
        return status;
    status = brood_proxy_run(list, "append", BROOD_FOREVER, "(xi)", brood_pid(), n);
    brood_proxy_destroy(list);
    return status;
}

static void in_tasks(void)
{
    brood_pool *pool = NULL;
    brood_proxy *l = object_of("list", "");
    brood_message pair = BROOD_MESSAGE_INIT;
    brood_future *futures[8];
    bool seen[8] = {false};
    int64_t pid = 0;
    int32_t n = -1;
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2)));
    for (int32_t i = 0; i < 8; i++)
        ASSERT_OK(brood_pool_call(pool, append_pid, &futures[i], "Pi", l, i));
    for (int i = 0; i < 8; i++) {
        ASSERT_OK(brood_future_get(futures[i], LONG, NULL));
        brood_future_destroy(futures[i]);
    }
    CU_ASSERT_EQUAL(number_of(l, "len"), 8);
    for (int i = 0; i < 8; i++) {
        ASSERT_OK(brood_proxy_ask(l, "pop", &pair, 0, ""));
        ASSERT_OK(brood_unpack(&pair, "(xi)", &pid, &n));
        CU_ASSERT_NOT_EQUAL(pid, brood_pid());
        CU_ASSERT(n >= 0 && n < 8 && !seen[n]);
        seen[n % 8] = true;
    }
    brood_message_clear(&pair);
    brood_pool_destroy(pool);
    brood_proxy_destroy(l);
}

static void as_items_of_a_map(void)
{
    brood_pool *pool = NULL;
    brood_proxy *l = object_of("list", "");
    brood_message items[6];
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2)));
    for (int32_t i = 0; i < 6; i++) {
        items[i] = (brood_message)BROOD_MESSAGE_INIT;
        ASSERT_OK(brood_pack(&items[i], "Pi", l, i));
    }
    ASSERT_OK(brood_pool_starmap(pool, append_pid, items, 6, NULL, NULL));
    CU_ASSERT_EQUAL(number_of(l, "len"), 6);
    for (int i = 0; i < 6; i++)
        brood_message_clear(&items[i]);
    brood_pool_destroy(pool);
    brood_proxy_destroy(l);
}

static int make_list(brood_message *args, brood_message *result)
{
    brood_manager *m = NULL;
    brood_proxy *l = NULL;
    const char *address;
    int status = brood_unpack(args, "s", &address);
    if (!status)
        status = brood_manager_connect(&m, address, NULL, 0, BROOD_FOREVER);
    if (!status)
        status = brood_manager_create(m, &l, "list", NULL);
    if (!status)
        status = brood_proxy_run(l, "append", BROOD_FOREVER, "s", "made in a task");
    if (!status)
        status = brood_pack(result, "P", l);
    brood_proxy_destroy(l);
    brood_manager_destroy(m);
    return status;
}

// What a task made lives on its way back, although all that the worker had of it is gone.
static void as_results(void)
{
    brood_pool *pool = NULL;
    brood_message result = BROOD_MESSAGE_INIT;
    brood_proxy *l = NULL;
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1)));
    ASSERT_OK(brood_pool_run(pool, make_list, &result, "s", brood_manager_address(shared)));
    brood_pool_destroy(pool);
    ASSERT_OK(brood_unpack(&result, "P", &l));
    CU_ASSERT(gives(l, "copy", "s", "made in a task"));
    brood_message_clear(&result);
    brood_proxy_destroy(l);
}

static int answer_questions(brood_message *args, brood_message *result)
{
    brood_proxy *questions, *answers;
    int64_t n = 0;
    (void)result;
    int status = brood_unpack(args, "PP", &questions, &answers);
    if (status)
        return status;
    while (!status && !(status = brood_proxy_run(questions, "get", BROOD_FOREVER, "x=", &n)))
        status = brood_proxy_run(answers, "put", BROOD_FOREVER, "x", n + 1);
    brood_proxy_destroy(questions);
    brood_proxy_destroy(answers);
    return status == BROOD_ECLOSED ? 0 : status;
}

static void in_processes(void)
{
    brood_process *p = NULL;
    brood_proxy *questions = object_of("Queue", ""), *answers = object_of("Queue", "i", 1);
    int64_t n = 0;
    ASSERT_OK(brood_process_call(&p, answer_questions, "PP", questions, answers));
    for (int64_t i = 0; i < 20; i++) {
        ASSERT_OK(brood_proxy_run(questions, "put", LONG, "x", i));
        ASSERT_OK(brood_proxy_run(answers, "get", LONG, "x=", &n));
        CU_ASSERT_EQUAL(n, i + 1);
    }
    ASSERT_OK(brood_proxy_run(questions, "close", LONG, ""));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
    brood_proxy_destroy(questions);
    brood_proxy_destroy(answers);
}

enum { ADDS = 15 };

static int add_often(brood_message *args, brood_message *result)
{
    brood_proxy *lock, *cell, *sum;
    (void)result;
    int32_t n = 0;
    int status = brood_unpack(args, "PPP", &lock, &cell, &sum);
    for (int i = 0; !status && i < ADDS; i++) {
        status = brood_proxy_run(lock, "acquire", BROOD_FOREVER, "");
        if (!status)
            status = brood_proxy_run(cell, "get", 0, "i=", &n);
        if (!status)
            status = brood_proxy_run(cell, "set", 0, "i", n + 1);
        if (!status)
            status = brood_proxy_run(lock, "release", 0, "");
        if (!status)
            status = brood_proxy_run(sum, "add", 0, "i", 1);
    }
    return status; // the process's end lets the proxies go
}

static void locks_keep_processes_apart(void)
{
    static const char *const kinds[] = {"Lock", "RLock", "BoundedSemaphore", "Condition"};
    for (int k = 0; k < 4; k++) {
        brood_process *processes[3];
        brood_proxy *lock = object_of(kinds[k], ""), *cell = object_of("Value", "i", 0);
        brood_proxy *sum = object_of("Value", "i", 0);
        for (int i = 0; i < 3; i++)
            ASSERT_OK(brood_process_call(&processes[i], add_often, "PPP", lock, cell, sum));
        for (int i = 0; i < 3; i++) {
            ASSERT_OK(brood_process_join(processes[i], LONG));
            CU_ASSERT_EQUAL(brood_process_exit(processes[i]).python, 0);
            brood_process_destroy(processes[i]);
        }
        CU_ASSERT(gives(cell, "get", "i", 3 * ADDS));
        CU_ASSERT(gives(sum, "get", "i", 3 * ADDS));
        brood_proxy_destroy(lock);
        brood_proxy_destroy(cell);
        brood_proxy_destroy(sum);
    }
}

static brood_proxy *inherited;

static int use_inherited(brood_message *args, brood_message *result)
{
    brood_proxy *own;
    (void)result;
    if (brood_proxy_run(inherited, "append", 0, "i", 1) != BROOD_EINVAL)
        return 3;
    brood_proxy_destroy(inherited); // is the parent's, and stays
    int status = brood_unpack(args, "P", &own);
    if (!status)
        status = brood_proxy_run(own, "append", BROOD_FOREVER, "i", 2);
    return status;
}

static void a_copy_of_the_process_has_its_own(void)
{
    brood_process *p = NULL;
    inherited = object_of("list", "");
    ASSERT_OK(brood_process_call(&p, use_inherited, "P", inherited));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
    CU_ASSERT(gives(inherited, "copy", "i", 2));
    brood_proxy_destroy(inherited);
    inherited = NULL;
}

static void through_a_pipe(void)
{
    brood_pipe *one = NULL, *other = NULL;
    brood_message m = BROOD_MESSAGE_INIT;
    brood_proxy *l = object_of("list", "i", 1), *same = NULL;
    ASSERT_OK(brood_pipe_create(&one, &other, NULL));
    ASSERT_OK(brood_pack(&m, "P", l));
    ASSERT_OK(brood_pipe_send(one, &m, LONG));
    ASSERT_OK(brood_pipe_recv(other, &m, LONG));
    ASSERT_OK(brood_unpack(&m, "P", &same));
    CU_ASSERT_EQUAL(brood_proxy_id(same), brood_proxy_id(l));
    CU_ASSERT(gives(same, "copy", "i", 1));
    brood_proxy_destroy(l);
    CU_ASSERT(gives(same, "copy", "i", 1));
    brood_proxy_destroy(same);
    brood_message_clear(&m);
    brood_pipe_destroy(one);
    brood_pipe_destroy(other);
}

/* ----------------------------------------------------------------- in each other */

static void nested(void)
{
    brood_proxy *d = object_of("dict", ""), *l = object_of("list", "i", 1), *back = NULL;
    brood_proxy *q = object_of("Queue", "");
    ASSERT_OK(brood_proxy_run(d, "setitem", 0, "sP", "list", l));
    ASSERT_OK(brood_proxy_run(l, "append", 0, "(Ps)", q, "deep"));
    ASSERT_OK(brood_proxy_run(q, "put", 0, "{P}", "dict", d));
    brood_proxy_destroy(l);
    brood_proxy_destroy(q);
    ASSERT_OK(brood_proxy_run(d, "getitem", 0, "P=s", &back, "list"));
    CU_ASSERT_STRING_EQUAL(brood_proxy_type(back), "list");
    brood_message item = BROOD_MESSAGE_INIT, inside = BROOD_MESSAGE_INIT;
    const char *deep = "";
    ASSERT_OK(brood_proxy_ask(back, "getitem", &item, 0, "i", 1));
    ASSERT_OK(brood_unpack(&item, "(Ps)", &q, &deep));
    CU_ASSERT_STRING_EQUAL(deep, "deep");
    ASSERT_OK(brood_proxy_ask(q, "get", &inside, 0, ""));
    brood_proxy *again = NULL;
    ASSERT_OK(brood_unpack_key(&inside, "dict", "P", &again));
    CU_ASSERT_EQUAL(brood_proxy_id(again), brood_proxy_id(d));
    brood_message_clear(&item);
    brood_message_clear(&inside);
    brood_proxy_destroy(again);
    brood_proxy_destroy(q);
    brood_proxy_destroy(back);
    brood_proxy_destroy(d);
}

static void are_found_in_containers(void)
{
    brood_proxy *a = object_of("list", ""), *b = object_of("list", "");
    brood_proxy *s = object_of("set", "PP", a, a);
    int there = -1;
    CU_ASSERT_EQUAL(number_of(s, "len"), 1);
    ASSERT_OK(brood_proxy_run(s, "contains", 0, "b=P", &there, a));
    CU_ASSERT_EQUAL(there, 1);
    ASSERT_OK(brood_proxy_run(s, "contains", 0, "b=P", &there, b));
    CU_ASSERT_EQUAL(there, 0);
    brood_proxy_destroy(a);
    brood_proxy_destroy(b);
    brood_proxy_destroy(s);
}

static void methods_use_proxies(void)
{
    brood_proxy *l = object_of("list", ""), *back = NULL;
    ASSERT_OK(brood_proxy_run(counter, "append", LONG, "P=P", &back, l));
    CU_ASSERT_EQUAL(brood_proxy_id(back), brood_proxy_id(l));
    CU_ASSERT(gives(back, "copy", "s", "by a method"));
    brood_proxy_destroy(l);
    brood_proxy_destroy(back);
}

static void those_of_another_manager_are_not_values(void)
{
    brood_manager *other = manager_with(NULL);
    brood_proxy *theirs = NULL, *ours = object_of("list", "");
    ASSERT_OK(brood_manager_create(other, &theirs, "list", NULL));
    CU_ASSERT_EQUAL(brood_proxy_run(ours, "append", 0, "P", theirs), BROOD_ENOTSUP);
    CU_ASSERT_EQUAL(brood_proxy_run(ours, "append", 0, "(PP)", ours, theirs), BROOD_ENOTSUP);
    CU_ASSERT_EQUAL(no_object_of("set", "PP", ours, theirs), BROOD_ENOTSUP);
    CU_ASSERT_EQUAL(number_of(ours, "len"), 0);
    CU_ASSERT_EQUAL(brood_manager_publish(shared, "theirs", theirs), BROOD_EINVAL);
    brood_proxy_destroy(theirs);
    brood_proxy_destroy(ours);
    brood_manager_destroy(other);
}

/* --------------------------------------------------------------------- references */

static void dies_with_its_last_reference(void)
{
    brood_proxy *m = object_of("Mortal", ""), *same = NULL, *l = object_of("list", "");
    brood_message message = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(count_living(), 1);
    ASSERT_OK(brood_pack(&message, "P", m));
    brood_proxy_destroy(m);
    CU_ASSERT_EQUAL(count_living(), 1); // it is on its way
    ASSERT_OK(brood_unpack(&message, "P", &same));
    brood_message_rewind(&message);
    ASSERT_OK(brood_unpack(&message, "P", &m)); // once more: somebody has it
    brood_proxy_destroy(m);
    ASSERT_OK(brood_proxy_run(l, "append", 0, "P", same));
    brood_proxy_destroy(same);
    CU_ASSERT_EQUAL(count_living(), 1); // the list has it
    ASSERT_OK(brood_proxy_run(l, "getitem", 0, "P=i", &m, 0));
    ASSERT_OK(brood_proxy_run(l, "clear", 0, ""));
    CU_ASSERT_EQUAL(count_living(), 1);
    brood_proxy_destroy(m);
    CU_ASSERT_EQUAL(count_living(), 0);
    brood_message_rewind(&message);
    CU_ASSERT_EQUAL(brood_unpack(&message, "P", &m), BROOD_EINVAL); // too late
    brood_message_clear(&message);
    brood_proxy_destroy(l);
}

static void each_container_lets_go(void)
{
    static const char *const types[] = {"list", "set", "Queue", "dict", "Value"};
    for (int i = 0; i < 5; i++) {
        brood_proxy *m = object_of("Mortal", ""), *c = NULL;
        if (i == 4)
            c = object_of("Value", "P", m);
        else
            c = object_of(types[i], "");
        if (i < 3)
            ASSERT_OK(brood_proxy_run(c, i == 0 ? "append" : i == 1 ? "add" : "put", 0, "P", m));
        if (i == 3)
            ASSERT_OK(brood_proxy_run(c, "setitem", 0, "PP", m, m));
        brood_proxy_destroy(m);
        CU_ASSERT_EQUAL(count_living(), 1);
        brood_proxy_destroy(c);
        CU_ASSERT_EQUAL(count_living(), 0);
    }
}

static int keep_and_end(brood_message *args, brood_message *result)
{
    brood_proxy *mortal;
    (void)result;
    return brood_unpack(args, "P", &mortal); // and the process ends with it in hand
}

static void dies_with_its_process(void)
{
    brood_process *p = NULL;
    brood_proxy *m = object_of("Mortal", "");
    ASSERT_OK(brood_process_call(&p, keep_and_end, "P", m));
    brood_proxy_destroy(m);
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
    CU_ASSERT(await_living(0));
}

static void names(void)
{
    brood_proxy *m = object_of("Mortal", ""), *found = NULL;
    ASSERT_OK(brood_manager_publish(shared, "one", m));
    brood_proxy_destroy(m);
    CU_ASSERT_EQUAL(count_living(), 1);
    ASSERT_OK(brood_manager_find(shared, &found, "one"));
    CU_ASSERT_STRING_EQUAL(brood_proxy_type(found), "Mortal");
    CU_ASSERT_EQUAL(brood_manager_find(shared, &m, "two"), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_find(shared, &m, ""), BROOD_EINVAL);
    m = object_of("list", "");
    ASSERT_OK(brood_manager_publish(shared, "one", m));
    CU_ASSERT_EQUAL(count_living(), 1);
    brood_proxy_destroy(found);
    CU_ASSERT_EQUAL(count_living(), 0);
    ASSERT_OK(brood_manager_publish(shared, "one", NULL));
    CU_ASSERT_EQUAL(brood_manager_find(shared, &found, "one"), BROOD_EINVAL);
    brood_proxy_destroy(m);
}

/* ------------------------------------------------------------- another program */

static const char the_key[] = "a key of more than sixteen bytes";

static int visit(brood_message *args, brood_message *result)
{
    brood_manager *m = NULL;
    brood_proxy *jobs = NULL;
    const char *address;
    (void)result;
    int status = brood_unpack(args, "s", &address);
    if (status)
        return status;
    if (brood_manager_connect(&m, address, "another key that is long enough", 31, 10000) !=
        BROOD_EAUTH)
        return 3;
    status = brood_manager_connect(&m, address, the_key, sizeof the_key, 10000);
    if (!status)
        status = brood_manager_find(m, &jobs, "jobs");
    if (!status && brood_manager_shutdown(m) != BROOD_EINVAL)
        status = 4;
    if (!status)
        status = brood_proxy_run(jobs, "put", BROOD_FOREVER, "s", "from elsewhere");
    brood_proxy_destroy(jobs);
    brood_manager_destroy(m);
    return status;
}

static void over_an_address_with_a_key(void)
{
    brood_process *p = NULL;
    brood_proxy *jobs = NULL;
    brood_manager *m =
        manager_with(BROOD_MANAGER(.address = "tcp:", .key = the_key, .key_size = sizeof the_key));
    CU_ASSERT_EQUAL(strncmp(brood_manager_address(m), "tcp:127.0.0.1:", 14), 0);
    ASSERT_OK(brood_manager_create(m, &jobs, "Queue", NULL));
    ASSERT_OK(brood_manager_publish(m, "jobs", jobs));
    ASSERT_OK(brood_process_call(&p, visit, "s", brood_manager_address(m)));
    CU_ASSERT(gives(jobs, "get", "s", "from elsewhere"));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
    brood_proxy_destroy(jobs);
    brood_manager_destroy(m);
}

static void addresses_are_refused(void)
{
    char address[64]; // the same suite may run beside this one
    brood_manager *m = NULL, *first = NULL;
    brood_listener *l = NULL;
    CU_ASSERT_EQUAL(brood_manager_start(&m, BROOD_MANAGER(.address = "tcp:")), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_start(&m, BROOD_MANAGER(.address = "nowhere")), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_start(&m, BROOD_MANAGER(.clients = 100001)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_start(&m, BROOD_MANAGER(.limit = 100)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(
        brood_manager_start(&m, BROOD_MANAGER(.address = "tcp:", .key = "short", .key_size = 5)),
        BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_manager_start(NULL, NULL), BROOD_EINVAL);
    (void)snprintf(address, sizeof address, "local:managed-%lld", (long long)brd_os_pid());
    ASSERT_OK(brood_manager_start(&first, BROOD_MANAGER(.address = address)));
    CU_ASSERT_EQUAL(brood_manager_start(&m, BROOD_MANAGER(.address = address)), BROOD_EBUSY);
    ASSERT_OK(brood_manager_connect(&m, address, NULL, 0, LONG));
    brood_manager_destroy(m);
    brood_manager_destroy(first);
    CU_ASSERT_EQUAL(brood_manager_connect(&m, address, NULL, 0, LONG), BROOD_ECLOSED);
    ASSERT_OK(brood_listener_create(&l, address, NULL));
    CU_ASSERT_EQUAL(brood_manager_connect(&m, address, NULL, 0, 200),
                    BROOD_ETIMEDOUT); // a listener, and no manager
    brood_listener_destroy(l);
}

static const test_case cases[] = {
    TEST_CASE(in_tasks),
    TEST_CASE(as_items_of_a_map),
    TEST_CASE(as_results),
    TEST_CASE(in_processes),
    TEST_CASE(locks_keep_processes_apart),
    TEST_CASE(a_copy_of_the_process_has_its_own),
    TEST_CASE(through_a_pipe),
    TEST_CASE(nested),
    TEST_CASE(are_found_in_containers),
    TEST_CASE(methods_use_proxies),
    TEST_CASE(those_of_another_manager_are_not_values),
    TEST_CASE(dies_with_its_last_reference),
    TEST_CASE(each_container_lets_go),
    TEST_CASE(dies_with_its_process),
    TEST_CASE(names),
    TEST_CASE(over_an_address_with_a_key),
    TEST_CASE(addresses_are_refused),
    {0},
};

static void warm_up(void)
{
    managed_open_tcp();
    if (brood_manager_create(shared, &counter, "Mortal", NULL))
        exit(70);
}

int main(int argc, char **argv)
{
    if (brood_manager_register(&mortal_type))
        return 70;
    brood_main(&argc, &argv);
    test_warm_up = warm_up;
    int code = test_main(argc, argv, "manager_proxy", cases);
    brood_proxy_destroy(counter);
    return managed_close(code);
}
