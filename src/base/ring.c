/**
 * The ring's arithmetic. Nothing here waits or wakes: that is the link's.
 */
#include "base/ring.h"
#include "base/bytes.h"
#include <brood/status.h>
#include <string.h>

/* What stands before each payload. */
typedef struct ring_header {
    uint32_t size; /* of the whole record */
    uint32_t kind;
} ring_header;

_Static_assert(sizeof(ring_header) == BRD_RING_HEADER, "the header's size is part of the format");

void brd_ring_out_init(brd_ring_out *out, brd_ring_words *words, void *bytes, size_t capacity)
{
    *out = (brd_ring_out){.words = words, .bytes = bytes, .capacity = capacity, .kept = UINT64_MAX};
}

void brd_ring_in_init(brd_ring_in *in, brd_ring_words *words, void *bytes, size_t capacity)
{
    *in = (brd_ring_in){.words = words, .bytes = bytes, .capacity = capacity};
}

size_t brd_ring_limit(size_t capacity)
{
    // Half: wherever the ring stands, the padding before a record this long and
    // the record itself fit together.
    return capacity / 2 - BRD_RING_HEADER;
}

static uint64_t record_size(size_t payload)
{
    return brd_round_up(payload + BRD_RING_HEADER, BRD_RING_ALIGN);
}

static bool has_room(brd_ring_out *out, uint64_t need)
{
    if (out->at + need - out->head <= out->capacity)
        return true;
    uint64_t head = atomic_load_explicit(&out->words->head, memory_order_acquire);
    if (head > out->kept)
        head = out->kept;
    // A head that never was is ignored: a consumer that lies only starves itself.
    if (head >= out->head && head <= out->at)
        out->head = head;
    return out->at + need - out->head <= out->capacity;
}

static void write_header(brd_ring_out *out, uint64_t size, uint32_t kind)
{
    ring_header header = {.size = (uint32_t)size, .kind = kind};
    memcpy(out->bytes + (out->at & (out->capacity - 1)), &header, sizeof header);
    out->at += size;
}

void *brd_ring_reserve(brd_ring_out *out, size_t size)
{
    if (size > brd_ring_limit(out->capacity))
        return NULL;
    uint64_t need = record_size(size);
    uint64_t to_end = out->capacity - (out->at & (out->capacity - 1));
    if (need > to_end) {
        // Records are contiguous: the rest of the ring becomes padding.
        if (!has_room(out, to_end + need))
            return NULL;
        write_header(out, to_end, BRD_RING_PAD);
    } else if (!has_room(out, need)) {
        return NULL;
    }
    return out->bytes + (out->at & (out->capacity - 1)) + BRD_RING_HEADER;
}

void brd_ring_commit(brd_ring_out *out, size_t size, uint32_t kind)
{
    write_header(out, record_size(size), kind);
    atomic_store_explicit(&out->words->written, out->at, memory_order_release);
}

void brd_ring_publish(brd_ring_out *out)
{
    out->published = out->at;
    atomic_store_explicit(&out->words->tail, out->at, memory_order_release);
}

bool brd_ring_drained(const brd_ring_out *out)
{
    return atomic_load_explicit(&out->words->head, memory_order_acquire) == out->at;
}

static int take(brd_ring_in *in, brd_record *record)
{
    uint64_t at = brd_ring_at(in), offset = at & (in->capacity - 1);
    ring_header header;
    memcpy(&header, in->bytes + offset, sizeof header);
    if (header.size < BRD_RING_ALIGN || header.size % BRD_RING_ALIGN != 0 ||
        header.size > in->tail - at || header.size > in->capacity - offset)
        return BROOD_EPROTOCOL;
    record->payload = in->bytes + offset + BRD_RING_HEADER;
    record->size = header.size - BRD_RING_HEADER;
    record->kind = header.kind;
    atomic_store_explicit(&in->at, at + header.size, memory_order_relaxed);
    return BROOD_OK;
}

// `written` may have been seen ahead of `tail`: an older position is no news.
static void refresh(brd_ring_in *in, uint64_t end)
{
    if ((int64_t)(end - in->tail) <= 0)
        return;
    // What was not released cannot be written over, so that nothing is endless: not
    // the records between two releases, and not the padding that next skips.
    if (end - in->released > in->capacity || end % BRD_RING_ALIGN != 0)
        in->broken = true;
    else
        in->tail = end;
}

int brd_ring_next(brd_ring_in *in, brd_record *record)
{
    int status = BROOD_OK;
    do {
        if (brd_ring_at(in) == in->tail)
            refresh(in, atomic_load_explicit(&in->words->tail, memory_order_acquire));
        if (in->broken)
            status = BROOD_EPROTOCOL;
        else if (brd_ring_at(in) == in->tail)
            status = BROOD_EAGAIN;
        else
            status = take(in, record);
    } while (!status && record->kind == BRD_RING_PAD);
    return status;
}

void brd_ring_look_deeper(brd_ring_in *in)
{
    refresh(in, atomic_load_explicit(&in->words->written, memory_order_acquire));
}

void brd_ring_release(brd_ring_in *in, uint64_t upto)
{
    if (in->released == upto)
        return;
    in->released = upto;
    atomic_store_explicit(&in->words->head, upto, memory_order_release);
}
