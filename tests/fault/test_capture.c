/*
 * What captured children print, line by line: the lines as they were, in order, with who
 * printed them and at which task. The one thing to know: a line bears the task that its
 * worker has begun last when it is read, so a task here waits until its line was heard.
 */
#include "fault/captured.h"

/* --------------------------------------------------------------------- tags */

/** "si", a path and a number: prints the number, then stands at that gate. */
static int prints_and_waits(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t n;
    int status = brood_unpack(args, "si", &path, &n);
    if (status)
        return status;
    printf("task %d\n", (int)n);
    fflush(stdout);
    brood_message_rewind(args);
    return gate_pass(args, result);
}

static void lines_bear_their_worker_and_task(void)
{
    listener l;
    gate g;
    brood_future *futures[2] = {NULL};
    brood_message args = BROOD_MESSAGE_INIT;
    listener_open(&l);
    gate_make(&g);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 2);
    for (int32_t i = 0; i < 2; i++) {
        gate_pack(&g, i, &args);
        ASSERT_OK(brood_pool_apply_async(pool, prints_and_waits, &args, NULL, &futures[i]));
        CU_ASSERT_EQUAL(brood_future_number(futures[i]), (uint64_t)i + 1);
    }
    CU_ASSERT_FATAL(await_line(&l, "task 0") && await_line(&l, "task 1"));
    gate_open(&g);
    for (int32_t i = 0; i < 2; i++) {
        const heard *line = find_line(&l, i ? "task 1" : "task 0");
        int64_t worker = 0;
        uint64_t number = brood_future_number(futures[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(line);
        ASSERT_OK(take_number(futures[i], &worker));
        CU_ASSERT_EQUAL(line->worker, worker);
        CU_ASSERT_EQUAL(line->task, number);
        CU_ASSERT_EQUAL(line->index, 0);
        CU_ASSERT_EQUAL(line->stream, BROOD_STREAM_OUT);
        CU_ASSERT_EQUAL(line->size, 6);
        CU_ASSERT_STRING_EQUAL(line->name, "worker");
    }
    pool_end(pool);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL(l.count, 2);
    gate_remove(&g, 2);
    brood_message_clear(&args);
    listener_close(&l);
}

static void lines_bear_the_item_of_a_map(void)
{
    enum { ITEMS = 3 };
    listener l;
    gate first, second, third, *gates[ITEMS] = {&first, &second, &third};
    brood_message items[ITEMS] = {BROOD_MESSAGE_INIT};
    brood_future *future = NULL;
    listener_open(&l);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 1);
    ASSERT_OK(brood_pool_run(pool, own_pid, NULL, "")); // so that the map is number 2
    for (int32_t i = 0; i < ITEMS; i++) {
        gate_make(gates[i]);
        gate_pack(gates[i], i, &items[i]);
    }
    ASSERT_OK(brood_pool_map_async(pool, prints_and_waits, brood_items_messages(items, ITEMS),
                                   BROOD_MAP(.chunksize = 2), &future));
    CU_ASSERT_EQUAL(brood_future_number(future), 2);
    for (int32_t i = 0; i < ITEMS; i++) { // a chunk of two, then one
        char text[32];
        snprintf(text, sizeof text, "task %d", (int)i);
        CU_ASSERT_FATAL(await_line(&l, text));
        CU_ASSERT_EQUAL(find_line(&l, text)->task, 2);
        CU_ASSERT_EQUAL(find_line(&l, text)->index, (size_t)i);
        gate_open(gates[i]);
    }
    ASSERT_OK(brood_future_get(future, test_ms(60000), NULL));
    brood_future_destroy(future);
    pool_end(pool);
    brood_context_destroy(context);
    for (int32_t i = 0; i < ITEMS; i++) {
        gate_remove(gates[i], ITEMS);
        brood_message_clear(&items[i]);
    }
    listener_close(&l);
}

static int prints_and_stays(brood_message *args, brood_message *result)
{
    printf("a line\n");
    return gate_pass(args, result);
}

static void a_line_goes_out_when_it_is_printed(void)
{
    listener l;
    gate g;
    brood_message args = BROOD_MESSAGE_INIT;
    if (act_longest_path() < 4096)
        TEST_SKIP("no stream has its buffer by the line here");
    listener_open(&l);
    gate_make(&g);
    gate_pack(&g, 0, &args);
    brood_context *context = capturing(&l);
    brood_process *p = captured_process(context, prints_and_stays, &args, NULL);
    CU_ASSERT(await_line(&l, "a line"));
    gate_open(&g);
    ASSERT_OK(brood_process_join(p, test_ms(60000)));
    brood_process_destroy(p);
    brood_context_destroy(context);
    gate_remove(&g, 1);
    brood_message_clear(&args);
    listener_close(&l);
}

static int prints_at_once(brood_message *args, brood_message *result)
{
    (void)args;
    printf("buffered"); // no line: it goes out after the task
    return brood_pack(result, "x", (int64_t)0);
}

static void before_its_first_task_a_worker_has_none(void)
{
    listener l;
    brood_pool *pool = NULL;
    listener_open(&l);
    brood_context *context = capturing(&l);
    ASSERT_OK(brood_pool_create(
        &pool, BROOD_POOL(.processes = 1, .initializer = prints_at_once, .context = context)));
    CU_ASSERT_EQUAL(brood_pool_prewarm(pool, 1, test_ms(60000)), BROOD_OK);
    pool_end(pool);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL_FATAL(l.count, 1);
    CU_ASSERT_STRING_EQUAL(l.lines[0].text, "buffered");
    CU_ASSERT_EQUAL(l.lines[0].task, 0);
    listener_close(&l);
}

static void what_a_task_has_in_its_buffer_goes_out_after_it(void)
{
    listener l;
    listener_open(&l);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 1);
    for (int i = 0; i < 2; i++)
        ASSERT_OK(brood_pool_run(pool, prints_at_once, NULL, ""));
    pool_end(pool);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL(l.count, 1);
    CU_ASSERT_STRING_EQUAL(l.lines[0].text, "bufferedbuffered");
    listener_close(&l);
}

/* -------------------------------------------------------------------- lines */

static int prints_all_sorts(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    PRINT(false, "one\ntwo\r\n\n\r\r\nnul\0inside\npart ");
    PRINT(true, "error one\nerr");
    PRINT(false, "of a line\n");
    PRINT(true, "or two\n\xff\xfe\nlast error");
    PRINT(false, "last");
    return 0;
}

static void check_lines(const listener *l, brood_stream stream, const char *const *expected)
{
    for (size_t i = 0; i < l->count; i++) {
        if (l->lines[i].stream != stream)
            continue;
        CU_ASSERT_PTR_NOT_NULL_FATAL(*expected);
        CU_ASSERT_STRING_EQUAL(l->lines[i].text, *expected);
        CU_ASSERT_EQUAL(l->lines[i].cut, 0);
        CU_ASSERT_STRING_EQUAL(l->lines[i].name, "all sorts");
        CU_ASSERT_EQUAL(l->lines[i].task, 0);
        expected++;
    }
    CU_ASSERT_PTR_NULL(*expected);
}

static void lines_come_as_they_were(void)
{
    static const char *const out[] = {"one",  "two", "", "\r", "nul", "part of a line",
                                      "last", NULL};
    static const char *const err[] = {"error one", "error two", "\xff\xfe", "last error", NULL};
    listener l;
    listener_open(&l);
    brood_context *context = capturing(&l);
    brood_process *p = captured_process(context, prints_all_sorts, NULL, "all sorts");
    ASSERT_OK(brood_process_join(p, test_ms(60000)));
    int64_t pid = brood_process_pid(p);
    brood_process_destroy(p);
    brood_context_destroy(context); // which all lines come before
    CU_ASSERT_EQUAL_FATAL(l.count, 11);
    check_lines(&l, BROOD_STREAM_OUT, out);
    check_lines(&l, BROOD_STREAM_ERR, err);
    for (size_t i = 0; i < l.count; i++) {
        CU_ASSERT_EQUAL(l.lines[i].worker, pid);
        if (strcmp(l.lines[i].text, "nul") == 0) {
            CU_ASSERT_EQUAL(l.lines[i].size, 10);
            CU_ASSERT_EQUAL(memcmp(l.lines[i].text, "nul\0inside", 11), 0);
        }
    }
    listener_close(&l);
}

enum { PIECE = 8192 };

/** Lines of one letter each, with lengths around that at which they are cut. */
static int prints_long_lines(brood_message *args, brood_message *result)
{
    static const size_t sizes[] = {PIECE, PIECE + 1, 20000, PIECE - 1};
    static char line[20002];
    (void)args, (void)result;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(line, 'a' + (int)i, sizes[i]);
        line[sizes[i]] = '\r';
        line[sizes[i] + 1] = '\n';
        print_raw(false, line, sizes[i] + (i == 3 ? 2 : 0)); // all but one in two writes
        if (i < 3)
            PRINT(false, "\n");
    }
    return 0;
}

static void long_lines_come_in_pieces(void)
{
    static const struct piece {
        size_t size;
        int cut;
        char letter;
    } expected[] = {{PIECE, 0, 'a'},    {PIECE, 1, 'b'}, {1, 0, 'b'},
                    {PIECE, 1, 'c'},    {PIECE, 1, 'c'}, {20000 - 2 * PIECE, 0, 'c'},
                    {PIECE - 1, 0, 'd'}};
    enum { PIECES = sizeof expected / sizeof *expected };
    listener l;
    listener_open(&l);
    brood_context *context = capturing(&l);
    brood_process *p = captured_process(context, prints_long_lines, NULL, NULL);
    ASSERT_OK(brood_process_join(p, test_ms(60000)));
    brood_process_destroy(p);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL_FATAL(l.count, PIECES);
    for (size_t i = 0; i < PIECES; i++) {
        CU_ASSERT_EQUAL(l.lines[i].text[0], expected[i].letter);
        CU_ASSERT_EQUAL(l.lines[i].size, expected[i].size);
        CU_ASSERT_EQUAL(l.lines[i].cut, expected[i].cut);
    }
    listener_close(&l);
}

/* -------------------------------------------------------------------- faults */

enum { BLOCK = 1 << 16, LEAST_FLOOD = 32 << 20 };

/** "si": prints until the gate is open, and so much at least. */
static int floods(brood_message *args, brood_message *result)
{
    const char *path;
    int32_t n;
    int64_t bytes = 0;
    static char block[BLOCK];
    int status = brood_unpack(args, "si", &path, &n);
    memset(block, 'f', sizeof block);
    for (size_t i = 99; i < sizeof block; i += 100)
        block[i] = '\n';
    for (bool open = false; !status && !(open && bytes >= LEAST_FLOOD); bytes += BLOCK) {
        print_raw(false, block, sizeof block);
        open = open || (bytes % (16 * BLOCK) == 0 && file_exists(path));
    }
    return status ? status : brood_pack(result, "x", bytes);
}

static void who_floods_does_not_starve_others(void)
{
    listener l;
    gate g;
    brood_message args = BROOD_MESSAGE_INIT;
    brood_future *flood = NULL, *calm = NULL;
    int64_t bytes = 0, worker = 0;
    listener_open(&l);
    l.noise = 'f';
    gate_make(&g);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 2);
    gate_pack(&g, 0, &args);
    ASSERT_OK(brood_pool_apply_async(pool, floods, &args, NULL, &flood));
    gate_pack(&g, 1, &args);
    ASSERT_OK(brood_pool_apply_async(pool, prints_and_waits, &args, NULL, &calm));
    CU_ASSERT(await_line(&l, "task 1"));
    gate_open(&g);
    ASSERT_OK(take_number(calm, &worker));
    ASSERT_OK(take_number(flood, &bytes));
    pool_end(pool);
    brood_context_destroy(context);
    // Not a byte is lost: of each block 655 lines, and of the last one its rest.
    CU_ASSERT(bytes >= LEAST_FLOOD);
    CU_ASSERT_EQUAL(l.noises, bytes / BLOCK * (BLOCK / 100) + 1);
    CU_ASSERT_EQUAL(l.count, 1);
    gate_remove(&g, 2);
    brood_message_clear(&args);
    listener_close(&l);
}

static int closes_its_output(brood_message *args, brood_message *result)
{
    (void)args;
    PRINT(false, "before\n");
    (void)act_close(act_stream(false));
    PRINT(true, "after\n");
    return brood_pack(result, "x", (int64_t)1);
}

static void who_closes_its_output_goes_on(void)
{
    listener l;
    listener_open(&l);
    brood_context *context = capturing(&l);
    brood_pool *pool = captured_pool(context, 1);
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_pool_run(pool, closes_its_output, NULL, ""));
    pool_end(pool);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL(l.count, 4); // "before" once: the other two had nowhere to go
    CU_ASSERT_PTR_NOT_NULL(find_line(&l, "before"));
    listener_close(&l);
}

/* ------------------------------------------------------------------ on_line */

typedef struct asker {
    listener heard;
    brood_pool *pool;
    brood_future *answer;
} asker;

static void ask_pool(const brood_line *line, void *baton)
{
    asker *a = baton;
    brd_os_mutex_lock(&a->heard.lock);
    brood_pool *pool = a->pool;
    brd_os_mutex_unlock(&a->heard.lock);
    if (strcmp(line->text, "ask") == 0)
        a->answer = hand_in_number(pool, square, 12);
    hear(line, &a->heard);
}

static int asks(brood_message *args, brood_message *result)
{
    (void)args;
    PRINT(true, "ask\n");
    return brood_pack(result, "x", (int64_t)1);
}

static void on_line_may_hand_in_tasks(void)
{
    static asker a;
    brood_context *context = NULL;
    int64_t value = -1;
    listener_open(&a.heard);
    ASSERT_OK(brood_context_create(
        &context, BROOD_CONTEXT(.err = BROOD_STDIO_CAPTURE, .on_line = ask_pool, .baton = &a)));
    brood_pool *pool = captured_pool(context, 1);
    brd_os_mutex_lock(&a.heard.lock);
    a.pool = pool;
    brd_os_mutex_unlock(&a.heard.lock);
    ASSERT_OK(brood_pool_run(pool, asks, NULL, ""));
    CU_ASSERT_FATAL(await_line(&a.heard, "ask"));
    ASSERT_OK(take_number(a.answer, &value));
    CU_ASSERT_EQUAL(value, 144);
    pool_end(pool);
    brood_context_destroy(context);
    listener_close(&a.heard);
}

static int prints_much(brood_message *args, brood_message *result)
{
    static char block[1 << 16];
    (void)args;
    for (int i = 0; i < 32; i++) {
        print_raw(false, block, sizeof block);
        print_raw(true, block, sizeof block);
    }
    return brood_pack(result, "x", (int64_t)1);
}

// More than a pipe holds: somebody reads it, and forgets it.
static void nobody_need_hear_it(void)
{
    brood_context *context = capturing(NULL);
    brood_pool *pool = captured_pool(context, 1);
    ASSERT_OK(brood_pool_run(pool, prints_much, NULL, ""));
    pool_end(pool);
    brood_context_destroy(context);
}

/* ------------------------------------------------------ contexts of others */

static brood_context *outer;

static int prints_inside(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    PRINT(false, "from inside\n");
    return 0;
}

/** In a copy of the test: the context is there, its thread is not. */
static int uses_the_copy(brood_message *args, brood_message *result)
{
    brood_process *p = captured_process(outer, prints_inside, NULL, NULL);
    (void)args, (void)result;
    int status = brood_process_join(p, test_ms(60000));
    brood_process_destroy(p);
    brood_context_destroy(outer);
    return status;
}

static void tell_on(const brood_line *line, void *baton)
{
    if (brood_current_process().depth) {
        PRINT(false, "told on: ");
        print_raw(false, line->text, line->size);
        PRINT(false, "\n");
    } else {
        hear(line, baton);
    }
}

static void a_forked_child_captures_too(void)
{
    static listener l;
    if (brood_get_start_method() != BROOD_FORK)
        TEST_SKIP("children are no copies here");
    listener_open(&l);
    ASSERT_OK(brood_context_create(
        &outer, BROOD_CONTEXT(.out = BROOD_STDIO_CAPTURE, .on_line = tell_on, .baton = &l)));
    brood_process *p = captured_process(outer, uses_the_copy, NULL, NULL);
    ASSERT_OK(brood_process_join(p, test_ms(60000)));
    CU_ASSERT_EQUAL(brood_process_exit(p).python, 0);
    brood_process_destroy(p);
    brood_context_destroy(outer);
    CU_ASSERT_EQUAL(l.count, 1);
    CU_ASSERT_STRING_EQUAL(l.lines[0].text, "told on: from inside");
    listener_close(&l);
}

static int prints_in_the_helper(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    printf("loaded\n");
    return 0;
}

static void a_forkserver_is_captured(void)
{
    listener l;
    brood_context *context = NULL;
    if (brood_get_start_method() != BROOD_FORKSERVER)
        TEST_SKIP("no forkserver here");
    listener_open(&l);
    ASSERT_OK(brood_context_create(&context, BROOD_CONTEXT(.out = BROOD_STDIO_CAPTURE,
                                                           .preload = prints_in_the_helper,
                                                           .on_line = hear, .baton = &l)));
    brood_pool *pool = captured_pool(context, 2);
    ASSERT_OK(brood_pool_run(pool, prints_at_once, NULL, ""));
    pool_end(pool);
    brood_context_destroy(context);
    CU_ASSERT_EQUAL(l.count, 2);
    CU_ASSERT_PTR_NOT_NULL_FATAL(find_line(&l, "loaded"));
    CU_ASSERT_STRING_EQUAL(find_line(&l, "loaded")->name, "forkserver");
    CU_ASSERT_PTR_NOT_NULL(find_line(&l, "buffered"));
    listener_close(&l);
}

static const test_case cases[] = {
    TEST_CASE(lines_bear_their_worker_and_task),
    TEST_CASE(lines_bear_the_item_of_a_map),
    TEST_CASE(a_line_goes_out_when_it_is_printed),
    TEST_CASE(before_its_first_task_a_worker_has_none),
    TEST_CASE(what_a_task_has_in_its_buffer_goes_out_after_it),
    TEST_CASE(lines_come_as_they_were),
    TEST_CASE(long_lines_come_in_pieces),
    TEST_CASE(who_floods_does_not_starve_others),
    TEST_CASE(who_closes_its_output_goes_on),
    TEST_CASE(on_line_may_hand_in_tasks),
    TEST_CASE(nobody_need_hear_it),
    TEST_CASE(a_forked_child_captures_too),
    TEST_CASE(a_forkserver_is_captured),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "capture", cases);
}
