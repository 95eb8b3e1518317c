/**
 * Items of a queue: how they are wrapped, put into the buffer and taken out of it. Called
 * with the lock of that side in hand. The one thing to know: whatever can fail is done
 * before the item is there, or gone, and that is a single store.
 */
#include "base/bytes.h"
#include "base/step.h"
#include "ipc/message.h"
#include "ipc/queue.h"
#include <string.h>

enum {
    TAG = BRD_QUEUE_TAG,
    TOKEN = BRD_QUEUE_TOKEN,
    LARGE = 1, /* flags of an item */
    MOST_FIRST = TAG + TOKEN * BRD_LOCKER_LOT + BRD_QUEUE_ANNOUNCED
};

/* ------------------------------------------------------------------- wrapping */

// Its bytes are in a segment that travels like a handle.
static int wrap_large(brd_queue_parcel *p, brd_span bytes)
{
    int status = brd_os_shm_create(&p->segment, bytes.size);
    if (status)
        return status;
    memcpy(p->segment.base, bytes.bytes, bytes.size);
    p->announced = bytes.size;
    p->handles[0] = p->segment.segment;
    p->nhandles = 1;
    p->large = true;
    return BROOD_OK;
}

int brd_queue_wrap(const brood_queue *q, brd_queue_parcel *out, brd_span bytes,
                   const brd_cargo *cargo)
{
    brd_queue_parcel *p = out;
    p->segment = (brd_shm){.segment = BRD_NONE};
    p->nhandles = 0;
    p->large = false;
    if (bytes.size > q->buffer.capacity / 4) {
        int status = wrap_large(p, bytes);
        if (status)
            return status;
    }
    p->bytes = p->large ? NULL : bytes.bytes;
    p->size = p->large ? 0 : bytes.size;
    for (uint32_t i = 0; cargo && i < cargo->count; i++)
        p->handles[p->nhandles++] = cargo->handles[i];
    return BROOD_OK;
}

void brd_queue_unwrap(brd_queue_parcel *p)
{
    brd_os_shm_unmap(&p->segment);
}

/* -------------------------------------------------------------------- putting */

// While nothing waits in the queue, what waits in the locker is of those who died before they
// had put it, and would keep the room for ever.
static bool clear_out(brood_queue *q, uint64_t tag)
{
    const uint64_t none = 0;
    brd_handle never;
    if (q->locker.keeper || brd_buffer_count(&q->buffer))
        return false;
    return brd_os_locker_fetch(&q->locker, tag, &none, 1, &never) == BROOD_ECLOSED;
}

static int leave_handles(brood_queue *q, const brd_queue_parcel *p, uint64_t tag,
                         unsigned char *bytes)
{
    uint64_t tokens[BRD_LOCKER_LOT];
    if (atomic_load(&q->words->no_locker))
        return BROOD_ECLOSED;
    int status = brd_os_locker_leave(&q->locker, tag, p->handles, p->nhandles, tokens);
    if (status == BROOD_EAGAIN && clear_out(q, tag))
        status = brd_os_locker_leave(&q->locker, tag, p->handles, p->nhandles, tokens);
    brd_put64(bytes, tag);
    for (uint32_t i = 0; !status && i < p->nhandles; i++)
        brd_put64(bytes + TAG + TOKEN * i, tokens[i]);
    if (!status && p->large)
        brd_put64(bytes + TAG + TOKEN * p->nhandles, p->announced);
    return status;
}

// A process that keeps handles does not lose them when the one dies who left them there.
static void note_pending(brood_queue *q, const unsigned char *bytes, uint32_t count)
{
    brd_queue_pending *pending = &q->words->pending;
    if (!q->locker.keeper)
        return;
    for (uint32_t i = 0; i < count; i++)
        pending->tokens[i] = brd_get64(bytes + TAG + TOKEN * i);
    pending->tail = atomic_load(&q->words->buffer.tail);
    atomic_store(&pending->count, count);
}

void brd_queue_mend(brood_queue *q)
{
    brd_queue_pending *pending = &q->words->pending;
    brd_handle lot[BRD_LOCKER_LOT];
    uint32_t count = q->locker.keeper ? atomic_exchange(&pending->count, 0) : 0;
    if (count == 0 || count > BRD_LOCKER_LOT ||
        pending->tail != atomic_load(&q->words->buffer.tail) || // they are in the queue
        brd_os_locker_fetch(&q->locker, 0, pending->tokens, count, lot))
        return;
    for (uint32_t i = 0; i < count; i++)
        brd_os_close(&lot[i]);
}

// Its handles are in the locker before it is in the queue. `first` is what it begins with there.
static int leave_first(brood_queue *q, const brd_queue_parcel *p, unsigned char *first)
{
    uint64_t tag = atomic_fetch_add(&q->words->last_tag, 1) + 1;
    BRD_STEP("queue.tagged");
    int status = leave_handles(q, p, tag, first);
    note_pending(q, first, status ? 0 : p->nhandles);
    BRD_STEP("queue.left");
    return status;
}

int brd_queue_put_item(brood_queue *q, const brd_queue_parcel *p)
{
    unsigned char first[MOST_FIRST];
    size_t size = brd_queue_parcel_size(p);
    const brd_buffer_head head = {
        .size = (uint32_t)size, .flags = p->large ? LARGE : 0, .count = (uint16_t)p->nhandles};
    const brd_span parts[2] = {{first, size - p->size}, {p->bytes, p->size}};
    int status = p->nhandles ? leave_first(q, p, first) : BROOD_OK;
    if (status)
        return status;
    uint64_t next = brd_buffer_write(&q->buffer, &head, parts);
    BRD_STEP("queue.written");
    brd_buffer_commit(&q->buffer, next);
    BRD_STEP("queue.put");
    if (p->nhandles)
        note_pending(q, first, 0);
    return BROOD_OK;
}

/* -------------------------------------------------------------------- getting */

/** The first item, looked at and found sound. */
typedef struct found {
    brd_buffer_record record;
    size_t first; /* bytes before its own */
    size_t size;  /* its own, wherever they are */
    bool large;
    uint64_t tag;
    uint64_t tokens[BRD_LOCKER_LOT];
} found;

static int read_first(const brood_queue *q, found *f)
{
    unsigned char bytes[MOST_FIRST];
    uint32_t count = f->record.head.count;
    f->first = brd_queue_first_size(count, f->large);
    if (count > BRD_LOCKER_LOT || f->record.head.size < f->first || (f->large && count == 0))
        return BROOD_EPROTOCOL;
    brd_buffer_copy(&q->buffer, &f->record, 0, bytes, f->first);
    f->tag = brd_get64(bytes);
    for (uint32_t i = 0; i < count; i++)
        f->tokens[i] = brd_get64(bytes + TAG + TOKEN * i);
    uint64_t announced = f->large ? brd_get64(bytes + TAG + TOKEN * count) : 0;
    if (announced > SIZE_MAX / 2)
        return BROOD_EPROTOCOL;
    f->size = f->large ? (size_t)announced : f->record.head.size - f->first;
    return BROOD_OK;
}

static int look(brood_queue *q, found *f)
{
    int status = brd_buffer_look(&q->buffer, &f->record);
    if (status)
        return status;
    f->large = f->record.head.flags & LARGE;
    f->first = 0;
    f->size = f->record.head.size;
    return f->record.head.count || f->large ? read_first(q, f) : BROOD_OK;
}

// Room for its bytes; all that this can fail with leaves the item where it is.
static int make_room(const found *f, const brd_queue_sink *sink, brood_message *out, void **room)
{
    if (!sink->message) {
        *sink->size = f->size;
        *room = sink->buffer;
        return f->size > sink->cap ? BROOD_EINVAL : BROOD_OK;
    }
    *room = brood_message_reserve(out, f->size);
    int status = *room ? BROOD_OK : BROOD_ENOMEM;
    if (!status && f->record.head.count)
        status = brd_message_prepare(out);
    return status;
}

static int copy_large(brd_handle segment, size_t size, void *room)
{
    brd_shm shm = {.segment = BRD_NONE};
    int status = size ? brd_os_shm_map(&shm, segment, size, true) : BROOD_EPROTOCOL;
    if (status) {
        brd_os_close(&segment);
        return status;
    }
    memcpy(room, shm.base, size);
    brd_os_shm_unmap(&shm);
    return BROOD_OK;
}

// Handles in a keeper's table must not be fetched twice: once they are taken out of it, their
// numbers are free, and soon those of something else that the keeper has. Who finds an item
// begun comes after one who died with it.
static bool was_begun(brood_queue *q, uint64_t tag)
{
    return q->locker.keeper && atomic_exchange(&q->words->begun, tag) == tag;
}

// What the locker has of it: its handles and, if it is large, its bytes. From the moment it
// is `touched` nobody else can have it.
static int fetch(brood_queue *q, const found *f, void *room, brd_cargo **cargo, bool *touched)
{
    brd_handle lot[BRD_LOCKER_LOT];
    uint32_t count = f->record.head.count, begin = f->large ? 1 : 0;
    *cargo = brd_cargo_make();
    if (!*cargo)
        return BROOD_ENOMEM;
    *touched = true;
    int status =
        atomic_load(&q->words->no_locker) || was_begun(q, f->tag) ? BROOD_ECLOSED : BROOD_OK;
    if (!status)
        status = brd_os_locker_fetch(&q->locker, f->tag, f->tokens, count, lot);
    if (status) // nobody left it, or who had it died with it
        return status == BROOD_ECLOSED ? BROOD_EAGAIN : status;
    BRD_STEP("queue.fetched");
    if (f->large)
        status = copy_large(lot[0], f->size, room);
    for (uint32_t i = begin; i < count; i++)
        (*cargo)->handles[(*cargo)->count++] = lot[i];
    return status;
}

// An item whose handles are elsewhere.
static int remove_with_handles(brood_queue *q, const found *f, const brd_queue_sink *sink,
                               bool *lost)
{
    brood_message out = BROOD_MESSAGE_INIT;
    brd_cargo *cargo = NULL;
    void *room = NULL;
    bool touched = false;
    int status = make_room(f, sink, &out, &room);
    if (!status && !f->large)
        brd_buffer_copy(&q->buffer, &f->record, f->first, room, f->size);
    if (!status)
        status = fetch(q, f, room, &cargo, &touched);
    if (touched)
        brd_buffer_drop(&q->buffer, &f->record);
    *lost = touched && status;
    if (!status && sink->message && cargo->count) {
        (void)brd_message_load(&out, cargo); // prepared
        cargo = NULL;
    }
    if (!status && sink->message)
        brd_message_move(sink->message, &out);
    brd_cargo_free(&cargo);
    brood_message_clear(&out);
    return status;
}

int brd_queue_take_item(brood_queue *q, const brd_queue_sink *sink, bool *lost)
{
    found f;
    void *room = NULL;
    int status = look(q, &f);
    if (status)
        return status;
    if (f.record.head.count)
        return remove_with_handles(q, &f, sink, lost);
    status = make_room(&f, sink, sink->message, &room);
    if (status)
        return status;
    brd_buffer_copy(&q->buffer, &f.record, 0, room, f.size);
    BRD_STEP("queue.copied");
    brd_buffer_drop(&q->buffer, &f.record);
    BRD_STEP("queue.got");
    return BROOD_OK;
}

void brd_queue_empty_locker(brood_queue *q)
{
    found f;
    atomic_store(&q->words->no_locker, 1);
    int status = look(q, &f);
    while (!status) {
        brd_handle lot[BRD_LOCKER_LOT];
        uint32_t count = f.record.head.count;
        if (count && !was_begun(q, f.tag) &&
            !brd_os_locker_fetch(&q->locker, f.tag, f.tokens, count, lot))
            for (uint32_t i = 0; i < count; i++)
                brd_os_close(&lot[i]);
        status = brd_buffer_look_behind(&q->buffer, &f.record);
        f.large = !status && f.record.head.flags & LARGE;
        if (!status && (f.record.head.count || f.large))
            status = read_first(q, &f);
    }
}
