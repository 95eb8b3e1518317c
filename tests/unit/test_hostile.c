/*
 * What a worker that lies can do to its parent's link: nothing but EPROTOCOL. The one
 * thing to know: the worker here is the test itself, which writes records and frames
 * by hand.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "base/bytes.h"
#include "harness.h"
#include "ipc/link.h"

#include <stdlib.h>
#include <string.h>

/** A link, and its other end in the hands of a liar. */
typedef struct liar {
    brd_link link;
    brd_ring_out results;
    brd_frames frames;
} liar;

static void liar_open(liar *l)
{
    *l = (liar){0};
    CU_ASSERT_EQUAL_FATAL(brd_link_open(&l->link), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&l->frames.chan, l->link.theirs), 0);
    l->link.theirs = BRD_NONE;
    unsigned char *rings = (unsigned char *)l->link.shm.base + sizeof(brd_link_words);
    brd_ring_out_init(&l->results, &l->link.words->results, rings + BRD_RING_BYTES, BRD_RING_BYTES);
}

static void liar_close(liar *l)
{
    brd_os_chan_close(&l->frames.chan);
    brd_link_close(&l->link);
}

static void put(liar *l, uint32_t kind, const void *bytes, size_t size)
{
    void *room = brd_ring_reserve(&l->results, size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(room);
    if (!room)
        abort();
    if (size)
        memcpy(room, bytes, size);
    brd_ring_commit(&l->results, size, kind);
    brd_ring_publish(&l->results);
}

static int next(liar *l, brd_result *result)
{
    brd_news news = {0};
    int status = brd_link_next(&l->link, &news);
    *result = news.u.result;
    brd_link_release(&l->link);
    return status;
}

/** What a result of these makes of the link. */
static int result_is(liar *l, uint32_t flags, uint64_t size, uint64_t block)
{
    struct {
        brd_result_head head;
        uint64_t block;
    } record = {{.id = 1, .flags = flags, .size = size}, block};
    brd_result result;
    put(l, BRD_RECORD_RESULT, &record, sizeof record);
    return next(l, &result);
}

static void announce(liar *l, uint64_t id, size_t claimed)
{
    brd_shm shm = {.segment = BRD_NONE};
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 65536), 0);
    size_t real = shm.size;
    shm.size = claimed;
    CU_ASSERT_EQUAL(brd_frames_announce(&l->frames, id, &shm, test_deadline(5000)), 0);
    shm.size = real;
    // The giver keeps its handle until the other has taken it.
    CU_ASSERT_EQUAL(brd_os_chan_wait(l->link.frames.chan, BRD_READ, test_deadline(5000)), 0);
    (void)brd_link_read_frames(&l->link);
    brd_os_shm_unmap(&shm);
}

static void refuses_records_that_are_too_short(void)
{
    unsigned char zeros[64] = {0};
    brd_result result;
    liar l;
    liar_open(&l);
    put(&l, BRD_RECORD_RESULT, zeros, 0);
    CU_ASSERT_EQUAL(next(&l, &result), BROOD_EPROTOCOL);
    put(&l, BRD_RECORD_RESULT, zeros, 24);
    CU_ASSERT_EQUAL(next(&l, &result), BROOD_EPROTOCOL);
    put(&l, BRD_RECORD_HELLO, zeros, 40);
    CU_ASSERT_EQUAL(next(&l, &result), BROOD_EPROTOCOL);
    put(&l, BRD_RECORD_HELLO, zeros, sizeof(brd_hello));
    CU_ASSERT_EQUAL(next(&l, &result), BROOD_OK);
    liar_close(&l);
}

static void refuses_kinds_that_are_none(void)
{
    static const uint32_t kinds[] = {0, 4, 7, 0xfffe, UINT32_MAX};
    unsigned char zeros[64] = {0};
    brd_result result;
    liar l;
    liar_open(&l);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        put(&l, kinds[i], zeros, sizeof zeros);
        CU_ASSERT_EQUAL(next(&l, &result), BROOD_EPROTOCOL);
    }
    liar_close(&l);
}

static void refuses_reports_that_are_too_long(void)
{
    static const uint32_t sizes[] = {48, 255, 256, 1000, UINT32_MAX};
    unsigned char record[sizeof(brd_report_head) + 32] = {0};
    brd_result result;
    liar l;
    liar_open(&l);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        brd_report_head head = {.size = sizes[i]};
        memcpy(record, &head, sizeof head);
        put(&l, BRD_RECORD_REPORT, record, sizeof record);
        CU_ASSERT_EQUAL(next(&l, &result), BROOD_EPROTOCOL);
        put(&l, BRD_RECORD_REPORT, record, sizeof head - 8);
        CU_ASSERT_EQUAL(next(&l, &result), BROOD_EPROTOCOL);
    }
    put(&l, BRD_RECORD_REPORT, memset(record, 0, sizeof record), sizeof record);
    CU_ASSERT_EQUAL(next(&l, &result), BROOD_OK);
    liar_close(&l);
}

static void refuses_sizes_that_are_not_there(void)
{
    static const uint64_t too_long[] = {
        9, 25, 1000, BRD_RING_BYTES, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX - 32, UINT64_MAX};
    liar l;
    liar_open(&l);
    CU_ASSERT_EQUAL(result_is(&l, 0, 8, 0), BROOD_OK);
    for (size_t i = 0; i < sizeof too_long / sizeof *too_long; i++)
        CU_ASSERT_EQUAL(result_is(&l, 0, too_long[i], 0), BROOD_EPROTOCOL);
    announce(&l, 5, 65536);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 65536, 5), BROOD_OK);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 65537, 5), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, UINT64_MAX, 5), BROOD_EPROTOCOL);
    liar_close(&l);
}

static void refuses_blocks_that_are_unknown(void)
{
    liar l;
    liar_open(&l);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 10, 0), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 10, 1), BROOD_EPROTOCOL);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 10, UINT64_MAX), BROOD_EPROTOCOL);
    announce(&l, 1, 65536);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 10, 1), BROOD_OK);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 10, 2), BROOD_EPROTOCOL);
    // One that was there once.
    brd_frame drop = {.type = BRD_FRAME_DROP, .a = 1};
    CU_ASSERT_EQUAL(brd_frames_write(&l.frames, &drop, test_deadline(5000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_wait(l.link.frames.chan, BRD_READ, test_deadline(5000)), 0);
    CU_ASSERT_EQUAL(brd_link_read_frames(&l.link), 0);
    CU_ASSERT_EQUAL(result_is(&l, BRD_IN_BLOCK, 10, 1), BROOD_EPROTOCOL);
    liar_close(&l);
}

/** A result in a block that needs more room than its record has. */
static void refuses_a_block_without_an_id(void)
{
    brd_result_head head = {.id = 1, .flags = BRD_IN_BLOCK, .size = 10};
    brd_result result;
    liar l;
    liar_open(&l);
    // 32 bytes of head and no more: rounded up, there is room for an id of 8 zeros.
    put(&l, BRD_RECORD_RESULT, &head, sizeof head);
    CU_ASSERT_EQUAL(next(&l, &result), BROOD_EPROTOCOL);
    liar_close(&l);
}

/* ------------------------------------------------------------------ frames */

static int frame_is(liar *l, const brd_frame *frame)
{
    CU_ASSERT_EQUAL(brd_frames_write(&l->frames, frame, test_deadline(5000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_wait(l->link.frames.chan, BRD_READ, test_deadline(5000)), 0);
    return brd_link_read_frames(&l->link);
}

static void refuses_frames_that_are_none(void)
{
    static const uint32_t types[] = {0,   BRD_FRAME_FORK, BRD_FRAME_FORKED,
                                     255, 0x80000000,     UINT32_MAX};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        liar l;
        liar_open(&l);
        CU_ASSERT_EQUAL(frame_is(&l, &(brd_frame){.type = types[i]}), BROOD_EPROTOCOL);
        liar_close(&l);
    }
}

static void refuses_handles_that_nobody_gave(void)
{
    static const uint64_t tokens[] = {0, 1, 999999, UINT64_C(1) << 40, UINT64_MAX, UINT64_MAX - 1};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        liar l;
        liar_open(&l);
        brd_frame frame = {.type = BRD_FRAME_BLOCK, .a = 1, .b = 4096, .token = tokens[i]};
        CU_ASSERT_EQUAL(frame_is(&l, &frame), BROOD_EPROTOCOL);
        CU_ASSERT_PTR_NULL(brd_shelf_find(&l.link.incoming, 1));
        liar_close(&l);
    }
}

static void refuses_blocks_that_make_no_sense(void)
{
    liar l;
    liar_open(&l);
    announce(&l, 1, 65536 + 4096);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&l.link.incoming, 1));
    announce(&l, 0, 65536);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&l.link.incoming, 0));
    announce(&l, 2, 0);
    CU_ASSERT_PTR_NULL(brd_shelf_find(&l.link.incoming, 2));
    for (uint64_t id = 1; id <= BRD_SHELF_SLOTS + 2; id++)
        announce(&l, id, 65536);
    CU_ASSERT_PTR_NOT_NULL(brd_shelf_find(&l.link.incoming, BRD_SHELF_SLOTS));
    CU_ASSERT_PTR_NULL(brd_shelf_find(&l.link.incoming, BRD_SHELF_SLOTS + 1));
    liar_close(&l);
}

static void ignores_what_harms_nobody(void)
{
    liar l;
    liar_open(&l);
    CU_ASSERT_EQUAL(frame_is(&l, &(brd_frame){.type = BRD_FRAME_BACK, .a = 77}), 0);
    CU_ASSERT_EQUAL(frame_is(&l, &(brd_frame){.type = BRD_FRAME_BACK, .a = 0}), 0);
    CU_ASSERT_EQUAL(frame_is(&l, &(brd_frame){.type = BRD_FRAME_DROP, .a = 77}), 0);
    CU_ASSERT_EQUAL(l.link.failure, 0);
    CU_ASSERT_EQUAL(frame_is(&l, &(brd_frame){.type = BRD_FRAME_FAILED, .a = BROOD_EBUILD}), 0);
    CU_ASSERT_EQUAL(l.link.failure, BROOD_EBUILD);
    liar_close(&l);
}

static void a_frame_may_come_byte_by_byte(void)
{
    unsigned char bytes[BRD_FRAME_SIZE] = {0};
    liar l;
    liar_open(&l);
    brd_put32(bytes, BRD_FRAME_FAILED);
    brd_put64(bytes + 8, BROOD_EFUNCTION);
    for (size_t i = 0; i < sizeof bytes; i++) {
        CU_ASSERT_EQUAL(l.link.failure, 0);
        CU_ASSERT_EQUAL(test_write_all(l.frames.chan, bytes + i, 1), 0);
        CU_ASSERT_EQUAL(brd_os_chan_wait(l.link.frames.chan, BRD_READ, test_deadline(5000)), 0);
        CU_ASSERT_EQUAL(brd_link_read_frames(&l.link), 0);
    }
    CU_ASSERT_EQUAL(l.link.failure, BROOD_EFUNCTION);
    // And half a frame before the end is just the end.
    CU_ASSERT_EQUAL(test_write_all(l.frames.chan, bytes, 9), 0);
    brd_os_chan_close(&l.frames.chan);
    brd_time until = test_deadline(5000);
    int status = 0;
    while (!status && brd_os_now() < until) {
        (void)brd_os_chan_wait(l.link.frames.chan, BRD_READ, until);
        status = brd_link_read_frames(&l.link);
    }
    CU_ASSERT_EQUAL(status, BROOD_ECLOSED);
    liar_close(&l);
}

/** Whatever stands in the shared words and the rings. */
static void survives_garbage_in_the_segment(void)
{
    enum { ROUNDS = 20000 };
    uint64_t random = 5;
    liar l;
    size_t other = 0;
    liar_open(&l);
    for (int i = 0; i < ROUNDS; i++) {
        brd_result result = {.bytes = NULL};
        unsigned char *at = l.results.bytes;
        for (int k = 0; k < 64; k++) {
            random = random * UINT64_C(6364136223846793005) + 1;
            at[random >> 48] = (unsigned char)(random >> 40) & (k % 2 ? 0x1f : 0xff);
        }
        atomic_store(&l.link.words->results.tail,
                     l.link.results.at + (random >> 33) % 70000 / 16 * 16);
        int status = next(&l, &result);
        other += status && status != BROOD_EAGAIN && status != BROOD_EPROTOCOL;
        other += !status && result.head.size > BRD_RING_BYTES;
        if (l.link.results.broken)
            brd_ring_in_init(&l.link.results, &l.link.words->results, at, BRD_RING_BYTES);
    }
    CU_ASSERT_EQUAL(other, 0);
    liar_close(&l);
}

static const test_case cases[] = {
    TEST_CASE(refuses_records_that_are_too_short),
    TEST_CASE(refuses_kinds_that_are_none),
    TEST_CASE(refuses_reports_that_are_too_long),
    TEST_CASE(refuses_sizes_that_are_not_there),
    TEST_CASE(refuses_blocks_that_are_unknown),
    TEST_CASE(refuses_a_block_without_an_id),
    TEST_CASE(refuses_frames_that_are_none),
    TEST_CASE(refuses_handles_that_nobody_gave),
    TEST_CASE(refuses_blocks_that_make_no_sense),
    TEST_CASE(ignores_what_harms_nobody),
    TEST_CASE(a_frame_may_come_byte_by_byte),
    TEST_CASE(survives_garbage_in_the_segment),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "hostile", cases);
}
