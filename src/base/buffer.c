/**
 * The circular buffer. See buffer.h.
 */
#include "base/buffer.h"
#include <brood/status.h>
#include <string.h>

enum { LEAST_EXPECTED = 256, MOST_EXPECTED = 4096 };

_Static_assert(sizeof(brd_buffer_head) == BRD_BUFFER_UNIT, "a head is one unit");

static uint32_t units_of(uint64_t mark)
{
    return (uint32_t)mark;
}

static uint32_t count_of(uint64_t mark)
{
    return (uint32_t)(mark >> 32);
}

// Behind one more record of so many units.
static uint64_t moved(uint64_t mark, uint64_t units)
{
    return (uint64_t)(count_of(mark) + 1) << 32 | (uint32_t)(units_of(mark) + (uint32_t)units);
}

static uint64_t units_for(uint64_t size)
{
    return 1 + (size + BRD_BUFFER_UNIT - 1) / BRD_BUFFER_UNIT;
}

static uint64_t used_between(uint64_t head, uint64_t tail)
{
    return (uint64_t)(uint32_t)(units_of(tail) - units_of(head)) * BRD_BUFFER_UNIT;
}

static uint64_t tail_of(const brd_buffer *b)
{
    return atomic_load_explicit(&b->words->tail, memory_order_acquire);
}

static uint64_t head_of(const brd_buffer *b)
{
    return atomic_load_explicit(&b->words->head, memory_order_acquire);
}

uint32_t brd_buffer_count(const brd_buffer *b)
{
    // The head first: the other way round it could have passed the tail.
    uint64_t head = head_of(b);
    return count_of(tail_of(b)) - count_of(head);
}

uint32_t brd_buffer_written(const brd_buffer *b)
{
    return count_of(tail_of(b));
}

/** What somebody has to write. */
typedef struct need {
    uint64_t units;
    uint32_t most; /* records that wait then; 0: any number */
} need;

static bool fits(const brd_buffer *b, uint64_t head, uint64_t tail, need n)
{
    uint64_t used = used_between(head, tail);
    return used <= b->capacity && n.units * BRD_BUFFER_UNIT <= b->capacity - used &&
           (!n.most || count_of(tail) - count_of(head) < n.most);
}

bool brd_buffer_has_room(const brd_buffer *b, uint64_t size, uint32_t most)
{
    uint64_t head = head_of(b);
    return fits(b, head, tail_of(b), (need){units_for(size), most});
}

// As many records as are said to stand there take at least a unit each.
static bool can_be(const brd_buffer *b, uint64_t head, uint64_t tail)
{
    uint64_t used = used_between(head, tail);
    uint32_t count = count_of(tail) - count_of(head);
    return used <= b->capacity && count <= used / BRD_BUFFER_UNIT && (count || !used);
}

bool brd_buffer_is_sound(const brd_buffer *b)
{
    uint64_t head = head_of(b);
    return can_be(b, head, tail_of(b));
}

int brd_buffer_find_room(brd_buffer *b, uint64_t size, uint32_t most)
{
    const need n = {units_for(size), most};
    uint64_t tail = tail_of(b);
    // What a writer before saw must be seen from here on too, so it is handed on in order.
    if (fits(b, atomic_load_explicit(&b->words->head_seen, memory_order_acquire), tail, n))
        return BROOD_OK;
    uint64_t head = head_of(b);
    atomic_store_explicit(&b->words->head_seen, head, memory_order_release);
    if (fits(b, head, tail, n))
        return BROOD_OK;
    return can_be(b, head, tail) ? BROOD_EAGAIN : BROOD_EPROTOCOL;
}

static uint64_t place(const brd_buffer *b, uint64_t unit)
{
    return unit * BRD_BUFFER_UNIT & (b->capacity - 1);
}

// In two pieces where the end of the buffer is in between. Returns the place behind it.
static uint64_t copy_in(brd_buffer *b, uint64_t at, brd_span part)
{
    size_t first = b->capacity - at < part.size ? (size_t)(b->capacity - at) : part.size;
    if (part.size == 0)
        return at;
    memcpy(b->bytes + at, part.bytes, first);
    if (part.size > first)
        memcpy(b->bytes, (const unsigned char *)part.bytes + first, part.size - first);
    return (at + part.size) & (b->capacity - 1);
}

uint64_t brd_buffer_write(brd_buffer *b, const brd_buffer_head *head, const brd_span parts[2])
{
    uint64_t tail = tail_of(b);
    memcpy(b->bytes + place(b, units_of(tail)), head, sizeof *head);
    uint64_t at = copy_in(b, place(b, units_of(tail) + UINT64_C(1)), parts[0]);
    copy_in(b, at, parts[1]);
    return moved(tail, units_for(head->size));
}

// In one load that the compiler cannot repeat: what is checked is what is used.
static brd_buffer_head head_at(const brd_buffer *b, uint64_t at)
{
    const void *start = b->bytes + place(b, units_of(at));
    const uint64_t word =
        atomic_load_explicit((const _Atomic uint64_t *)start, memory_order_relaxed);
    brd_buffer_head head;
    memcpy(&head, &word, sizeof head);
    return head;
}

// How many bytes of records stand from there on, at least. Fails with: BROOD_EAGAIN (none).
static int find_used(brd_buffer *b, uint64_t at, uint64_t *used)
{
    uint64_t seen = atomic_load_explicit(&b->words->tail_seen, memory_order_acquire);
    *used = used_between(at, seen);
    if (*used != 0 && *used <= b->capacity)
        return BROOD_OK;
    seen = tail_of(b);
    atomic_store_explicit(&b->words->tail_seen, seen, memory_order_release);
    *used = used_between(at, seen);
    if (at == seen)
        return BROOD_EAGAIN;
    return *used != 0 && *used <= b->capacity ? BROOD_OK : BROOD_EPROTOCOL;
}

// While a record is copied, the next one comes from the cpu on which it was written. Small ones
// stand close enough together.
static void expect(const brd_buffer *b, const brd_buffer_record *r, uint64_t behind)
{
    uint64_t at = place(b, units_of(r->next)), size = r->head.size;
    size = size < behind ? size : behind;
    size = size < b->capacity - at ? size : b->capacity - at;
    if (size >= LEAST_EXPECTED)
        brd_os_prefetch(b->bytes + at, size < MOST_EXPECTED ? (size_t)size : MOST_EXPECTED);
}

static int look_at(brd_buffer *b, uint64_t at, brd_buffer_record *out)
{
    brd_buffer_record r = {.at = at};
    uint64_t used = 0;
    int status = find_used(b, at, &used);
    if (status)
        return status;
    r.head = head_at(b, at);
    uint64_t size = units_for(r.head.size) * BRD_BUFFER_UNIT;
    r.next = moved(at, units_for(r.head.size));
    if (size > used)
        return BROOD_EPROTOCOL;
    expect(b, &r, used - size);
    *out = r;
    return BROOD_OK;
}

int brd_buffer_look(brd_buffer *b, brd_buffer_record *out)
{
    return look_at(b, head_of(b), out);
}

int brd_buffer_look_behind(brd_buffer *b, brd_buffer_record *record)
{
    return look_at(b, record->next, record);
}

void brd_buffer_copy(const brd_buffer *b, const brd_buffer_record *record, size_t offset, void *out,
                     size_t size)
{
    uint64_t at = (place(b, units_of(record->at) + UINT64_C(1)) + offset) & (b->capacity - 1);
    size_t first = b->capacity - at < size ? (size_t)(b->capacity - at) : size;
    if (size == 0)
        return;
    memcpy(out, b->bytes + at, first);
    if (size > first)
        memcpy((unsigned char *)out + first, b->bytes, size - first);
}
