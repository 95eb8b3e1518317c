/*
 * brood_main and what it guards: programs that forget it, programs that carry a worker's
 * argument and are none, pools in pools without an end. Run on every system from this one
 * source. The one thing to know: this program calls brood_main(NULL, NULL), and when it
 * is started as the child "forgets" it calls it never.
 */
#include "api/pools.h"
#include "process/startup.h"

static const char forgetful[] = "--child=forgets";

/* ------------------------------------------------------------ without main */

static int child_forgets(int argc, char **argv)
{
    test_census_counts before, after;
    brood_pool *pool = NULL;
    (void)argc;
    (void)argv;
    test_census(&before);
    for (int i = 0; i < 3; i++)
        TEST_CHILD_CHECK(brood_pool_create(&pool, NULL) == BROOD_ENOMAIN);
    TEST_CHILD_CHECK(pool == NULL);
    TEST_CHILD_CHECK(strstr(brood_status_text(BROOD_ENOMAIN), "brood_main"));
    test_census(&after);
    TEST_CHILD_CHECK(after.children == before.children);
    TEST_CHILD_CHECK(after.threads == before.threads);
    return 0;
}

static void refuses_who_forgot_it(void)
{
    brd_proc p = {0};
    test_start how = {.child = "forgets"};
    needs_spawn(); // a copy needs no start of its own
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

/* --------------------------------------------------- without argc and argv */

static int child_has_a_pool(int argc, char **argv)
{
    brood_pool *pool = NULL;
    int64_t value = 0;
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    (void)argv;
    TEST_CHILD_CHECK(argc == 0);
    TEST_CHILD_CHECK(brood_pool_create(&pool, BROOD_POOL(.processes = 2)) == BROOD_OK);
    TEST_CHILD_CHECK(brood_pack(&args, "i", 11) == BROOD_OK);
    TEST_CHILD_CHECK(brood_pool_apply(pool, square, &args, &result) == BROOD_OK);
    TEST_CHILD_CHECK(brood_unpack(&result, "x", &value) == BROOD_OK);
    TEST_CHILD_CHECK(value == 121);
    brood_message_clear(&args);
    brood_message_clear(&result);
    brood_pool_destroy(pool);
    return 0;
}

static void needs_no_arguments(void)
{
    brd_proc p = {0};
    test_start how = {.child = "has-a-pool"};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    CU_ASSERT_EQUAL(test_end(&p), 0);
}

/* ---------------------------------------------------------- without parent */

/** argv: where to write what is said, then the argument of a worker. */
static int child_starts_one(int argc, char **argv)
{
    char self[4096];
    brd_proc p = {0};
    TEST_CHILD_CHECK(argc == 2);
    TEST_CHILD_CHECK(freopen(argv[0], "wb", stderr));
    TEST_CHILD_CHECK(brd_os_self_path(self, sizeof self) == 0);
    const char *args[] = {self, argv[1], NULL};
    brd_launch how = {.program = self, .argv = args};
    TEST_CHILD_CHECK(brd_os_proc_start(&p, &how) == 0);
    return (int)test_end(&p);
}

static void check_one_line(const char *path)
{
    char text[2000] = "";
    size_t size, lines = 0;
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    CU_ASSERT_EQUAL(lines, 1);
    CU_ASSERT(size > 20);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "brood"));
}

static void refuses_who_has_no_parent(void)
{
    static const char *const arguments[] = {
        "--brood-worker=3,1",  "--brood-worker=77,1", "--brood-worker=2,1",
        "--brood-worker=-1,1", "--brood-worker=x,1",  "--brood-worker=3,0",
        "--brood-worker=3,1x", "--brood-worker=3",    "--brood-worker="};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        gate said;
        brd_proc p = {0};
        gate_make(&said);
        test_start how = {.child = "starts-one", .args = {said.path, arguments[i]}};
        CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
        CU_ASSERT_EQUAL(test_end(&p), 64);
        check_one_line(said.path);
        gate_remove(&said, 0);
    }
}

/** A channel is there, but nobody behind it speaks as a parent does. */
static void refuses_a_channel_that_does_not_speak(void)
{
    unsigned char garbage[BRD_STARTUP_SIZE];
    memset(garbage, 'x', sizeof garbage);
    for (int speaks = 0; speaks < 2; speaks++) {
        char self[4096], argument[64];
        brd_chan *mine = NULL;
        brd_handle theirs = BRD_NONE;
        brd_proc p = {0};
        const char *args[] = {self, argument, NULL};
        CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
        CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
        brd_launch how = {
            .program = self, .argv = args, .inherit = &theirs, .ninherit = 1, .channel = mine};
        snprintf(argument, sizeof argument, "--brood-worker=%lld,1",
                 (long long)brd_os_proc_inherited(&how, 0).os);
        CU_ASSERT_EQUAL_FATAL(brd_os_proc_start(&p, &how), 0);
        brd_os_close(&theirs);
        if (speaks)
            CU_ASSERT_EQUAL(test_write_all(mine, garbage, sizeof garbage), 0);
        if (!speaks)
            brd_os_chan_close(&mine);
        CU_ASSERT_EQUAL(test_end(&p), 64);
        brd_os_chan_close(&mine);
    }
}

/* ------------------------------------------------------------------- depth */

/** Answers how deep it was when no more was allowed. */
static int goes_deeper(brood_message *args, brood_message *result)
{
    int32_t depth;
    brood_pool *pool = NULL;
    brood_message deeper = BROOD_MESSAGE_INIT;
    int status = brood_unpack(args, "i", &depth);
    if (status || depth > 50)
        return brood_fail("no end at %d", (int)depth);
    status = brood_pool_create(&pool, BROOD_POOL(.processes = 1));
    if (status == BROOD_EDEPTH)
        return brood_pack(result, "x", (int64_t)depth);
    if (!status)
        status = brood_pack(&deeper, "i", depth + 1);
    if (!status)
        status = brood_pool_apply(pool, goes_deeper, &deeper, result);
    brood_message_clear(&deeper);
    brood_pool_destroy(pool);
    return status ? brood_fail("at %d: %s", (int)depth, brood_status_text(status)) : 0;
}

static void ends_pools_without_an_end(void)
{
    brood_pool *pool = pool_of(1);
    CU_ASSERT_EQUAL(apply_number(pool, goes_deeper, 1), BRD_DEPTH_LIMIT);
    pool_end(pool);
}

static const test_case cases[] = {
    TEST_CASE(refuses_who_forgot_it),
    TEST_CASE(needs_no_arguments),
    TEST_CASE(refuses_who_has_no_parent),
    TEST_CASE(refuses_a_channel_that_does_not_speak),
    TEST_CASE(ends_pools_without_an_end),
    TEST_CHILD("forgets", child_forgets),
    TEST_CHILD("has-a-pool", child_has_a_pool),
    TEST_CHILD("starts-one", child_starts_one),
    {0},
};

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], forgetful) != 0)
        brood_main(NULL, NULL);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "main_guard", cases);
}
