/*
 * Single processes: one function in one child. Run on every system from this one source.
 * The one thing to know: a process has no result, so what it does is seen in files.
 */
#include "api/pools.h"
#include "fault/acts.h"
#include <brood/process.h>

#define LONG test_ms(60000)

static brood_process *started(brood_function *function, const brood_message *args)
{
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&p, function, args, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_start(p), BROOD_OK);
    return p;
}

static brood_process *at_gate(const gate *g, int32_t index)
{
    brood_message args = BROOD_MESSAGE_INIT;
    gate_pack(g, index, &args);
    brood_process *p = started(gate_pass, &args);
    brood_message_clear(&args);
    CU_ASSERT(gate_await(g, index));
    return p;
}

/* ------------------------------------------------------------------- a life */

static void lives_once(void)
{
    gate g;
    gate_make(&g);
    brood_process *p = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_pack(&g, 0, &args);
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&p, gate_pass, &args, BROOD_PROCESS(.name = "one")),
                          BROOD_OK);
    brood_message_clear(&args);
    CU_ASSERT_STRING_EQUAL(brood_process_name(p), "one");
    CU_ASSERT_EQUAL(brood_process_pid(p), 0);
    CU_ASSERT_EQUAL(brood_process_is_alive(p), 0);
    CU_ASSERT_EQUAL(brood_process_join(p, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_process_kill(p), BROOD_OK); // nothing is there yet
    CU_ASSERT_EQUAL(brood_process_start(p), BROOD_OK);
    CU_ASSERT_EQUAL(brood_process_start(p), BROOD_EBUSY);
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_EQUAL(brood_process_is_alive(p), 1);
    CU_ASSERT(brood_process_pid(p) > 0 && brood_process_pid(p) != brood_pid());
    CU_ASSERT_EQUAL(brood_process_exit(p).kind, BROOD_EXIT_NONE);
    CU_ASSERT_EQUAL(brood_process_join(p, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_process_join(p, 20), BROOD_ETIMEDOUT);
    gate_open(&g);
    CU_ASSERT_EQUAL(brood_process_join(p, LONG), BROOD_OK);
    CU_ASSERT_EQUAL(brood_process_join(p, 0), BROOD_OK); // and again
    CU_ASSERT_EQUAL(brood_process_is_alive(p), 0);
    brood_exit end = brood_process_exit(p);
    CU_ASSERT(end.kind == BROOD_EXIT_CODE && end.code == 0 && end.python == 0);
    CU_ASSERT_EQUAL(brood_process_start(p), BROOD_EBUSY);
    CU_ASSERT_EQUAL(brood_process_terminate(p), BROOD_OK);
    brood_process_destroy(p);
    gate_remove(&g, 1);
}

static void refuses_nonsense(void)
{
    char name[200];
    brood_process *p = NULL;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CU_ASSERT_EQUAL(brood_process_create(NULL, own_pid, NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_process_create(&p, NULL, NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_process_create(&p, own_pid, NULL, BROOD_PROCESS(.name = name)),
                    BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_process_create(&p, own_pid, NULL, BROOD_PROCESS(.grace = -1)),
                    BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(p);
    brood_process_destroy(NULL);
    CU_ASSERT_EQUAL(brood_process_start(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_process_join(NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_process_is_alive(NULL), 0);
}

/* ---------------------------------------------------------------- its end */

static int ends_as_told(brood_message *args, brood_message *result)
{
    int32_t how;
    (void)result;
    if (brood_unpack(args, "i", &how))
        return 99;
    if (how == -1)
        abort();
    if (how == -2)
        act_kill_self();
    if (how == -3)
        return brood_fail("this one fails as it should");
    if (how == -4)
        return 256;
    if (how >= 100)
        exit(how - 100);
    return how;
}

static brood_exit end_of(int32_t how)
{
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "i", how));
    brood_process *p = started(ends_as_told, &args);
    brood_message_clear(&args);
    ASSERT_OK(brood_process_join(p, LONG));
    brood_exit end = brood_process_exit(p);
    brood_process_destroy(p);
    return end;
}

static void tells_how_it_ended(void)
{
    static const struct {
        int32_t how, code;
    } codes[] = {{0, 0}, {7, 7}, {100, 0}, {103, 3}, {-3, 1}, {-4, 1}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        brood_exit end = end_of(codes[i].how);
        CU_ASSERT_EQUAL(end.kind, BROOD_EXIT_CODE);
        CU_ASSERT_EQUAL(end.code, codes[i].code);
        CU_ASSERT_EQUAL(end.python, codes[i].code);
    }
    for (int i = 0; i < 2; i++) {
        brd_exit expected = act_exit(i ? ACT_KILL : ACT_ABORT);
        brood_exit end = end_of(i ? -2 : -1);
        CU_ASSERT_EQUAL(end.kind, expected.kind);
        CU_ASSERT_EQUAL(end.code, expected.code);
        if (end.kind == BROOD_EXIT_SIGNAL)
            CU_ASSERT_EQUAL(end.python, -(int)end.code);
    }
}

static void is_terminated_and_killed(void)
{
    for (int32_t i = 0; i < 2; i++) {
        gate g;
        gate_make(&g);
        brood_process *p = at_gate(&g, i);
        ASSERT_OK(i ? brood_process_kill(p) : brood_process_terminate(p));
        ASSERT_OK(brood_process_join(p, LONG));
        brood_exit end = brood_process_exit(p);
        CU_ASSERT(end.kind == BROOD_EXIT_SIGNAL || end.kind == BROOD_EXIT_CODE);
        CU_ASSERT_NOT_EQUAL(end.code, 0);
        brood_process_destroy(p);
        gate_remove(&g, 2);
    }
}

static int is_deaf(brood_message *args, brood_message *result)
{
    act_block_signals();
    return gate_pass(args, result);
}

static void destroy_ends_a_deaf_one(void)
{
    gate g;
    act_watch watch;
    brood_process *p = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&p, is_deaf, &args, BROOD_PROCESS(.grace = 50)), 0);
    ASSERT_OK(brood_process_start(p));
    CU_ASSERT(gate_await(&g, 0));
    CU_ASSERT_FATAL(act_watch_open(&watch, brood_process_pid(p)));
    brood_process_destroy(p);
    CU_ASSERT(act_watch_gone(&watch, test_deadline(20000)));
    act_watch_close(&watch);
    brood_message_clear(&args);
    gate_remove(&g, 1);
}

/* ----------------------------------------------------------------- threads */

static void join_it(void *baton)
{
    CU_ASSERT_EQUAL(brood_process_join(baton, BROOD_FOREVER), BROOD_OK);
}

static void many_threads_join(void)
{
    enum { THREADS = 4 };
    brd_thread threads[THREADS];
    gate g;
    gate_make(&g);
    brood_process *p = at_gate(&g, 0);
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], join_it, p), 0);
    CU_ASSERT_EQUAL(brood_process_join(p, 20), BROOD_ETIMEDOUT); // one of them watches
    gate_open(&g);
    for (int i = 0; i < THREADS; i++)
        brd_os_thread_join(&threads[i]);
    CU_ASSERT_EQUAL(brood_process_is_alive(p), 0);
    brood_process_destroy(p);
    gate_remove(&g, 1);
}

static void start_it(void *baton)
{
    CU_ASSERT_EQUAL(brood_process_start(baton), BROOD_OK);
}

static void outlives_the_thread_that_started_it(void)
{
    gate g;
    brd_thread thread;
    brood_process *p = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate_make(&g);
    gate_pack(&g, 0, &args);
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&p, gate_pass, &args, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, start_it, p), 0);
    brd_os_thread_join(&thread);
    CU_ASSERT(gate_await(&g, 0));
    gate_open(&g);
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT(brood_process_exit(p).kind == BROOD_EXIT_CODE && brood_process_exit(p).code == 0);
    brood_process_destroy(p);
    brood_message_clear(&args);
    gate_remove(&g, 1);
}

/* -------------------------------------------------------- arguments and self */

static int wants_a_pattern(brood_message *args, brood_message *result)
{
    size_t size;
    (void)result;
    const unsigned char *bytes = brood_message_bytes(args, &size);
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)(i * 7))
            return 1;
    return (int)(size % 251);
}

static void takes_arguments_of_every_size(void)
{
    static const size_t sizes[] = {0, 1, 1000, 100000, 5000000};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        brood_message args = BROOD_MESSAGE_INIT;
        unsigned char *bytes = brood_message_reserve(&args, sizes[k]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
        for (size_t i = 0; i < sizes[k]; i++)
            bytes[i] = (unsigned char)(i * 7);
        brood_process *p = started(wants_a_pattern, &args);
        brood_message_clear(&args);
        ASSERT_OK(brood_process_join(p, LONG));
        CU_ASSERT_EQUAL(brood_process_exit(p).code, (int64_t)(sizes[k] % 251));
        brood_process_destroy(p);
    }
}

/** Also has a process of its own, which knows itself too. */
static int knows_itself(brood_message *args, brood_message *result)
{
    brood_self self = brood_current_process();
    brood_message own = BROOD_MESSAGE_INIT;
    brood_process *p = NULL;
    const char *name;
    int64_t parent;
    int32_t depth;
    (void)result;
    if (brood_unpack(args, "sxi", &name, &parent, &depth))
        return 2;
    if (strcmp(self.name, name) != 0 || self.parent != parent || self.depth != (uint32_t)depth ||
        self.pid != brood_pid())
        return 3;
    if (depth == 2)
        return 0;
    if (brood_pack(&own, "sxi", "second", self.pid, depth + 1) ||
        brood_process_create(&p, knows_itself, &own, BROOD_PROCESS(.name = "second")) ||
        brood_process_start(p) || brood_process_join(p, BROOD_FOREVER))
        return 4;
    int code = (int)brood_process_exit(p).code;
    brood_process_destroy(p);
    brood_message_clear(&own);
    return code;
}

static void each_knows_itself(void)
{
    brood_message args = BROOD_MESSAGE_INIT;
    brood_process *p = NULL;
    brood_self self = brood_current_process();
    CU_ASSERT_STRING_EQUAL(self.name, "main");
    CU_ASSERT(self.pid == brood_pid() && self.parent == 0 && self.depth == 0);
    ASSERT_OK(brood_pack(&args, "sxi", "first", brood_pid(), 1));
    ASSERT_OK(brood_process_create(&p, knows_itself, &args, BROOD_PROCESS(.name = "first")));
    ASSERT_OK(brood_process_start(p));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 0);
    brood_process_destroy(p);
    brood_message_clear(&args);
}

static int has_a_pool(brood_message *args, brood_message *result)
{
    brood_pool *pool = NULL;
    int64_t value = 0;
    (void)args;
    if (brood_pool_create(&pool, BROOD_POOL(.processes = 2)))
        return 1;
    brood_message in = BROOD_MESSAGE_INIT;
    int status = brood_pack(&in, "i", 9);
    if (!status)
        status = brood_pool_apply(pool, square, &in, result);
    if (!status)
        status = brood_unpack(result, "x", &value);
    brood_message_clear(&in);
    brood_pool_destroy(pool);
    return status || value != 81;
}

static void may_have_a_pool(void)
{
    brood_process *p = started(has_a_pool, NULL);
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 0);
    brood_process_destroy(p);
}

static void is_called_with_packed_arguments(void)
{
    brood_process *p = NULL;
    ASSERT_OK(brood_process_call(&p, ends_as_told, "i", 9));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 9);
    brood_process_destroy(p);
    p = NULL;
    CU_ASSERT_EQUAL(brood_process_call(NULL, ends_as_told, "i", 9), BROOD_EINVAL);
    CU_ASSERT_NOT_EQUAL(brood_process_call(&p, ends_as_told, "?", 9), BROOD_OK);
    CU_ASSERT_PTR_NULL(p);
}

static void many_at_once(void)
{
    enum { MANY = 12 };
    brood_process *all[MANY];
    gate g;
    gate_make(&g);
    for (int32_t i = 0; i < MANY; i++)
        all[i] = at_gate(&g, i);
    gate_open(&g);
    for (int i = 0; i < MANY; i++) {
        ASSERT_OK(brood_process_join(all[i], LONG));
        CU_ASSERT_EQUAL(brood_process_exit(all[i]).code, 0);
        brood_process_destroy(all[i]);
    }
    gate_remove(&g, MANY);
}

/* ---------------------------------------------------------- asked to end, listed */

/** Passes the gate, and then leaves another file. */
static int passes_and_tells(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    int status = gate_pass(args, result);
    brood_message_rewind(args);
    if (status || brood_unpack(args, "si", &path, &index))
        return 1;
    gate_name(name, sizeof name, path, index + 10);
    file_touch(name);
    return 0;
}

static int runs_until_interrupted(brood_message *args, brood_message *result)
{
    char name[1100];
    const char *path;
    int32_t index;
    (void)result;
    if (brood_unpack(args, "si", &path, &index))
        return 1;
    gate_name(name, sizeof name, path, index);
    file_touch(name);
    brd_time until = test_deadline(60000);
    while (!brood_cancelled() && brd_os_now() < until)
        moment();
    return brood_cancelled() ? 23 : 24;
}

static void is_interrupted(void)
{
    gate g;
    gate_make(&g);
    brood_process *p = NULL, *other = NULL;
    ASSERT_OK(brood_process_call(&p, runs_until_interrupted, "si", g.path, 0));
    ASSERT_OK(brood_process_call(&other, runs_until_interrupted, "si", g.path, 1));
    CU_ASSERT(gate_await(&g, 0) && gate_await(&g, 1));
    CU_ASSERT_EQUAL(brood_process_join(p, 20), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_process_interrupt(p));
    ASSERT_OK(brood_process_join(p, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(p).code, 23);
    CU_ASSERT_EQUAL(brood_process_is_alive(other), 1); // nobody asked that one
    ASSERT_OK(brood_process_interrupt(p));             // it has ended
    CU_ASSERT_EQUAL(brood_process_interrupt(NULL), BROOD_EINVAL);
    brood_process_destroy(p);
    ASSERT_OK(brood_process_interrupt(other));
    ASSERT_OK(brood_process_join(other, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(other).code, 23);
    brood_process_destroy(other);
    gate_remove(&g, 2);
}

static bool is_active(brood_process *p)
{
    brood_process *all[8] = {NULL};
    size_t count = brood_active_children(all, 8);
    for (size_t i = 0; i < count && i < 8; i++)
        if (all[i] == p)
            return true;
    return false;
}

static int tell_children(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return (int)brood_active_children(NULL, 0) + 40;
}

static void active_ones_are_listed(void)
{
    gate g;
    gate_make(&g);
    brood_process *made = NULL, *asked = NULL;
    CU_ASSERT_EQUAL(brood_active_children(NULL, 0), 0);
    ASSERT_OK(brood_process_create(&made, gate_pass, NULL, NULL));
    CU_ASSERT(!is_active(made));
    brood_process *first = at_gate(&g, 0), *second = at_gate(&g, 1);
    CU_ASSERT_EQUAL(brood_active_children(NULL, 0), 2);
    CU_ASSERT(is_active(first) && is_active(second));
    ASSERT_OK(brood_process_call(&asked, tell_children, "")); // a child has none of ours
    ASSERT_OK(brood_process_join(asked, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(asked).code, 40);
    ASSERT_OK(brood_process_kill(first));
    ASSERT_OK(brood_process_join(first, LONG));
    CU_ASSERT(!is_active(first) && is_active(second) && !is_active(asked));
    brood_process_destroy(first);
    gate_open(&g);
    ASSERT_OK(brood_process_join(second, LONG));
    CU_ASSERT_EQUAL(brood_active_children(NULL, 0), 0);
    brood_process_destroy(second);
    brood_process_destroy(asked);
    brood_process_destroy(made);
    gate_remove(&g, 2);
}

/** argv: a gate that is opened, and whether the program's exit is to wait for those at it. */
static int child_exits(int argc, char **argv)
{
    gate g = {0};
    TEST_CHILD_CHECK(argc == 2);
    snprintf(g.path, sizeof g.path, "%s", argv[0]);
    for (int32_t i = 0; i < 2; i++) {
        brood_process *p = NULL;
        brood_message args = BROOD_MESSAGE_INIT;
        TEST_CHILD_CHECK(brood_pack(&args, "si", g.path, i) == BROOD_OK);
        TEST_CHILD_CHECK(
            brood_process_create(&p, passes_and_tells, &args,
                                 BROOD_PROCESS(.at_exit = argv[1][0] == 'w' ? BROOD_AT_EXIT_WAIT
                                                                            : BROOD_AT_EXIT_END)) ==
            BROOD_OK);
        TEST_CHILD_CHECK(brood_process_start(p) == BROOD_OK);
        TEST_CHILD_CHECK(gate_await(&g, i));
        brood_message_clear(&args);
    }
    return 5; // with both at the gate, and nobody who destroys them
}

static bool has_passed(const gate *g, int32_t index)
{
    char name[1100];
    gate_name(name, sizeof name, g->path, index + 10);
    return file_exists(name);
}

static void exit_waits_for_those_that_say_so(void)
{
    gate g;
    gate_make(&g);
    brd_proc p = {0};
    brd_exit ended;
    const test_start waits = {.child = "exits", .args = {g.path, "waits"}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &waits), 0);
    CU_ASSERT(gate_await(&g, 0) && gate_await(&g, 1));
    CU_ASSERT_EQUAL(brd_os_proc_wait(&p, brd_os_now() + 50 * BRD_MS, &ended), BROOD_ETIMEDOUT);
    gate_open(&g);
    CU_ASSERT_EQUAL(test_end(&p), 5);
    CU_ASSERT(has_passed(&g, 0) && has_passed(&g, 1));
    gate_remove(&g, 20);
    gate_make(&g);
    const test_start ends = {.child = "exits", .args = {g.path, "ends"}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &ends), 0);
    CU_ASSERT_EQUAL(test_end(&p), 5); // although the gate is closed
    CU_ASSERT(!has_passed(&g, 0) && !has_passed(&g, 1));
    gate_open(&g);
    gate_remove(&g, 20);
}

/** "si": a process that outlasts this task. */
static int starts_one(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t index;
    brood_process *p = NULL;
    int status = brood_unpack(args, "si", &path, &index);
    if (!status)
        status = brood_process_create(&p, passes_and_tells, args,
                                      BROOD_PROCESS(.at_exit = BROOD_AT_EXIT_WAIT));
    if (!status)
        status = brood_process_start(p);
    return status ? status : brood_pack(result, "x", brood_process_pid(p));
}

// A worker that is told to end is the program of those that it has started.
static void a_worker_waits_for_those_that_say_so(void)
{
    gate g;
    gate_make(&g);
    brood_pool *pool = pool_of(1);
    ASSERT_OK(brood_pool_run(pool, starts_one, NULL, "si", g.path, 0));
    CU_ASSERT(gate_await(&g, 0));
    ASSERT_OK(brood_pool_close(pool));
    CU_ASSERT_EQUAL(brood_pool_join(pool, 50), BROOD_ETIMEDOUT);
    gate_open(&g);
    ASSERT_OK(brood_pool_join(pool, LONG));
    CU_ASSERT(has_passed(&g, 0));
    brood_pool_destroy(pool);
    gate_remove(&g, 20);
}

static const test_case cases[] = {
    TEST_CASE(lives_once),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(tells_how_it_ended),
    TEST_CASE(is_terminated_and_killed),
    TEST_CASE(destroy_ends_a_deaf_one),
    TEST_CASE(many_threads_join),
    TEST_CASE(outlives_the_thread_that_started_it),
    TEST_CASE(takes_arguments_of_every_size),
    TEST_CASE(each_knows_itself),
    TEST_CASE(may_have_a_pool),
    TEST_CASE(is_called_with_packed_arguments),
    TEST_CASE(many_at_once),
    TEST_CASE(is_interrupted),
    TEST_CASE(active_ones_are_listed),
    TEST_CASE(exit_waits_for_those_that_say_so),
    TEST_CASE(a_worker_waits_for_those_that_say_so),
    TEST_CHILD("exits", child_exits),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "process", cases);
}
