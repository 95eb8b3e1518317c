/*
 * A link and a port in one process: what a parent and its worker do to each other,
 * without a birth. The one thing to know: short results are published in batches, so a
 * test of one thread looks deeper into the ring, as a parent does after a death.
 */
#include "harness.h"
#include "ipc/link.h"
#include "ipc/port.h"

#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = {0,     1,     7,     8,       100,     16383,
                               16384, 16385, 65536, 1 << 18, 1 << 20, (1 << 20) + 1};
enum { SIZES = sizeof sizes / sizeof *sizes, LARGE = 20000 };

typedef struct pair {
    brd_link link;
    brd_port port;
    brd_bell parent_bell;
} pair;

static void pair_open(pair *p)
{
    brd_chan *chan = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_link_open(&p->link), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&chan, p->link.theirs), 0);
    p->link.theirs = BRD_NONE;
    p->parent_bell = (brd_bell){.word = &p->link.words->parent_parked, .handle = BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_bell_open(&p->parent_bell.handle), 0);
    CU_ASSERT_EQUAL_FATAL(brd_port_open(&p->port, p->link.shm, chan, p->link.worker_bell.handle,
                                        p->parent_bell.handle, 2),
                          0);
}

static void pair_close(pair *p)
{
    brd_shelf_clear(&p->port.incoming);
    brd_shelf_clear(&p->port.outgoing);
    brd_os_chan_close(&p->port.frames.chan);
    brd_os_cond_clear(&p->port.changed);
    brd_os_mutex_clear(&p->port.lock);
    brd_os_close(&p->parent_bell.handle);
    brd_link_close(&p->link);
}

static unsigned char pattern(uint64_t id, size_t i)
{
    return (unsigned char)(id * 13 + i * 7 + (i >> 8));
}

static bool has_pattern(const unsigned char *bytes, uint64_t id, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern(id, i))
            return false;
    return true;
}

/** Writes a task with a pattern; its claim, or NULL when there is no room now. */
static _Atomic uint32_t *send(brd_link *link, uint64_t id, size_t size)
{
    void *room = NULL;
    brd_task_head head = {.function = 5, .id = id, .count = 1};
    int status = brd_link_begin(link, size, &room);
    if (status == BROOD_EAGAIN)
        return NULL;
    CU_ASSERT_EQUAL_FATAL(status, 0);
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)room)[i] = pattern(id, i);
    return brd_link_commit(link, &head);
}

/** Does what the watcher does, until `until_block` is there. */
static void pump(brd_port *port, uint64_t until_block)
{
    brd_frame frame;
    int status = BROOD_OK;
    brd_time until = test_deadline(5000);
    while (!status) {
        status = brd_frames_read(&port->frames, &frame);
        if (!status)
            CU_ASSERT_EQUAL(brd_port_on_frame(port, &frame), 0);
        if (status == BROOD_EAGAIN && until_block && !brd_shelf_find(&port->incoming, until_block))
            status = brd_os_chan_wait(port->frames.chan, BRD_READ, until);
    }
    CU_ASSERT_EQUAL(status, BROOD_EAGAIN);
}

/** What the next record of the worker is; the link looks deeper. */
static int next_result(brd_link *link, brd_result *result)
{
    brd_news news = {0};
    brd_ring_look_deeper(&link->results);
    int status = brd_link_next(link, &news);
    CU_ASSERT(status || news.kind == BRD_RECORD_RESULT);
    *result = news.u.result;
    return status;
}

/** The worker takes one task and answers with its contents. */
static void echo(brd_port *port)
{
    brd_work work;
    CU_ASSERT_EQUAL_FATAL(brd_port_next(port, &work), 0);
    CU_ASSERT_EQUAL_FATAL(work.kind, BRD_RECORD_TASK);
    brd_result_head head = {.id = work.head->id, .size = work.head->size, .status = 3, .index = 8};
    CU_ASSERT_EQUAL(brd_port_reply(port, &head, work.contents, NULL), 0);
    brd_port_finished(port);
}

/** The worker finds nothing more to do, and says what it has kept back. */
static void idle(pair *p)
{
    brd_work work;
    brd_link_stop(&p->link);
    CU_ASSERT_EQUAL(brd_port_next(&p->port, &work), BROOD_ECLOSED);
    atomic_store(&p->link.words->stop, 0);
}

/* ------------------------------------------------------------ in good order */

static void says_hello(void)
{
    pair p;
    brd_hello hello = {.protocol = BRD_PROTOCOL, .pid = 77};
    brd_news news = {0};
    pair_open(&p);
    CU_ASSERT_EQUAL(brd_link_next(&p.link, &news), BROOD_EAGAIN);
    CU_ASSERT_FALSE(brd_link_has_news(&p.link));
    memset(hello.token, 9, sizeof hello.token);
    CU_ASSERT_EQUAL(brd_port_hello(&p.port, &hello), 0);
    CU_ASSERT(brd_link_has_news(&p.link)); // published by itself
    CU_ASSERT_EQUAL(brd_link_next(&p.link, &news), 0);
    CU_ASSERT_EQUAL(news.kind, BRD_RECORD_HELLO);
    CU_ASSERT_EQUAL(memcmp(&hello, &news.u.hello, sizeof hello), 0);
    pair_close(&p);
}

static void carry(pair *p, uint64_t id, size_t size)
{
    brd_work work;
    brd_result result;
    _Atomic uint32_t *claim = send(&p->link, id, size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(claim);
    uint64_t block = p->link.block ? p->link.block->id : 0;
    CU_ASSERT_EQUAL(block != 0, size > BRD_INLINE_MAX);
    brd_link_flush(&p->link);
    CU_ASSERT_FALSE(brd_link_started(claim));
    pump(&p->port, block);
    CU_ASSERT_EQUAL_FATAL(brd_port_next(&p->port, &work), 0);
    CU_ASSERT(brd_link_started(claim));
    CU_ASSERT(work.head->function == 5 && work.head->id == id && work.head->count == 1);
    CU_ASSERT_EQUAL_FATAL(work.head->size, size);
    CU_ASSERT(has_pattern(work.contents, id, size));
    brd_result_head head = {.id = id, .size = size, .status = -4, .flags = BRD_TEXT, .index = 6};
    CU_ASSERT_EQUAL(brd_port_reply(&p->port, &head, work.contents, NULL), 0);
    brd_port_finished(&p->port);
    idle(p);
    CU_ASSERT_EQUAL_FATAL(next_result(&p->link, &result), 0);
    CU_ASSERT(result.head.id == id && result.head.status == -4 && result.head.index == 6);
    CU_ASSERT(result.head.flags & BRD_TEXT);
    CU_ASSERT_EQUAL_FATAL(result.head.size, size);
    CU_ASSERT(has_pattern(result.bytes, id, size));
    brd_link_done(&p->link, &result);
    brd_link_release(&p->link);
    CU_ASSERT_EQUAL(brd_link_read_frames(&p->link), 0);
    pump(&p->port, 0);
}

static void carries_contents_of_every_size(void)
{
    pair p;
    uint64_t id = 1;
    pair_open(&p);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < SIZES; i++)
            carry(&p, id++, sizes[i]);
    for (int i = SIZES; i-- > 0;)
        carry(&p, id++, sizes[i]);
    pair_close(&p);
}

static void carries_many_blocks_of_growing_size(void)
{
    pair p;
    pair_open(&p);
    // More sizes than a shelf has places: old blocks are dropped on both sides.
    for (uint64_t i = 1; i <= 3 * BRD_SHELF_SLOTS; i++)
        carry(&p, i, (size_t)i * 70000);
    pair_close(&p);
}

static void defines_functions(void)
{
    pair p;
    brd_place place = {.offset = UINT64_C(0x123456789a), .build = {1, 2, 3}};
    brd_work work;
    pair_open(&p);
    for (uint32_t size = 0; size < sizeof place.module; size += 31) {
        memset(place.module, 'm', size);
        place.module[size] = 0;
        CU_ASSERT_EQUAL(brd_link_define(&p.link, size, &place, ""), 0);
        brd_link_flush(&p.link);
        CU_ASSERT_EQUAL_FATAL(brd_port_next(&p.port, &work), 0);
        CU_ASSERT_EQUAL_FATAL(work.kind, BRD_RECORD_FUNCTION);
        CU_ASSERT_EQUAL(work.function->index, size);
        CU_ASSERT_EQUAL(work.function->offset, place.offset);
        CU_ASSERT_EQUAL_FATAL(work.function->path_size, size);
        CU_ASSERT_EQUAL(memcmp(work.function->path, place.module, size), 0);
        CU_ASSERT_EQUAL(memcmp(work.function->build, place.build, sizeof place.build), 0);
    }
    int status = 0, count = 0;
    while (!(status = brd_link_define(&p.link, 1, &place, "")))
        count++;
    CU_ASSERT_EQUAL(status, BROOD_EAGAIN);
    CU_ASSERT(count > 10);
    pair_close(&p);
}

static void stops_after_what_it_has(void)
{
    pair p;
    brd_work work;
    pair_open(&p);
    CU_ASSERT_PTR_NOT_NULL(send(&p.link, 1, 5));
    brd_link_flush(&p.link);
    brd_link_stop(&p.link);
    echo(&p.port);
    CU_ASSERT_EQUAL(brd_port_next(&p.port, &work), BROOD_ECLOSED);
    CU_ASSERT(brd_link_has_news(&p.link)); // the last results are not kept back
    pair_close(&p);
}

/* -------------------------------------------------------------------- full */

static void a_full_ring_is_a_matter_of_time(void)
{
    pair p;
    brd_result result;
    uint64_t sent = 0;
    pair_open(&p);
    for (int round = 0; round < 3; round++) {
        uint64_t before = sent;
        while (send(&p.link, sent, (size_t)(sent % 50)))
            sent++;
        CU_ASSERT(sent - before > 500);
        brd_link_flush(&p.link);
        for (uint64_t id = before; id < sent; id++) {
            echo(&p.port);
            CU_ASSERT_EQUAL_FATAL(next_result(&p.link, &result), 0);
            CU_ASSERT_EQUAL(result.head.id, id);
            brd_link_release(&p.link);
        }
    }
    pair_close(&p);
}

static void all_blocks_busy_is_a_matter_of_time(void)
{
    pair p;
    pair_open(&p);
    for (uint64_t i = 0; i < BRD_SHELF_SLOTS; i++)
        CU_ASSERT_PTR_NOT_NULL(send(&p.link, i, LARGE));
    CU_ASSERT_PTR_NULL(send(&p.link, 99, LARGE));
    // What is short still has room.
    CU_ASSERT_PTR_NOT_NULL(send(&p.link, 100, 10));
    brd_link_flush(&p.link);
    pump(&p.port, BRD_SHELF_SLOTS);
    echo(&p.port);
    CU_ASSERT_EQUAL(brd_link_read_frames(&p.link), 0);
    CU_ASSERT_PTR_NOT_NULL(send(&p.link, 101, LARGE));
    CU_ASSERT_PTR_NULL(send(&p.link, 102, LARGE));
    pair_close(&p);
}

static void a_size_that_nobody_has_is_an_error(void)
{
    pair p;
    void *room = NULL;
    pair_open(&p);
    CU_ASSERT_EQUAL(brd_link_begin(&p.link, SIZE_MAX, &room), BROOD_ENOMEM);
    CU_ASSERT_NOT_EQUAL(brd_link_begin(&p.link, (size_t)1 << 46, &room), 0);
    CU_ASSERT_PTR_NULL(room);
    carry(&p, 1, 10);
    carry(&p, 2, LARGE);
    pair_close(&p);
}

/* -------------------------------------------------------------- taking back */

static void what_was_taken_back_is_never_run(void)
{
    pair p;
    brd_work work;
    _Atomic uint32_t *claims[5];
    pair_open(&p);
    for (uint64_t i = 0; i < 5; i++)
        claims[i] = send(&p.link, i, 4);
    brd_link_flush(&p.link);
    CU_ASSERT(brd_link_take_back(claims[4]));
    CU_ASSERT(brd_link_take_back(claims[1]));
    CU_ASSERT_FALSE(brd_link_take_back(claims[1]));
    for (uint64_t i = 0; i < 4; i = i ? i + 1 : 2) {
        CU_ASSERT_EQUAL_FATAL(brd_port_next(&p.port, &work), 0);
        CU_ASSERT_EQUAL(work.head->id, i);
        CU_ASSERT(brd_link_started(claims[i]));
        CU_ASSERT_FALSE(brd_link_take_back(claims[i]));
        brd_port_finished(&p.port);
    }
    brd_link_stop(&p.link);
    CU_ASSERT_EQUAL(brd_port_next(&p.port, &work), BROOD_ECLOSED);
    pair_close(&p);
}

/** Its block must come home too, or after eight of them no long task can be sent. */
static void the_block_of_what_was_taken_back_comes_home(void)
{
    pair p;
    pair_open(&p);
    for (uint64_t i = 0; i < 5 * BRD_SHELF_SLOTS; i++) {
        for (int two = 0; two < 2; two++) {
            _Atomic uint32_t *claim = send(&p.link, i, LARGE);
            CU_ASSERT_PTR_NOT_NULL_FATAL(claim);
            CU_ASSERT(brd_link_take_back(claim));
        }
        CU_ASSERT_PTR_NOT_NULL(send(&p.link, 1000 + i, 3));
        brd_link_flush(&p.link);
        pump(&p.port, p.link.outgoing.last_id);
        echo(&p.port);
        idle(&p);
        CU_ASSERT_EQUAL(brd_os_chan_wait(p.link.frames.chan, BRD_READ, test_deadline(2000)), 0);
        CU_ASSERT_EQUAL(brd_link_read_frames(&p.link), 0);
        for (int k = 0; k < BRD_SHELF_SLOTS; k++)
            CU_ASSERT_FALSE(p.link.outgoing.slots[k].busy);
        brd_result result;
        CU_ASSERT_EQUAL(next_result(&p.link, &result), 0);
        brd_link_release(&p.link);
    }
    pair_close(&p);
}

/* ------------------------------------------------------------- two threads */

enum { RACES = 30000 };

static void work_until_stopped(void *baton)
{
    pair *p = baton;
    brd_work work;
    while (brd_port_next(&p->port, &work) == BROOD_OK) {
        brd_result_head head = {.id = work.head->id, .size = work.head->size};
        if (brd_port_reply(&p->port, &head, work.contents, NULL))
            break;
        brd_port_finished(&p->port);
    }
}

static void watch_until_closed(void *baton)
{
    pair *p = baton;
    brd_frame frame;
    int status = BROOD_OK;
    while (!status || status == BROOD_EAGAIN) {
        status = brd_frames_read(&p->port.frames, &frame);
        if (!status)
            status = brd_port_on_frame(&p->port, &frame);
        else if (status == BROOD_EAGAIN)
            (void)brd_os_chan_wait(p->port.frames.chan, BRD_READ, BRD_FOREVER);
    }
}

typedef struct tally {
    unsigned char *outcomes; /* by id: 1 taken back, 2 answered; 3 would be both */
    uint32_t answered;
    uint32_t wrong;
} tally;

static void collect(brd_link *link, tally *t)
{
    brd_news news;
    int status;
    while (!(status = brd_link_next(link, &news))) {
        const brd_result result = news.u.result;
        bool known = result.head.id < RACES;
        t->wrong += !known || t->outcomes[result.head.id] ||
                    !has_pattern(result.bytes, result.head.id, (size_t)result.head.size);
        if (known)
            t->outcomes[result.head.id] |= 2;
        t->answered++;
    }
    t->wrong += status != BROOD_EAGAIN;
    brd_link_release(link);
}

/** Each task is either started or taken back, never both, never neither. */
static void one_side_gets_each_task(void)
{
    static unsigned char outcomes[RACES];
    pair p;
    brd_thread worker = {0};
    tally t = {.outcomes = outcomes};
    uint32_t taken = 0;
    memset(outcomes, 0, sizeof outcomes);
    pair_open(&p);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&worker, work_until_stopped, &p), 0);
    for (uint64_t id = 0; id < RACES;) {
        _Atomic uint32_t *claims[16];
        uint32_t count = 0;
        for (; count < 1 + id % 16 && id + count < RACES; count++)
            if (!(claims[count] = send(&p.link, id + count, 8)))
                break;
        brd_link_flush(&p.link);
        for (uint32_t i = count; i-- > 0;)
            if (i % 2 == 0 && brd_link_take_back(claims[i])) {
                outcomes[id + i] |= 1;
                taken++;
            }
        id += count;
        collect(&p.link, &t);
        if (!count)
            brd_os_yield();
    }
    brd_time until = test_deadline(20000);
    while (taken + t.answered < RACES && brd_os_now() < until) {
        collect(&p.link, &t);
        brd_os_yield();
    }
    brd_link_stop(&p.link);
    brd_os_thread_join(&worker);
    CU_ASSERT_EQUAL(t.wrong, 0);
    CU_ASSERT_EQUAL(taken + t.answered, RACES);
    CU_ASSERT(t.answered > 0);
    pair_close(&p);
}

static void long_contents_stream_both_ways(void)
{
    enum { TASKS = 400 };
    static unsigned char outcomes[RACES];
    pair p;
    brd_thread worker = {0}, watcher = {0};
    tally t = {.outcomes = outcomes};
    brd_time until = test_deadline(20000);
    uint64_t id = 0;
    memset(outcomes, 0, sizeof outcomes);
    pair_open(&p);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&watcher, watch_until_closed, &p), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&worker, work_until_stopped, &p), 0);
    while (t.answered < TASKS && brd_os_now() < until) {
        brd_news news;
        while (id < TASKS && send(&p.link, id, (size_t)(id * 7919 % 150000)))
            id++;
        brd_link_flush(&p.link);
        while (brd_link_next(&p.link, &news) == BROOD_OK) {
            brd_result result = news.u.result;
            t.wrong += result.head.id != t.answered++ ||
                       !has_pattern(result.bytes, result.head.id, (size_t)result.head.size);
            brd_link_done(&p.link, &result);
        }
        brd_link_release(&p.link);
        CU_ASSERT_EQUAL_FATAL(brd_link_read_frames(&p.link), 0);
        brd_os_yield();
    }
    CU_ASSERT_EQUAL(t.answered, TASKS);
    CU_ASSERT_EQUAL(t.wrong, 0);
    brd_link_stop(&p.link);
    brd_os_thread_join(&worker);
    brd_os_chan_close(&p.link.frames.chan);
    brd_os_thread_join(&watcher);
    pair_close(&p);
}

static void a_parked_parent_is_woken(void)
{
    pair p;
    brd_thread worker = {0};
    brd_result result;
    pair_open(&p);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&worker, work_until_stopped, &p), 0);
    for (uint64_t id = 1; id <= 200; id++) {
        CU_ASSERT_PTR_NOT_NULL(send(&p.link, id, 8));
        brd_link_flush(&p.link); // and this one wakes the worker
        brd_link_set_parked(&p.link, true);
        while (!brd_link_has_news(&p.link) &&
               !brd_os_bell_wait(&p.parent_bell, test_deadline(10000)))
            brd_link_set_parked(&p.link, true);
        brd_link_set_parked(&p.link, false);
        CU_ASSERT_EQUAL_FATAL(next_result(&p.link, &result), 0);
        CU_ASSERT_EQUAL(result.head.id, id);
        brd_link_release(&p.link);
    }
    brd_link_stop(&p.link);
    brd_os_thread_join(&worker);
    pair_close(&p);
}

static void tells_what_the_worker_is_at(void)
{
    pair p;
    uint64_t number = 77, index = 78;
    pair_open(&p);
    CU_ASSERT_EQUAL(brd_port_captured(&p.port), 0);
    brd_link_at_hand(p.link.words, &number, &index); // it has begun nothing
    CU_ASSERT(number == 77 && index == 78);
    brd_port_at_hand(&p.port, 5, 3);
    brd_link_at_hand(p.link.words, &number, &index);
    CU_ASSERT(number == 5 && index == 3);
    brd_port_at_hand(&p.port, 5, 4);
    brd_link_at_hand(p.link.words, &number, &index);
    CU_ASSERT(number == 5 && index == 4);
    atomic_store(&p.link.words->at_index, 9); // half-way to another task
    atomic_store(&p.link.words->at_number, 0);
    brd_link_at_hand(p.link.words, &number, &index);
    CU_ASSERT(number == 5 && index == 4);
    pair_close(&p);
}

static void at_each_task_with_its_item(void *baton)
{
    pair *p = baton;
    for (uint64_t number = 1; !atomic_load(&p->link.words->stop); number++)
        brd_port_at_hand(&p->port, number, number * 3);
}

// An index is never told with the number of another task, whenever it is asked.
static void what_it_is_at_fits_together(void)
{
    pair p;
    brd_thread worker;
    uint64_t number = 0, index = 0, wrong = 0;
    pair_open(&p);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&worker, at_each_task_with_its_item, &p), 0);
    for (int i = 0; i < 1000000 || number < 1000; i++) {
        brd_link_at_hand(p.link.words, &number, &index);
        wrong += index != number * 3;
    }
    brd_link_stop(&p.link);
    brd_os_thread_join(&worker);
    CU_ASSERT_EQUAL(wrong, 0);
    pair_close(&p);
}

static const test_case cases[] = {
    TEST_CASE(says_hello),
    TEST_CASE(carries_contents_of_every_size),
    TEST_CASE(carries_many_blocks_of_growing_size),
    TEST_CASE(defines_functions),
    TEST_CASE(stops_after_what_it_has),
    TEST_CASE(a_full_ring_is_a_matter_of_time),
    TEST_CASE(all_blocks_busy_is_a_matter_of_time),
    TEST_CASE(a_size_that_nobody_has_is_an_error),
    TEST_CASE(what_was_taken_back_is_never_run),
    TEST_CASE(the_block_of_what_was_taken_back_comes_home),
    TEST_CASE(one_side_gets_each_task),
    TEST_CASE(long_contents_stream_both_ways),
    TEST_CASE(a_parked_parent_is_woken),
    TEST_CASE(tells_what_the_worker_is_at),
    TEST_CASE(what_it_is_at_fits_together),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "link", cases);
}
