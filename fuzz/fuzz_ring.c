/*
 * A ring whose producer is the fuzzer: commands that write shared words and bytes, in
 * between the consumer's calls. What it must keep: a record lies inside the ring, the
 * consumer's own position never runs further than the ring is long, and it ends.
 *
 * A command is one byte and what it needs: see step.
 */
#include "base/ring.h"
#include "target.h"

#include <brood/status.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 256 };

typedef struct input {
    const uint8_t *at;
    size_t left;
} input;

static uint64_t take(input *in, size_t width)
{
    uint64_t value = 0;
    for (; width && in->left; width--, in->left--)
        value = value << 8 | *in->at++;
    return value;
}

static void consume(brd_ring_in *ring)
{
    brd_record record = {0};
    uint64_t before = ring->at;
    volatile unsigned sum = 0;
    int status = brd_ring_next(ring, &record);
    FUZZ_CHECK(status == BROOD_OK || status == BROOD_EAGAIN || status == BROOD_EPROTOCOL);
    FUZZ_CHECK(ring->at >= before && ring->at - ring->released <= CAPACITY);
    FUZZ_CHECK(ring->at % BRD_RING_ALIGN == 0);
    if (status)
        return;
    size_t offset = (size_t)(record.payload - ring->bytes);
    FUZZ_CHECK(record.kind != BRD_RING_PAD);
    FUZZ_CHECK(offset >= BRD_RING_HEADER && offset <= CAPACITY);
    FUZZ_CHECK(record.size <= CAPACITY - offset);
    for (uint32_t i = 0; i < record.size; i++)
        sum += record.payload[i];
    (void)sum;
}

static void step(brd_ring_in *ring, input *in)
{
    uint8_t command = (uint8_t)take(in, 1);
    size_t place = command >> 4;
    switch (command & 7) {
    case 0:
        atomic_store(&ring->words->tail, ring->at + take(in, 2));
        break;
    case 1:
        atomic_store(&ring->words->written, ring->at + take(in, 2));
        break;
    case 2:
        atomic_store(&ring->words->tail, take(in, 8));
        break;
    case 3: { // a header, little-endian as everywhere that brood runs
        uint32_t header[2] = {(uint32_t)take(in, 2), (uint32_t)take(in, 2)};
        memcpy(ring->bytes + place * BRD_RING_ALIGN, header, sizeof header);
        break;
    }
    case 4:
        ring->bytes[(place * BRD_RING_ALIGN + take(in, 1)) % CAPACITY] = (uint8_t)take(in, 1);
        break;
    case 5:
        brd_ring_look_deeper(ring);
        break;
    case 6:
        brd_ring_release(ring, ring->at);
        break;
    default:
        (void)brd_ring_has_news(ring);
        (void)brd_ring_has_any(ring);
        consume(ring);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static brd_ring_words words;
    input in = {bytes, size};
    brd_ring_in ring;
    unsigned char *room = calloc(1, CAPACITY);
    FUZZ_CHECK(room != NULL);
    atomic_store(&words.tail, 0);
    atomic_store(&words.written, 0);
    atomic_store(&words.head, 0);
    brd_ring_in_init(&ring, &words, room, CAPACITY);
    while (in.left) {
        step(&ring, &in);
        consume(&ring);
    }
    free(room);
    return 0;
}

size_t fuzz_seed(size_t index, uint8_t *bytes, size_t cap)
{
    static const uint8_t good[] = {0x03, 0, 32, 0, 1, 0x23, 0, 16, 0, 2, 0x00, 0, 48, 0x07, 0x06};
    static const uint8_t wraps[] = {0x03, 0,    240,  0, 1,  0x00, 0, 240,  0x06, 0xf3, 0,    16,
                                    0xff, 0xff, 0x03, 0, 64, 0,    1, 0x00, 0,    80,   0x07, 0x06};
    static const uint8_t deeper[] = {0x03, 0, 64, 0, 1, 0x01, 0, 64, 0x05, 0x07,
                                     0x02, 0, 0,  0, 0, 0,    0, 0,  64};
    static const uint8_t padding[] = {0x03, 0,    16,   0xff, 0xff, 0x13, 0,
                                      16,   0xff, 0xff, 0x00, 0,    32};
    static const struct {
        const uint8_t *bytes;
        size_t size;
    } seeds[] = {{good, sizeof good},
                 {wraps, sizeof wraps},
                 {deeper, sizeof deeper},
                 {padding, sizeof padding}};
    if (index >= sizeof seeds / sizeof *seeds || seeds[index].size > cap)
        return 0;
    memcpy(bytes, seeds[index].bytes, seeds[index].size);
    return seeds[index].size;
}
