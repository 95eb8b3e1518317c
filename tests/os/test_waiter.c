/*
 * The waiter: channels, ends of processes and its own bell, as many as there are. Run on
 * every system from this one source. The one thing to know: it is level-triggered, so
 * what is not dealt with is reported again, and the tests rely on it.
 */
#include "harness.h"

#include <string.h>

enum { MANY = 100 };

typedef struct pair {
    brd_chan *mine;
    brd_chan *theirs;
} pair;

static void pair_open(pair *p)
{
    brd_handle theirs = BRD_NONE;
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&p->mine, &theirs), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&p->theirs, theirs), 0);
}

static void pair_close(pair *p)
{
    brd_os_chan_close(&p->mine);
    brd_os_chan_close(&p->theirs);
}

static brd_waiter *waiter_open(void)
{
    brd_waiter *w = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&w), 0);
    return w;
}

/** Waits for one event; what it says, and of whom. */
static brd_event next_event(brd_waiter *w)
{
    brd_event event = {NULL, 0};
    size_t count = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_wait(w, test_deadline(20000), &event, 1, &count), 0);
    CU_ASSERT_EQUAL(count, 1);
    return event;
}

static int poll_waiter(brd_waiter *w)
{
    brd_event events[8];
    size_t count = 0;
    return brd_os_waiter_wait(w, 0, events, 8, &count);
}

static void reports_what_is_wanted(void)
{
    brd_waiter *w = waiter_open();
    pair p;
    char byte = 0;
    brd_event event;
    pair_open(&p);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, p.mine, BRD_READ, &p), 0);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(test_write_all(p.theirs, "ab", 2), 0);
    for (int turn = 0; turn < 2; turn++) {
        event = next_event(w);
        CU_ASSERT_PTR_EQUAL(event.tag, &p);
        CU_ASSERT_EQUAL(event.what, BRD_READ);
        CU_ASSERT_EQUAL(test_read_all(p.mine, &byte, 1), 0);
    }
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, p.mine, BRD_READ | BRD_WRITE, &byte), 0);
    event = next_event(w);
    CU_ASSERT_PTR_EQUAL(event.tag, &byte);
    CU_ASSERT_EQUAL(event.what, BRD_WRITE);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, p.mine, 0, NULL), 0);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, p.mine, 0, NULL), 0);
    brd_os_waiter_close(&w);
    pair_close(&p);
}

static void reports_the_end_of_the_peer(void)
{
    brd_waiter *w = waiter_open();
    pair p;
    brd_event event;
    char got[4];
    pair_open(&p);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, p.mine, BRD_READ, &p), 0);
    CU_ASSERT_EQUAL(test_write_all(p.theirs, "end", 4), 0);
    brd_os_chan_close(&p.theirs);
    // What came before the end is there to be read first, however the end is told.
    event = next_event(w);
    CU_ASSERT(event.what & BRD_READ);
    CU_ASSERT_EQUAL(test_read_all(p.mine, got, 4), 0);
    do {
        size_t size = 0;
        event = next_event(w);
        if (!(event.what & BRD_ENDED))
            CU_ASSERT_EQUAL(brd_os_chan_read(p.mine, got, 4, &size), BROOD_ECLOSED);
    } while (!(event.what & BRD_ENDED));
    CU_ASSERT_PTR_EQUAL(event.tag, &p);
    CU_ASSERT_EQUAL(brd_os_waiter_chan(w, p.mine, 0, NULL), 0);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    brd_os_waiter_close(&w);
    pair_close(&p);
}

static void waits_until_a_time(void)
{
    brd_waiter *w = waiter_open();
    brd_event event = {&event, 77};
    size_t count = 77;
    brd_time until = brd_os_now() + 20 * BRD_MS;
    CU_ASSERT_EQUAL(brd_os_waiter_wait(w, 0, &event, 1, &count), BROOD_ETIMEDOUT);
    CU_ASSERT_EQUAL(brd_os_waiter_wait(w, until, &event, 1, &count), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() >= until);
    CU_ASSERT_EQUAL(count, 77);
    brd_os_waiter_close(&w);
    brd_os_waiter_close(&w);
}

static void merges_rings(void)
{
    brd_waiter *w = waiter_open();
    for (int i = 0; i < 10; i++)
        brd_os_waiter_ring(w);
    CU_ASSERT_PTR_NULL(next_event(w).tag);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    brd_os_waiter_ring(w);
    CU_ASSERT_PTR_NULL(next_event(w).tag);
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    brd_os_waiter_close(&w);
}

static void watches_more_than_64(void)
{
    static pair many[MANY];
    static bool seen[MANY];
    brd_waiter *w = waiter_open();
    size_t left = MANY;
    memset(seen, 0, sizeof seen);
    for (size_t i = 0; i < MANY; i++) {
        pair_open(&many[i]);
        CU_ASSERT_EQUAL_FATAL(brd_os_waiter_chan(w, many[i].mine, BRD_READ, &many[i]), 0);
    }
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    for (size_t i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(test_write_all(many[i].theirs, "x", 1), 0);
    // Few at a time and nothing read at first: every source must have its turn.
    for (int turn = 0; turn < 100 * MANY && left > 0; turn++) {
        brd_event events[7];
        size_t count = 0;
        CU_ASSERT_EQUAL_FATAL(brd_os_waiter_wait(w, test_deadline(20000), events, 7, &count), 0);
        CU_ASSERT(count >= 1 && count <= 7);
        for (size_t i = 0; i < count; i++) {
            size_t at = (size_t)((pair *)events[i].tag - many);
            left -= !seen[at];
            seen[at] = true;
        }
    }
    CU_ASSERT_EQUAL(left, 0);
    for (size_t i = 0; i < MANY; i++) {
        CU_ASSERT_EQUAL(brd_os_waiter_chan(w, many[i].mine, 0, NULL), 0);
        pair_close(&many[i]);
    }
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    brd_os_waiter_close(&w);
}

/* --------------------------------------------------------------- processes */

static int child_ends(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 3;
}

static int child_waits(int argc, char **argv)
{
    brd_chan *c = NULL;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&c, test_handle(argv[0])) == 0);
    brd_os_chan_wait(c, BRD_READ, BRD_FOREVER);
    brd_os_chan_close(&c);
    return 5;
}

static brd_chan *waiting_child(brd_proc *child)
{
    brd_chan *mine = NULL;
    brd_handle theirs = BRD_NONE;
    test_start how = {.child = "waits", .inherit = &theirs, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&mine, &theirs), 0);
    how.channel = mine;
    CU_ASSERT_EQUAL_FATAL(test_start_child(child, &how), 0);
    brd_os_close(&theirs);
    return mine;
}

static void reports_ends_of_processes(void)
{
    brd_waiter *w = waiter_open();
    brd_proc child[4];
    brd_chan *channel[4];
    for (size_t i = 0; i < 4; i++) {
        channel[i] = waiting_child(&child[i]);
        CU_ASSERT_EQUAL(brd_os_waiter_proc(w, &child[i], true, &child[i]), 0);
    }
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
    for (size_t i = 4; i-- > 0;) {
        brd_event event;
        brd_os_chan_close(&channel[i]);
        event = next_event(w);
        CU_ASSERT_PTR_EQUAL(event.tag, &child[i]);
        CU_ASSERT_EQUAL(event.what, BRD_ENDED);
        // Again, until it is no longer watched.
        CU_ASSERT_PTR_EQUAL(next_event(w).tag, &child[i]);
        CU_ASSERT_EQUAL(brd_os_waiter_proc(w, &child[i], false, NULL), 0);
        CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT);
        CU_ASSERT_EQUAL(test_end(&child[i]), 5);
    }
    brd_os_waiter_close(&w);
}

static void reports_a_process_that_had_ended(void)
{
    brd_waiter *w = waiter_open();
    brd_proc child = {0};
    brd_exit ended;
    brd_chan *c = waiting_child(&child);
    brd_os_chan_close(&c);
    CU_ASSERT_EQUAL(brd_os_proc_wait(&child, test_deadline(20000), &ended), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_proc(w, &child, true, &child), 0);
    CU_ASSERT_PTR_EQUAL(next_event(w).tag, &child);
    CU_ASSERT_EQUAL(brd_os_waiter_proc(w, &child, false, NULL), 0);
    brd_os_proc_close(&child);
    brd_os_waiter_close(&w);
}

/* ----------------------------------------------------------- other threads */

/** What another thread does while this one waits. */
typedef struct deed {
    brd_waiter *w;
    pair *p;
    _Atomic int go;
    int status;
} deed;

// The system may be about to tell of the end when nobody wants to know it any more.
static void a_watch_may_end_as_its_process_does(void)
{
    enum { CHILDREN = 8, MOST = 20000 };
    brd_waiter *w = waiter_open();
    for (int i = 0; i < CHILDREN; i++) {
        brd_proc child = {0};
        brd_exit ended;
        int status = 0, turns = 0;
        CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &(test_start){.child = "ends"}), 0);
        for (; status == 0 && turns < MOST; turns++) {
            status = brd_os_waiter_proc(w, &child, true, &child);
            if (status == 0)
                status = brd_os_waiter_proc(w, &child, false, &child);
            if (status == 0 && brd_os_proc_wait(&child, 0, &ended) == 0)
                break;
        }
        CU_ASSERT_EQUAL(status, 0);
        CU_ASSERT_EQUAL(test_end(&child), 3);
    }
    CU_ASSERT_EQUAL(poll_waiter(w), BROOD_ETIMEDOUT); // what is not watched is not reported
    brd_os_waiter_close(&w);
}

static void ring_from_thread(void *baton)
{
    deed *d = baton;
    brd_os_waiter_ring(d->w);
}

static void rings_from_another_thread(void)
{
    deed d = {.w = waiter_open()};
    brd_thread thread = {0};
    for (int turn = 0; turn < 50; turn++) {
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, ring_from_thread, &d), 0);
        CU_ASSERT_PTR_NULL(next_event(d.w).tag);
        brd_os_thread_join(&thread);
    }
    brd_os_waiter_close(&d.w);
}

static void add_from_thread(void *baton)
{
    deed *d = baton;
    d->status = brd_os_waiter_chan(d->w, d->p->mine, BRD_READ, d->p);
}

static void adds_while_another_waits(void)
{
    for (int turn = 0; turn < 50; turn++) {
        pair p;
        brd_thread thread = {0};
        deed d = {.w = waiter_open(), .p = &p, .status = -1};
        pair_open(&p);
        CU_ASSERT_EQUAL(test_write_all(p.theirs, "x", 1), 0);
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, add_from_thread, &d), 0);
        CU_ASSERT_PTR_EQUAL(next_event(d.w).tag, &p);
        brd_os_thread_join(&thread);
        CU_ASSERT_EQUAL(d.status, 0);
        brd_os_waiter_close(&d.w);
        pair_close(&p);
    }
}

static const test_case cases[] = {
    TEST_CASE(reports_what_is_wanted),
    TEST_CASE(reports_the_end_of_the_peer),
    TEST_CASE(waits_until_a_time),
    TEST_CASE(merges_rings),
    TEST_CASE(watches_more_than_64),
    TEST_CASE(reports_ends_of_processes),
    TEST_CASE(reports_a_process_that_had_ended),
    TEST_CASE(a_watch_may_end_as_its_process_does),
    TEST_CASE(rings_from_another_thread),
    TEST_CASE(adds_while_another_waits),
    TEST_CHILD("waits", child_waits),
    TEST_CHILD("ends", child_ends),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "waiter", cases);
}
