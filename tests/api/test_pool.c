/*
 * A pool's life and its apply, as its face promises them. Run on every system from this
 * one source. The one thing to know: the program is its own worker, so the functions that
 * run there stand beside the tests.
 */
#include "api/pools.h"

/* ------------------------------------------------------------------- apply */

static void applies(void)
{
    brood_pool *pool = pool_of(2);
    for (int32_t n = -5; n < 20; n++)
        CU_ASSERT_EQUAL(apply_number(pool, square, n), (int64_t)n * n);
    pool_end(pool);
}

static void packs_arguments_by_itself(void)
{
    brood_pool *pool = pool_of(1);
    brood_message result = BROOD_MESSAGE_INIT;
    int64_t square_of = 0;
    for (int32_t i = -2; i < 3; i++) {
        ASSERT_OK(brood_pool_run(pool, square, &result, "i", i)); // one message for all
        ASSERT_OK(brood_unpack(&result, "x", &square_of));
        CU_ASSERT_EQUAL(square_of, i * i);
    }
    ASSERT_OK(brood_pool_run(pool, own_pid, NULL, ""));
    CU_ASSERT_EQUAL(brood_pool_run(pool, square, &result, "s", "text"), BROOD_ETASK);
    CU_ASSERT_EQUAL(brood_unpack(&result, "x", &square_of), BROOD_ETASK);
    CU_ASSERT_EQUAL(brood_pool_run(pool, square, &result, "i(", 1), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_unpack(&result, "x", &square_of), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_run(pool, square, &result, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_run(pool, NULL, &result, "i", 1), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_run(NULL, square, &result, "i", 1), BROOD_EINVAL);
    brood_message_clear(&result);
    pool_end(pool);
}

static void takes_no_arguments_and_no_result(void)
{
    brood_pool *pool = pool_of(1);
    brood_message result = BROOD_MESSAGE_INIT;
    size_t size = 77;
    ASSERT_OK(brood_pool_apply(pool, echo, NULL, NULL));
    ASSERT_OK(brood_pool_apply(pool, echo, NULL, &result));
    (void)brood_message_bytes(&result, &size);
    CU_ASSERT_EQUAL(size, 0);
    ASSERT_OK(brood_pool_apply(pool, own_pid, NULL, NULL));
    CU_ASSERT_EQUAL(brood_pool_apply(pool, square, NULL, NULL), BROOD_ETASK);
    brood_message_clear(&result);
    pool_end(pool);
}

static int returns_seven(brood_message *args, brood_message *result)
{
    (void)args;
    (void)brood_pack(result, "s", "nobody shall see this");
    return 7;
}

static int fails_with_text(brood_message *args, brood_message *result)
{
    const char *path;
    int status = brood_unpack(args, "s", &path);
    (void)result;
    return status ? status : brood_fail("cannot open %s: %d", path, 42);
}

static int64_t pid_of(brood_pool *pool)
{
    int64_t pid = 0;
    brood_message result = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pool_apply(pool, own_pid, NULL, &result));
    ASSERT_OK(brood_unpack(&result, "x", &pid));
    brood_message_clear(&result);
    return pid;
}

static void tells_what_the_function_returned(void)
{
    brood_pool *pool = pool_of(1);
    int64_t pid = pid_of(pool);
    brood_message result = BROOD_MESSAGE_INIT;
    const char *text;
    CU_ASSERT_EQUAL(brood_pool_apply(pool, returns_seven, NULL, &result), BROOD_ETASK);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_EQUAL(error->status, BROOD_ETASK);
    CU_ASSERT_EQUAL(error->code, 7);
    CU_ASSERT_PTR_NOT_NULL(strstr(error->text, "7"));
    CU_ASSERT_NOT_EQUAL(error->function[0], '\0');
    CU_ASSERT_EQUAL(error->worker, pid);
    CU_ASSERT_EQUAL(error->exit_kind, BROOD_EXIT_NONE);
    CU_ASSERT_EQUAL(brood_unpack(&result, "s", &text), BROOD_ETASK);
    // The same worker goes on.
    CU_ASSERT_EQUAL(pid_of(pool), pid);
    brood_message_clear(&result);
    pool_end(pool);
}

static void tells_the_text_of_the_failure(void)
{
    brood_pool *pool = pool_of(1);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "s", "/no/such"));
    CU_ASSERT_EQUAL(brood_pool_apply(pool, fails_with_text, &args, &result), BROOD_ETASK);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_STRING_EQUAL(error->text, "cannot open /no/such: 42");
    // The next failure says nothing of this one.
    CU_ASSERT_EQUAL(brood_pool_apply(pool, returns_seven, NULL, &result), BROOD_ETASK);
    error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_PTR_NULL(strstr(error->text, "/no/such"));
    // And a result is a result again.
    ASSERT_OK(brood_pool_apply(pool, echo, &args, &result));
    CU_ASSERT_PTR_NULL(brood_message_error(&result));
    brood_message_clear(&args);
    brood_message_clear(&result);
    pool_end(pool);
}

static void copies_arguments_of_async(void)
{
    brood_pool *pool = pool_of(1);
    gate g;
    gate_make(&g);
    brood_future *held = stand_at_gate(pool, &g, 0);
    brood_future *future = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    int64_t value = 0;
    ASSERT_OK(brood_pack(&args, "i", 6));
    ASSERT_OK(brood_pool_apply_async(pool, square, &args, NULL, &future));
    brood_message_clear(&args);
    ASSERT_OK(brood_pack(&args, "i", 100));
    gate_open(&g);
    ASSERT_OK(take_number(future, &value));
    CU_ASSERT_EQUAL(value, 36);
    ASSERT_OK(take_number(held, &value));
    brood_message_clear(&args);
    pool_end(pool);
    gate_remove(&g, 1);
}

static void refuses_nonsense(void)
{
    brood_pool *pool = NULL;
    brood_future *future = NULL;
    brood_results *results = NULL;
    const int32_t in[1] = {1};
    CU_ASSERT_EQUAL(brood_pool_create(NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.processes = 1000000)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.grace = -1)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.restart_window = -1)), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(pool);
    CU_ASSERT_EQUAL(brood_pool_apply(NULL, square, NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_close(NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_join(NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_terminate(NULL), BROOD_EINVAL);
    brood_pool_destroy(NULL);
    pool = pool_of(1);
    CU_ASSERT_EQUAL(brood_pool_apply(pool, NULL, NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_apply_async(pool, NULL, NULL, NULL, &future), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_pool_map(pool, NULL, brood_items_int32(in, 1), NULL, &results),
                    BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(future);
    CU_ASSERT_PTR_NULL(results);
    CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
    pool_end(pool);
}

/* --------------------------------------------------------------- functions */

#define NUMBERED(n)                                                                                \
    static int number_##n(brood_message *args, brood_message *result)                              \
    {                                                                                              \
        int32_t plus;                                                                              \
        int status = brood_unpack(args, "i", &plus);                                               \
        return status ? status : brood_pack(result, "x", (int64_t)(n) + plus);                     \
    }
#define TEN(x, d) x(d##0) x(d##1) x(d##2) x(d##3) x(d##4) x(d##5) x(d##6) x(d##7) x(d##8) x(d##9)
#define FORTY(x)  TEN(x, 1) TEN(x, 2) TEN(x, 3) TEN(x, 4)
FORTY(NUMBERED)

#define NAMED(n) number_##n,
static brood_function *const numbered[] = {FORTY(NAMED)};

static void knows_forty_functions(void)
{
    brood_pool *pool = pool_of(3);
    brood_future *futures[120];
    int64_t value = 0;
    for (int i = 0; i < 120; i++) // 7 and 40 have no common divisor: an order of its own
        futures[i] = hand_in_number(pool, numbered[i * 7 % 40], i);
    for (int i = 0; i < 120; i++) {
        ASSERT_OK(take_number(futures[i], &value));
        CU_ASSERT_EQUAL(value, 10 + i * 7 % 40 + i);
    }
    pool_end(pool);
}

/* ------------------------------------------------------------- initializer */

static int initialized;
static char initial_text[32];

static int initialize(brood_message *args, brood_message *result)
{
    const char *text;
    int status = brood_unpack(args, "s", &text);
    (void)result;
    initialized++;
    if (!status)
        snprintf(initial_text, sizeof initial_text, "%s", text);
    return status;
}

static int tell_initial(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "is", initialized, initial_text);
}

static void initializes_each_worker_once(void)
{
    brood_pool *pool = NULL;
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    int32_t times = 0;
    const char *text = "";
    ASSERT_OK(brood_pack(&args, "s", "good morning"));
    ASSERT_OK(brood_pool_create(
        &pool, BROOD_POOL(.processes = 3, .initializer = initialize, .initializer_args = &args)));
    brood_message_clear(&args); // they were copied
    for (int i = 0; i < 60; i++) {
        ASSERT_OK(brood_pool_apply(pool, tell_initial, NULL, &result));
        ASSERT_OK(brood_unpack(&result, "is", &times, &text));
        CU_ASSERT_EQUAL(times, 1);
        CU_ASSERT_STRING_EQUAL(text, "good morning");
    }
    CU_ASSERT_EQUAL(initialized, 0); // not here
    brood_message_clear(&result);
    pool_end(pool);
}

static int fails_to_initialize(brood_message *args, brood_message *result)
{
    const char *path;
    int status = brood_unpack(args, "s", &path);
    (void)result;
    if (!status)
        file_touch(path);
    return brood_fail("there is no license");
}

static void check_broken(brood_pool *pool, const char *why)
{
    brood_message result = BROOD_MESSAGE_INIT;
    brood_future *future = NULL;
    brood_results *results = NULL;
    const int32_t in[3] = {1, 2, 3};
    CU_ASSERT_EQUAL(brood_pool_apply(pool, square, NULL, &result), BROOD_EBROKEN);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    CU_ASSERT_EQUAL(error->status, BROOD_EBROKEN);
    CU_ASSERT_PTR_NOT_NULL(strstr(error->text, why));
    CU_ASSERT_EQUAL(brood_pool_apply_async(pool, square, NULL, NULL, &future), BROOD_EBROKEN);
    CU_ASSERT_PTR_NULL(future);
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, brood_items_int32(in, 3), NULL, &results),
                    BROOD_EBROKEN);
    brood_results_destroy(results);
    brood_message_clear(&result);
}

static void gives_up_on_a_failing_initializer(void)
{
    brood_pool *pool = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    gate starts; // its file has a byte for every start
    gate_make(&starts);
    ASSERT_OK(brood_pack(&args, "s", starts.path));
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .restarts = 3,
                                                  .initializer = fails_to_initialize,
                                                  .initializer_args = &args)));
    check_broken(pool, "there is no license"); // the first call waits for it
    check_broken(pool, "there is no license"); // the second finds it
    CU_ASSERT(file_size(starts.path) >= 1 && file_size(starts.path) <= 4);
    ASSERT_OK(brood_pool_close(pool));
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    brood_pool_destroy(pool);
    gate_remove(&starts, 0);
    brood_message_clear(&args);
}

/* -------------------------------------------------------------------- life */

static void refuse_tasks(brood_pool *pool)
{
    brood_message result = BROOD_MESSAGE_INIT;
    brood_future *future = NULL;
    brood_results *results = NULL;
    const int32_t in[1] = {1};
    CU_ASSERT_EQUAL(brood_pool_apply(pool, echo, NULL, &result), BROOD_ECLOSED);
    CU_ASSERT_PTR_NOT_NULL(brood_message_error(&result));
    CU_ASSERT_EQUAL(brood_pool_apply(pool, echo, NULL, NULL), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pool_apply_async(pool, echo, NULL, NULL, &future), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pool_apply_async(pool, echo, NULL, NULL, NULL), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brood_pool_map(pool, square, brood_items_int32(in, 1), NULL, &results),
                    BROOD_ECLOSED);
    CU_ASSERT_PTR_NULL(future);
    CU_ASSERT_PTR_NULL(results);
    brood_message_clear(&result);
}

/** c: close, j: join, t: terminate; destroy is always the last. */
static void end_so(brood_pool *pool, const char *steps)
{
    for (const char *step = steps; *step; step++) {
        if (*step == 'c') {
            ASSERT_OK(brood_pool_close(pool));
        } else if (*step == 't') {
            ASSERT_OK(brood_pool_terminate(pool));
        } else {
            ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
        }
        refuse_tasks(pool);
    }
    brood_pool_destroy(pool);
}

static const char *const endings[] = {"",    "c",  "t",   "cj",  "ccjj", "tj",
                                      "ttj", "ct", "ctj", "cjt", "tc",   "tcj"};
enum { ENDINGS = sizeof endings / sizeof *endings };

static void ends_in_every_order_without_work(void)
{
    for (size_t i = 0; i < ENDINGS; i++) {
        end_so(pool_of(2), endings[i]); // perhaps before a worker is up
        brood_pool *pool = pool_of(2);
        CU_ASSERT_EQUAL(apply_number(pool, square, 3), 9);
        end_so(pool, endings[i]);
    }
}

static void ends_in_every_order_with_work(void)
{
    for (size_t i = 0; i < ENDINGS; i++) {
        brood_pool *pool = pool_of(2);
        brood_future *futures[50];
        int done = 0, terminated = 0;
        for (int32_t n = 0; n < 50; n++)
            futures[n] = hand_in_number(pool, square, n);
        end_so(pool, endings[i]);
        for (int32_t n = 0; n < 50; n++) {
            int64_t value = 0;
            int status = take_number(futures[n], &value);
            done += status == BROOD_OK && value == (int64_t)n * n;
            terminated += status == BROOD_ETERMINATED;
        }
        CU_ASSERT_EQUAL(done + terminated, 50);
        if (strncmp(endings[i], "cj", 2) == 0 || strncmp(endings[i], "ccj", 3) == 0)
            CU_ASSERT_EQUAL(done, 50);
    }
}

static void joins_only_what_ends(void)
{
    brood_pool *pool = pool_of(2);
    gate g;
    int64_t value = 0;
    gate_make(&g);
    brood_future *held = stand_at_gate(pool, &g, 0);
    CU_ASSERT_EQUAL(brood_pool_join(pool, 0), BROOD_EBUSY);
    CU_ASSERT_EQUAL(brood_pool_join(pool, BROOD_FOREVER), BROOD_EBUSY);
    ASSERT_OK(brood_pool_close(pool));
    CU_ASSERT_EQUAL(brood_pool_join(pool, 0), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_pool_join(pool, 30), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brood_future_status(held), BROOD_EAGAIN);
    gate_open(&g);
    ASSERT_OK(brood_pool_join(pool, test_ms(20000)));
    ASSERT_OK(brood_pool_join(pool, 0));
    ASSERT_OK(take_number(held, &value));
    brood_pool_destroy(pool);
    gate_remove(&g, 1);
}

static void terminates_what_runs_and_what_waits(void)
{
    brood_pool *pool = NULL;
    brood_future *held, *waiting[20];
    gate g;
    int64_t value;
    gate_make(&g);
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .grace = 100)));
    held = stand_at_gate(pool, &g, 0);
    for (int i = 0; i < 20; i++)
        waiting[i] = hand_in_number(pool, square, i);
    ASSERT_OK(brood_pool_terminate(pool));
    CU_ASSERT_EQUAL(brood_future_status(held), BROOD_ETERMINATED);
    CU_ASSERT_EQUAL(take_number(held, &value), BROOD_ETERMINATED);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(take_number(waiting[i], &value), BROOD_ETERMINATED);
    brood_pool_destroy(pool);
    gate_remove(&g, 1);
}

/* ----------------------------------------------------------------- options */

static void reads_older_options(void)
{
    brood_pool *pool = NULL;
    brood_pool_options older;
    memset(&older, 0x5a, sizeof older); // what an older program does not know of
    older.struct_size = offsetof(brood_pool_options, max_tasks_per_child);
    older.processes = 3;
    ASSERT_OK(brood_pool_create(&pool, &older));
    CU_ASSERT_EQUAL(brood_pool_processes(pool), 3);
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    pool_end(pool);
}

static void reads_newer_options(void)
{
    struct {
        brood_pool_options known;
        unsigned char unknown[64];
    } newer = {.known = {.struct_size = sizeof newer, .processes = 2}};
    brood_pool *pool = NULL;
    memset(newer.unknown, 0x5a, sizeof newer.unknown);
    ASSERT_OK(brood_pool_create(&pool, &newer.known));
    CU_ASSERT_EQUAL(brood_pool_processes(pool), 2);
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    pool_end(pool);
}

static void has_a_place_for_every_cpu(void)
{
    brood_pool *pool = NULL;
    ASSERT_OK(brood_pool_create(&pool, NULL));
    CU_ASSERT_EQUAL(brood_pool_processes(pool), brd_os_cpu_count());
    pool_end(pool);
    CU_ASSERT_EQUAL(brood_pool_processes(NULL), 0);
}

static void starts_another_program(void)
{
    char self[4096];
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    ASSERT_OK(brood_context_create(&context, BROOD_CONTEXT(.executable = self)));
    ASSERT_OK(brood_pool_create(&pool, BROOD_POOL(.processes = 2, .context = context)));
    CU_ASSERT_EQUAL(apply_number(pool, square, 5), 25);
    pool_end(pool);
    brood_context_destroy(context);
}

static void fails_when_no_worker_can_start(void)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    ASSERT_OK(brood_context_create(&context, BROOD_CONTEXT(.directory = "/no/such/directory")));
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = 2, .context = context));
    CU_ASSERT_NOT_EQUAL(status, BROOD_OK);
    CU_ASSERT_NOT_EQUAL(brood_status_text(status)[0], '\0');
    CU_ASSERT_PTR_NULL(pool);
    brood_context_destroy(context);
    brood_context_destroy(NULL);
}

static const test_case cases[] = {
    TEST_CASE(applies),
    TEST_CASE(packs_arguments_by_itself),
    TEST_CASE(takes_no_arguments_and_no_result),
    TEST_CASE(tells_what_the_function_returned),
    TEST_CASE(tells_the_text_of_the_failure),
    TEST_CASE(copies_arguments_of_async),
    TEST_CASE(refuses_nonsense),
    TEST_CASE(knows_forty_functions),
    TEST_CASE(initializes_each_worker_once),
    TEST_CASE(gives_up_on_a_failing_initializer),
    TEST_CASE(ends_in_every_order_without_work),
    TEST_CASE(ends_in_every_order_with_work),
    TEST_CASE(joins_only_what_ends),
    TEST_CASE(terminates_what_runs_and_what_waits),
    TEST_CASE(reads_older_options),
    TEST_CASE(reads_newer_options),
    TEST_CASE(has_a_place_for_every_cpu),
    TEST_CASE(starts_another_program),
    TEST_CASE(fails_when_no_worker_can_start),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "pool", cases);
}
