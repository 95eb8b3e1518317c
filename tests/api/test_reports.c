/*
 * What tasks tell while they run: brood_report, and how on_progress hears of it; and what
 * a worker keeps for its tasks. Run on every system from this one source. The one thing to
 * know: reports may be left out, so only those with done == total can be counted.
 */
#include "api/listeners.h"

enum { MOST_REPORTS = 600 };

typedef struct report {
    brood_future *future;
    size_t index;
    int64_t worker;
    uint64_t done, total;
    size_t length; /* of its text, as it came */
    char text[32];
} report;

/** What on_progress heard; with a latch, the first one stands at it. */
typedef struct hearing {
    watch w;
    int count;
    report all[MOST_REPORTS];
    latch *latch;
} hearing;

static void hear(const brood_progress *p, void *baton)
{
    hearing *h = baton;
    brd_os_mutex_lock(&h->w.mutex);
    int at = h->count++;
    if (at < MOST_REPORTS) {
        report *r = &h->all[at];
        *r = (report){.future = p->future,
                      .index = p->index,
                      .worker = p->worker,
                      .done = p->done,
                      .total = p->total,
                      .length = strlen(p->text)};
        snprintf(r->text, sizeof r->text, "%.30s", p->text);
    }
    brd_os_cond_broadcast(&h->w.cond);
    brd_os_mutex_unlock(&h->w.mutex);
    if (h->latch && at == 0)
        latch_pass(h->latch);
}

static void hearing_make(hearing *h, latch *l)
{
    memset(h, 0, sizeof *h);
    h->latch = l;
    watch_make(&h->w);
}

#define HEARS(h) .on_progress = hear, .baton = (h)

/** Reports 0 to n of n, each with its number as text; answers the worker. */
static int reports_steps(brood_message *args, brood_message *result)
{
    int32_t n;
    char text[16];
    int status = brood_unpack(args, "i", &n);
    for (int32_t i = 0; !status && i <= n; i++) {
        snprintf(text, sizeof text, "step %d", (int)i);
        status = brood_report((uint64_t)i, (uint64_t)n, text);
    }
    return status ? status : brood_pack(result, "x", brd_os_pid());
}

static void hears_the_end_of_every_task(void)
{
    enum { TASKS = 150 };
    hearing h;
    brood_future *futures[TASKS];
    int finals[TASKS] = {0}, wrong = 0;
    hearing_make(&h, NULL);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 2, HEARS(&h)));
    for (int32_t i = 0; i < TASKS; i++)
        futures[i] = hand_in_number(pool, reports_steps, 1 + i % 7);
    ASSERT_OK(brood_wait(futures, TASKS, BROOD_ALL_COMPLETED, LONG));
    pool_end(pool);
    CU_ASSERT(h.count >= TASKS && h.count <= MOST_REPORTS);
    for (int i = 0; i < TASKS; i++) {
        int64_t worker = 0;
        char last[16];
        snprintf(last, sizeof last, "step %d", 1 + i % 7);
        for (int k = 0; k < h.count && k < MOST_REPORTS; k++) {
            const report *r = &h.all[k];
            if (r->future != futures[i])
                continue;
            wrong += r->index != 0 || r->total != (uint64_t)(1 + i % 7) || finals[i];
            finals[i] += r->done == r->total && strcmp(r->text, last) == 0;
            worker = r->worker;
        }
        int64_t pid = -1;
        ASSERT_OK(take_number(futures[i], &pid));
        wrong += finals[i] != 1 || worker != pid;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    watch_clear(&h.w);
}

static void hears_of_every_item_of_a_map(void)
{
    enum { ITEMS = 40 };
    int32_t in[ITEMS];
    for (int32_t i = 0; i < ITEMS; i++)
        in[i] = 1 + i % 3;
    for (size_t chunk = 1; chunk <= ITEMS; chunk += 13) {
        hearing h;
        brood_future *future = NULL;
        int finals[ITEMS] = {0}, wrong = 0;
        hearing_make(&h, NULL);
        brood_pool *pool = pool_with(BROOD_POOL(.processes = 2, HEARS(&h)));
        ASSERT_OK(brood_pool_map_async(pool, reports_steps, brood_items_int32(in, ITEMS),
                                       BROOD_MAP(.chunksize = chunk), &future));
        ASSERT_OK(brood_future_get(future, LONG, NULL));
        pool_end(pool);
        for (int k = 0; k < h.count && k < MOST_REPORTS; k++) {
            const report *r = &h.all[k];
            CU_ASSERT_FATAL(r->index < ITEMS);
            wrong += r->future != future || r->total != (uint64_t)in[r->index];
            finals[r->index] += r->done == r->total;
        }
        for (int i = 0; i < ITEMS; i++)
            wrong += finals[i] != 1;
        CU_ASSERT_EQUAL(wrong, 0);
        brood_future_destroy(future);
        watch_clear(&h.w);
    }
}

// Of a plain map, an iterator or an apply nobody has a future.
static void hears_of_tasks_without_a_future(void)
{
    hearing h;
    brood_iterator *iterator = NULL;
    brood_results *results = NULL;
    const int32_t in[3] = {1, 1, 1};
    int seen = 0;
    hearing_make(&h, NULL);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, HEARS(&h)));
    CU_ASSERT(apply_number(pool, reports_steps, 1) > 0);
    ASSERT_OK(brood_pool_map(pool, reports_steps, brood_items_int32(in, 3), NULL, &results));
    ASSERT_OK(brood_pool_imap(pool, reports_steps, brood_items_int32(in, 3), NULL, &iterator));
    for (int i = 0; i < 3; i++)
        ASSERT_OK(brood_iterator_next(iterator, LONG, NULL, NULL));
    brood_results_destroy(results);
    brood_iterator_destroy(iterator);
    pool_end(pool);
    for (int k = 0; k < h.count && k < MOST_REPORTS; k++) {
        CU_ASSERT_PTR_NULL(h.all[k].future);
        seen += h.all[k].done == 1 ? 1 << 4 * h.all[k].index : 0;
    }
    CU_ASSERT_EQUAL(seen, 0x223); // three firsts, two seconds, two thirds
    watch_clear(&h.w);
}

static int reports_long_texts(brood_message *args, brood_message *result)
{
    char text[1000];
    (void)args;
    memset(text, 'a', sizeof text);
    for (size_t size = 253; size <= 257; size++) {
        text[size] = '\0';
        int status = brood_report(size, size, text);
        text[size] = 'a';
        if (status)
            return status;
    }
    text[999] = '\0';
    int status = brood_report(999, 999, text);
    if (!status)
        status = brood_report(1, 1, "");
    if (!status)
        status = brood_report(0, 0, NULL);
    return status ? status : brood_pack(result, "x", (int64_t)0);
}

static void cuts_a_text_at_255_bytes(void)
{
    static const size_t lengths[] = {253, 254, 255, 255, 255, 255, 0, 0};
    static const uint64_t numbers[] = {253, 254, 255, 256, 257, 999, 1, 0};
    hearing h;
    hearing_make(&h, NULL);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, HEARS(&h)));
    ASSERT_OK(brood_pool_apply(pool, reports_long_texts, NULL, NULL));
    pool_end(pool);
    CU_ASSERT_EQUAL_FATAL(h.count, 8); // each has done == total: none may be left out
    for (int i = 0; i < 8; i++) {
        CU_ASSERT_EQUAL(h.all[i].length, lengths[i]);
        CU_ASSERT_EQUAL(h.all[i].done, numbers[i]);
    }
    watch_clear(&h.w);
}

// A listener that stands still hears, when it goes on, only what is newest; nothing piles
// up, and what was the end of something comes all the same.
static void a_slow_listener_hears_the_newest(void)
{
    hearing h;
    latch l;
    int64_t pid = 0;
    latch_make(&l);
    hearing_make(&h, &l);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, HEARS(&h)));
    brood_future *first = hand_in_number(pool, reports_steps, 3);
    CU_ASSERT(watch_await(&l.w, &l.came, 1)); // it hears of 0 of 3, or of 3, and stands there
    ASSERT_OK(take_number(first, &pid));
    CU_ASSERT_EQUAL(apply_number(pool, reports_steps, 200), pid);
    CU_ASSERT_EQUAL(apply_number(pool, reports_steps, 300), pid);
    CU_ASSERT_EQUAL(watch_read(&h.w, &h.count), 1);
    latch_open(&l);
    pool_end(pool);
    CU_ASSERT_FATAL(h.count == 3 || h.count == 4);
    const report *end = &h.all[h.count - 3];
    CU_ASSERT(end == h.all || (h.all[0].done == 0 && h.all[0].total == 3));
    CU_ASSERT(end[0].done == 3 && end[0].total == 3);
    CU_ASSERT(end[1].done == 200 && end[1].total == 200);
    CU_ASSERT(end[2].done == 300 && end[2].total == 300);
    CU_ASSERT_STRING_EQUAL(end[2].text, "step 300");
    watch_clear(&h.w);
    watch_clear(&l.w);
}

/** Two stages, each with an end of its own. */
static int reports_stages(brood_message *args, brood_message *result)
{
    int status = brood_report(0, 5, "first stage");
    (void)args;
    if (!status)
        status = brood_report(5, 5, "first stage");
    if (!status)
        status = brood_report(7, 7, "second stage");
    return status ? status : brood_pack(result, "x", (int64_t)0);
}

// "... but never one with done == total": also not when the listener is slow.
static void a_slow_listener_hears_every_end(void)
{
    hearing h;
    latch l;
    latch_make(&l);
    hearing_make(&h, &l);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, HEARS(&h)));
    CU_ASSERT_EQUAL(apply_number(pool, reports_steps, 1) > 0, 1);
    CU_ASSERT(watch_await(&l.w, &l.came, 1));
    ASSERT_OK(brood_pool_apply(pool, reports_stages, NULL, NULL));
    latch_open(&l);
    pool_end(pool);
    int first = 0, second = 0;
    for (int i = 0; i < h.count && i < MOST_REPORTS; i++) {
        first += h.all[i].done == 5 && h.all[i].total == 5;
        second += h.all[i].done == 7 && h.all[i].total == 7 && first == 1;
    }
    CU_ASSERT_EQUAL(first, 1);
    CU_ASSERT_EQUAL(second, 1);
    watch_clear(&h.w);
    watch_clear(&l.w);
}

typedef struct sequence {
    watch w;
    int reports, ends;
    bool wrong; /* something came behind the end */
} sequence;

static void note_report(const brood_progress *p, void *baton)
{
    sequence *s = baton;
    (void)p;
    brd_os_mutex_lock(&s->w.mutex);
    s->reports++;
    s->wrong = s->wrong || s->ends;
    brd_os_mutex_unlock(&s->w.mutex);
}

static void note_end(brood_future *future, void *baton)
{
    sequence *s = baton;
    (void)future;
    watch_add(&s->w, &s->ends);
}

static void reports_come_before_the_end(void)
{
    sequence s = {.reports = 0};
    brood_message args = BROOD_MESSAGE_INIT;
    watch_make(&s.w);
    ASSERT_OK(brood_pack(&args, "i", 50));
    brood_pool *pool =
        pool_with(BROOD_POOL(.processes = 1, .on_progress = note_report, .baton = &s));
    ASSERT_OK(brood_pool_apply_async(pool, reports_steps, &args,
                                     BROOD_TASK(.callback = note_end, .baton = &s), NULL));
    pool_end(pool);
    CU_ASSERT(s.ends == 1 && s.reports >= 1 && !s.wrong);
    brood_message_clear(&args);
    watch_clear(&s.w);
}

// What nobody listens to costs nothing and fails nothing.
static void reports_to_nobody(void)
{
    brood_pool *pool = pool_of(2);
    for (int32_t i = 0; i < 50; i++)
        CU_ASSERT(apply_number(pool, reports_steps, i) > 0);
    pool_end(pool);
}

/* ------------------------------------------------------------ outside of a task */

static int from_a_thread;

static void report_in_a_thread(void *baton)
{
    (void)baton;
    from_a_thread = brood_report(1, 1, "from a thread");
}

static int reports_from_a_thread(brood_message *args, brood_message *result)
{
    brd_thread thread = {0};
    (void)args;
    if (brd_os_thread_start(&thread, report_in_a_thread, NULL))
        return brood_fail("no thread");
    brd_os_thread_join(&thread);
    return brood_pack(result, "x", (int64_t)from_a_thread);
}

static void reports_only_in_a_task(void)
{
    hearing h;
    hearing_make(&h, NULL);
    CU_ASSERT_EQUAL(brood_report(1, 1, "nobody's"), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_report(0, 0, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_cancelled(), 0);
    brood_pool *pool = pool_with(BROOD_POOL(.processes = 1, HEARS(&h)));
    CU_ASSERT_EQUAL(apply_number(pool, reports_from_a_thread, 0), BROOD_EINVAL);
    pool_end(pool);
    CU_ASSERT_EQUAL(h.count, 0);
    watch_clear(&h.w);
}

/* ------------------------------------------------------------ a worker's own state */

static char kept[32];

static int keeps_state(brood_message *args, brood_message *result)
{
    const char *text;
    int status = brood_unpack(args, "s", &text);
    (void)result;
    if (status || brood_worker_state())
        return status ? status : brood_fail("there was a state before");
    snprintf(kept, sizeof kept, "%s", text);
    brood_set_worker_state(kept);
    return 0;
}

/** Answers what the state says, and changes it. */
static int uses_state(brood_message *args, brood_message *result)
{
    char *state = brood_worker_state();
    (void)args;
    if (!state)
        return brood_fail("no state");
    int status = brood_pack(result, "s", state);
    state[0]++;
    return status;
}

static int has_no_state(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)(brood_worker_state() == NULL));
}

static void keeps_a_state_for_tasks(void)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    const char *text = "";
    ASSERT_OK(brood_pack(&args, "s", "A scene"));
    brood_pool *pool = pool_with(
        BROOD_POOL(.processes = 1, .initializer = keeps_state, .initializer_args = &args));
    for (int first = 'A'; first <= 'E'; first++) {
        ASSERT_OK(brood_pool_apply(pool, uses_state, NULL, &result));
        ASSERT_OK(brood_unpack(&result, "s", &text));
        CU_ASSERT(text[0] == first && strcmp(text + 1, " scene") == 0);
    }
    CU_ASSERT_EQUAL(brood_pool_apply(pool, dies, NULL, NULL), BROOD_EWORKERLOST);
    ASSERT_OK(brood_pool_apply(pool, uses_state, NULL, &result)); // the next worker has its own
    ASSERT_OK(brood_unpack(&result, "s", &text));
    CU_ASSERT_STRING_EQUAL(text, "A scene");
    CU_ASSERT_PTR_NULL(brood_worker_state()); // not here
    pool_end(pool);
    pool = pool_of(1);
    CU_ASSERT_EQUAL(apply_number(pool, has_no_state, 0), 1);
    pool_end(pool);
    brood_message_clear(&args);
    brood_message_clear(&result);
}

static const test_case cases[] = {
    TEST_CASE(hears_the_end_of_every_task),
    TEST_CASE(hears_of_every_item_of_a_map),
    TEST_CASE(hears_of_tasks_without_a_future),
    TEST_CASE(cuts_a_text_at_255_bytes),
    TEST_CASE(a_slow_listener_hears_the_newest),
    TEST_CASE(a_slow_listener_hears_every_end),
    TEST_CASE(reports_come_before_the_end),
    TEST_CASE(reports_to_nobody),
    TEST_CASE(reports_only_in_a_task),
    TEST_CASE(keeps_a_state_for_tasks),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "reports", cases);
}
