/**
 * The parent's end of a link. See link.h for what may be believed.
 */
#include "ipc/link.h"
#include <string.h>

enum {
    FRAME_PATIENCE_MS = 1000,
    DONE_MS = 100,
    FRAMES_AT_ONCE = 64,
    MOST_HANDLES = 256, /* of a worker that sends them, and not the results they belong to */
    AT_HAND_TRIES = 4
};

int brd_link_open(brd_link *l)
{
    *l = (brd_link){.shm.segment = BRD_NONE, .theirs = BRD_NONE, .worker_bell.handle = BRD_NONE};
    int status = brd_os_shm_create(&l->shm, BRD_SEGMENT_SIZE);
    if (!status)
        status = brd_os_bell_open(&l->worker_bell.handle);
    if (!status)
        status = brd_os_chan_pair(&l->frames.chan, &l->theirs);
    if (status) {
        brd_link_close(l);
        return status;
    }
    brd_os_shm_keep(&l->shm); // what other workers write there is not theirs to see
    l->words = l->shm.base;
    l->worker_bell.word = &l->words->worker_parked;
    unsigned char *rings = (unsigned char *)l->shm.base + sizeof(brd_link_words);
    brd_ring_out_init(&l->tasks, &l->words->tasks, rings, BRD_RING_BYTES);
    brd_ring_in_init(&l->results, &l->words->results, rings + BRD_RING_BYTES, BRD_RING_BYTES);
    return BROOD_OK;
}

void brd_link_close(brd_link *l)
{
    brd_shelf_clear(&l->outgoing);
    brd_shelf_clear(&l->incoming);
    brd_arrivals_clear(&l->arrivals);
    brd_os_chan_close(&l->frames.chan);
    brd_os_close(&l->theirs);
    brd_os_close(&l->worker_bell.handle);
    brd_os_shm_unmap(&l->shm);
    l->words = NULL;
}

static brd_time patience(void)
{
    return brd_os_now() + FRAME_PATIENCE_MS * BRD_MS;
}

static int announce(brd_link *l, const brd_block *block, uint64_t dropped)
{
    int status = BROOD_OK;
    if (dropped) {
        brd_frame frame = {.type = BRD_FRAME_DROP, .a = dropped};
        status = brd_frames_write(&l->frames, &frame, patience());
    }
    if (!status)
        status = brd_frames_announce(&l->frames, block->id, &block->shm, patience());
    return status;
}

static int begin_in_block(brd_link *l, size_t size)
{
    bool fresh = false;
    uint64_t dropped = 0;
    int status = brd_shelf_take(&l->outgoing, size, &l->block, &fresh, &dropped);
    if (!status && fresh) {
        status = announce(l, l->block, dropped);
        if (status) {
            brd_shelf_drop(&l->outgoing, l->block->id);
            status = BROOD_ECLOSED; // whatever it is: the worker is of no use any more
        }
    }
    if (status)
        l->block = NULL;
    return status;
}

int brd_link_begin(brd_link *l, size_t size, void **room)
{
    bool inside = size <= BRD_INLINE_MAX;
    size_t contents = inside ? size : sizeof(uint64_t);
    l->block = NULL;
    l->size = size;
    l->room = brd_ring_reserve(&l->tasks, sizeof(brd_task_head) + contents);
    if (!l->room)
        return BROOD_EAGAIN;
    l->at = l->tasks.at;
    int status = inside ? BROOD_OK : begin_in_block(l, size);
    if (!status)
        *room = inside ? (void *)(l->room + sizeof(brd_task_head)) : l->block->shm.base;
    return status;
}

// Handles of tasks that the worker has not done, as far as its ring tells.
static uint32_t on_board(brd_link *l)
{
    uint64_t done = brd_ring_head(&l->tasks);
    uint32_t handles = 0;
    size_t kept = 0;
    for (size_t i = 0; i < l->ncarried; i++) {
        if (l->carried[i].at < done)
            continue;
        handles += l->carried[i].handles;
        l->carried[kept++] = l->carried[i];
    }
    l->ncarried = kept;
    return handles;
}

int brd_link_carry(brd_link *l, const brd_cargo *cargo, brd_task_head *head)
{
    if (!cargo)
        return BROOD_OK;
    // Always one; more as far as a process can be expected to have room for them.
    int status = on_board(l) + cargo->count > BRD_ON_BOARD && l->ncarried ? BROOD_EAGAIN : BROOD_OK;
    if (!status)
        status = brd_cargo_send(cargo, &l->frames, head->id, patience());
    if (!status) {
        head->flags |= BRD_CARGO;
        l->carried[l->ncarried++] = (brd_carried){l->at, cargo->count};
    } else if (l->block) {
        brd_shelf_give_back(&l->outgoing, l->block->id);
    }
    return status;
}

_Atomic uint32_t *brd_link_commit(brd_link *l, const brd_task_head *head)
{
    brd_task_head *at = (brd_task_head *)(void *)l->room;
    size_t contents = l->size;
    atomic_store_explicit(&at->claim, BRD_UNCLAIMED, memory_order_relaxed);
    at->function = head->function;
    at->id = head->id;
    at->flags = head->flags;
    at->count = head->count;
    at->size = l->size;
    at->number = head->number;
    at->first = head->first;
    if (l->block) {
        at->flags |= BRD_IN_BLOCK;
        memcpy(at + 1, &l->block->id, sizeof l->block->id);
        contents = sizeof l->block->id;
    }
    brd_ring_commit(&l->tasks, sizeof *at + contents, BRD_RECORD_TASK);
    return &at->claim;
}

int brd_link_define(brd_link *l, uint32_t index, const brd_place *place, const char *name)
{
    size_t path = strlen(place->module), size = strlen(name);
    brd_function_head *at = brd_ring_reserve(&l->tasks, sizeof *at + path + size);
    if (!at)
        return BROOD_EAGAIN;
    *at = (brd_function_head){.index = index,
                              .path_size = (uint32_t)path,
                              .offset = place->offset,
                              .name_size = (uint32_t)size};
    memcpy(at->build, place->build, sizeof at->build);
    memcpy(at->path, place->module, path);
    memcpy(at->path + path, name, size);
    brd_ring_commit(&l->tasks, sizeof *at + path + size, BRD_RECORD_FUNCTION);
    return BROOD_OK;
}

void brd_link_flush(brd_link *l)
{
    if (!brd_ring_pending(&l->tasks))
        return;
    brd_ring_publish(&l->tasks);
    // The worker stores "parked", then looks for tasks; we store the task, then
    // look for "parked": the fence makes one of the two see the other.
    atomic_thread_fence(memory_order_seq_cst);
    brd_os_bell_ring(&l->worker_bell);
}

bool brd_link_take_back(_Atomic uint32_t *claim)
{
    uint32_t expected = BRD_UNCLAIMED;
    return atomic_compare_exchange_strong(claim, &expected, BRD_TAKEN_BACK);
}

bool brd_link_started(const _Atomic uint32_t *claim)
{
    // Whatever else stands there, the worker wrote it: that task is never run again.
    return atomic_load(claim) != BRD_UNCLAIMED;
}

// What belongs to a record was sent before it was written, so it is on the channel.
static bool is_there(brd_link *l, brd_result *r)
{
    if (r->block && !brd_shelf_find(&l->incoming, r->block))
        return false;
    if (r->head.flags & BRD_CARGO && !r->cargo)
        r->cargo = brd_arrivals_fetch(&l->arrivals, r->head.id);
    return !(r->head.flags & BRD_CARGO) || r->cargo;
}

static int wait_until_there(brd_link *l, brd_result *r)
{
    brd_time until = brd_os_now() + DONE_MS * BRD_MS;
    int status = BROOD_OK;
    while (!status && !is_there(l, r)) {
        status = brd_link_read_frames(l);
        if (status == BROOD_ECLOSED)
            return is_there(l, r) ? BROOD_OK : BROOD_EPROTOCOL;
        // What has left the worker may still be on its way, for a moment.
        if (!status && !is_there(l, r) &&
            (brd_os_now() >= until || brd_os_chan_wait(l->frames.chan, BRD_READ, until)))
            status = BROOD_EPROTOCOL;
    }
    return status;
}

static int read_outside(brd_link *l, brd_result *out)
{
    int status = wait_until_there(l, out);
    const brd_block *block = status ? NULL : brd_shelf_find(&l->incoming, out->block);
    if (!status && out->block && out->head.size > block->shm.size)
        status = BROOD_EPROTOCOL;
    if (status)
        brd_cargo_free(&out->cargo);
    else if (out->block)
        out->bytes = block->shm.base;
    return status;
}

static int read_result(brd_link *l, const brd_record *record, brd_result *out)
{
    if (record->size < sizeof out->head)
        return BROOD_EPROTOCOL;
    memcpy(&out->head, record->payload, sizeof out->head);
    const unsigned char *contents = record->payload + sizeof out->head;
    size_t room = record->size - sizeof out->head;
    out->block = 0;
    out->cargo = NULL;
    out->bytes = contents;
    if (!(out->head.flags & BRD_IN_BLOCK) && out->head.size > room)
        return BROOD_EPROTOCOL;
    if (out->head.flags & BRD_IN_BLOCK) {
        if (room < sizeof out->block)
            return BROOD_EPROTOCOL;
        memcpy(&out->block, contents, sizeof out->block);
        if (!out->block)
            return BROOD_EPROTOCOL;
    }
    return out->head.flags & (BRD_IN_BLOCK | BRD_CARGO) ? read_outside(l, out) : BROOD_OK;
}

static int read_report(const brd_record *record, brd_report *out)
{
    if (record->size < sizeof out->head)
        return BROOD_EPROTOCOL;
    memcpy(&out->head, record->payload, sizeof out->head);
    size_t size = out->head.size;
    if (size > BRD_REPORT_TEXT || size > record->size - sizeof out->head)
        return BROOD_EPROTOCOL;
    memcpy(out->text, record->payload + sizeof out->head, size);
    out->text[size] = 0;
    return BROOD_OK;
}

int brd_link_next(brd_link *l, brd_news *news)
{
    brd_record record;
    int status = brd_ring_next(&l->results, &record);
    if (status)
        return status;
    news->kind = record.kind;
    if (record.kind == BRD_RECORD_RESULT)
        return read_result(l, &record, &news->u.result);
    if (record.kind == BRD_RECORD_REPORT)
        return read_report(&record, &news->u.report);
    if (record.kind != BRD_RECORD_HELLO || record.size < sizeof news->u.hello)
        return BROOD_EPROTOCOL;
    memcpy(&news->u.hello, record.payload, sizeof news->u.hello);
    return BROOD_OK;
}

int brd_link_done(brd_link *l, brd_result *result)
{
    brd_cargo_free(&result->cargo);
    if (!result->block)
        return BROOD_OK;
    brd_frame frame = {.type = BRD_FRAME_BACK, .a = result->block};
    return brd_frames_write(&l->frames, &frame, brd_os_now() + DONE_MS * BRD_MS);
}

void brd_link_release(brd_link *l)
{
    brd_ring_release(&l->results, brd_ring_at(&l->results));
}

static int handle_frame(brd_link *l, const brd_frame *frame)
{
    brd_handle segment = BRD_NONE;
    int status = BROOD_OK;
    switch (frame->type) {
    case BRD_FRAME_BLOCK:
        status = brd_os_chan_take(l->frames.chan, frame->token, &segment);
        if (!status)
            status = brd_shelf_put(&l->incoming, frame->a, (size_t)frame->b, segment);
        break;
    case BRD_FRAME_BACK:
        brd_shelf_give_back(&l->outgoing, frame->a);
        break;
    case BRD_FRAME_DROP:
        brd_shelf_drop(&l->incoming, frame->a);
        break;
    case BRD_FRAME_HANDLE:
        status = brd_arrivals_put(&l->arrivals, frame, l->frames.chan, MOST_HANDLES);
        break;
    case BRD_FRAME_FAILED:
        l->failure = (int)frame->a;
        l->failed_at = frame->b;
        break;
    default:
        status = BROOD_EPROTOCOL;
    }
    return status;
}

int brd_link_read_frames(brd_link *l)
{
    brd_frame frame;
    int status = BROOD_OK;
    // A worker that never stops writing is not read for ever: the waiter reports the
    // rest again.
    for (int i = 0; !status && i < FRAMES_AT_ONCE; i++) {
        status = brd_frames_read(&l->frames, &frame);
        if (!status)
            status = handle_frame(l, &frame);
    }
    return status == BROOD_EAGAIN ? BROOD_OK : status;
}

void brd_link_at_hand(const brd_link_words *words, uint64_t *number, uint64_t *index)
{
    for (int tries = 0; tries < AT_HAND_TRIES; tries++) {
        uint64_t before = atomic_load_explicit(&words->at_number, memory_order_acquire);
        uint64_t at = atomic_load_explicit(&words->at_index, memory_order_acquire);
        if (before && before == atomic_load_explicit(&words->at_number, memory_order_relaxed)) {
            *number = before;
            *index = at;
            return;
        }
    }
}

uint32_t brd_link_loading(const brd_link *l)
{
    uint32_t loading = atomic_load_explicit(&l->words->loading, memory_order_acquire);
    return loading <= l->functions ? loading : 0;
}

void brd_link_set_parked(brd_link *l, bool parked)
{
    atomic_store(&l->words->parent_parked, parked ? 1u : 0u);
}

void brd_link_stop(brd_link *l)
{
    atomic_store(&l->words->stop, 1);
    brd_os_bell_ring(&l->worker_bell);
}

void brd_link_cancel(brd_link *l, uint64_t id, uint32_t item)
{
    atomic_store_explicit(&l->words->cancelled_item, item, memory_order_relaxed);
    atomic_store_explicit(&l->words->cancelled, id, memory_order_release);
}
