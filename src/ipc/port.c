/**
 * The worker's end of its link.
 *
 * Waiting is spin, yield, park. Spinning is right only while the parent runs on
 * another cpu and nobody else needs this one; yields help only when tasks are
 * short. Results are announced in batches while tasks are short, but a parent
 * that is parked never waits for a batch.
 */
#include "ipc/port.h"
#include <string.h>

enum {
    SPINS = 1000,
    YIELDS = 20,
    BATCH = 32,               /* short results a publication */
    LONG_TASK_NS = 5000,      /* from here on each result is published by itself */
    NO_YIELD_TASK_NS = 20000, /* yielding would only take the cpu from other workers */
    SHARED_WAITS = 16,
    TIME_EVERY = 16 /* waits: the clock costs as much as a short task's way */
};

int brd_port_open(brd_port *p, brd_shm shm, brd_chan *chan, brd_handle own_bell,
                  brd_handle parent_bell, unsigned cpus)
{
    *p = (brd_port){.shm = shm, .words = shm.base, .frames.chan = chan, .cpus = cpus};
    p->batch_start = brd_os_now(); // the first task may be there already
    p->own_bell = (brd_bell){.word = &p->words->worker_parked, .handle = own_bell};
    p->parent_bell = (brd_bell){.word = &p->words->parent_parked, .handle = parent_bell};
    unsigned char *rings = (unsigned char *)shm.base + sizeof(brd_link_words);
    brd_ring_in_init(&p->tasks, &p->words->tasks, rings, BRD_RING_BYTES);
    brd_ring_out_init(&p->results, &p->words->results, rings + BRD_RING_BYTES, BRD_RING_BYTES);
    int status = brd_os_mutex_init(&p->lock);
    if (!status)
        status = brd_os_cond_init(&p->changed);
    return status;
}

/* ------------------------------------------------------------- announcing */

// Fast up, slow down: one long task must be believed at once, one short one not.
static void measure(brd_port *p, brd_time now)
{
    uint64_t each = (uint64_t)(now - p->batch_start) / p->batch;
    uint32_t old = atomic_load_explicit(&p->words->task_ns, memory_order_relaxed);
    uint32_t mean = each > UINT32_MAX / 4 ? UINT32_MAX / 4 : (uint32_t)each + 1;
    if (mean < old)
        mean = (uint32_t)((3 * (uint64_t)old + mean) / 4);
    // The parent reads this line with every result: small changes are not worth its way.
    if (mean > old + old / 8 || mean < old - old / 8)
        atomic_store_explicit(&p->words->task_ns, mean, memory_order_relaxed);
}

static void announce(brd_port *p)
{
    if (brd_ring_pending(&p->results))
        brd_ring_publish(&p->results);
    brd_ring_release(&p->tasks, p->consumed);
    atomic_thread_fence(memory_order_seq_cst);
    brd_os_bell_ring(&p->parent_bell);
}

static void end_batch(brd_port *p)
{
    announce(p);
    if (!p->batch)
        return;
    brd_time now = brd_os_now();
    if (p->batch_start)
        measure(p, now);
    p->batch_start = now;
    p->batch = 0;
}

static void give_block_back(brd_port *p)
{
    if (!p->block)
        return;
    brd_frame frame = {.type = BRD_FRAME_BACK, .a = p->block};
    (void)brd_frames_write(&p->frames, &frame, BRD_FOREVER);
    p->block = 0;
}

void brd_port_finished(brd_port *p)
{
    give_block_back(p);
    p->consumed = brd_ring_at(&p->tasks);
    uint32_t task_ns = atomic_load_explicit(&p->words->task_ns, memory_order_relaxed);
    if (++p->batch >= BATCH || task_ns >= LONG_TASK_NS)
        end_batch(p);
}

/* ---------------------------------------------------------------- waiting */

static bool has_work(const brd_port *p)
{
    return brd_ring_has_news(&p->tasks) ||
           atomic_load_explicit(&p->words->stop, memory_order_acquire);
}

static bool may_spin(brd_port *p)
{
    if (p->cpus < 2 || atomic_load_explicit(&p->words->crowded, memory_order_relaxed))
        return false;
    int cpu = brd_os_cpu();
    if (cpu != atomic_load_explicit(&p->words->worker_cpu, memory_order_relaxed))
        atomic_store_explicit(&p->words->worker_cpu, cpu, memory_order_relaxed);
    if (cpu < 0 || cpu != atomic_load_explicit(&p->words->parent_cpu, memory_order_relaxed)) {
        p->shared = 0;
        return true;
    }
    // Two that talk in turn look like one to the scheduler, which then leaves them
    // on one cpu for long although another is idle.
    if (++p->shared == SHARED_WAITS) {
        brd_os_leave_cpu();
        p->shared = 0;
    }
    return false;
}

static bool spin(brd_port *p)
{
    if (may_spin(p))
        for (int i = 0; i < SPINS; i++) {
            if (has_work(p))
                return true;
            brd_os_pause();
        }
    if (atomic_load_explicit(&p->words->task_ns, memory_order_relaxed) < NO_YIELD_TASK_NS)
        for (int i = 0; i < YIELDS; i++) {
            if (has_work(p))
                return true;
            brd_os_yield();
        }
    return has_work(p);
}

// One task after the other, each waited for: only some of them are timed.
static void end_short_batch(brd_port *p)
{
    if (p->batch_start || p->batch > 1) {
        end_batch(p);
    } else {
        announce(p);
        p->batch = 0;
    }
}

static bool is_timed(brd_port *p)
{
    return atomic_load_explicit(&p->words->task_ns, memory_order_relaxed) >= LONG_TASK_NS ||
           p->waits++ % TIME_EVERY == 0;
}

static void wait_for_work(brd_port *p)
{
    p->consumed = brd_ring_at(&p->tasks);
    end_short_batch(p);
    while (!spin(p)) {
        atomic_store(&p->words->worker_parked, 1);
        atomic_thread_fence(memory_order_seq_cst); // see brd_link_flush
        if (!has_work(p))
            (void)brd_os_bell_wait(&p->own_bell, BRD_FOREVER);
        atomic_store(&p->words->worker_parked, 0);
    }
    p->batch_start = is_timed(p) ? brd_os_now() : 0;
}

/* ------------------------------------------------------------------ tasks */

void brd_port_at_hand(brd_port *p, uint64_t number, uint64_t index)
{
    brd_link_words *words = p->words;
    // See brd_link_at_hand: an index is never taken for that of another task.
    if (atomic_load_explicit(&words->at_number, memory_order_relaxed) != number)
        atomic_store_explicit(&words->at_number, 0, memory_order_relaxed);
    atomic_store_explicit(&words->at_index, index, memory_order_release);
    atomic_store_explicit(&words->at_number, number, memory_order_release);
}

static brd_block *wait_for_block(brd_port *p, uint64_t id)
{
    brd_os_mutex_lock(&p->lock);
    brd_block *block;
    // The watcher reads the announcement, which was sent before the task was.
    while (!(block = brd_shelf_find(&p->incoming, id)))
        (void)brd_os_cond_wait(&p->changed, &p->lock, BRD_FOREVER);
    brd_os_mutex_unlock(&p->lock);
    return block;
}

static brd_cargo *wait_for_cargo(brd_port *p, uint64_t task)
{
    brd_os_mutex_lock(&p->lock);
    brd_cargo *cargo;
    while (!(cargo = brd_arrivals_fetch(&p->arrivals, task)))
        (void)brd_os_cond_wait(&p->changed, &p->lock, BRD_FOREVER);
    brd_os_mutex_unlock(&p->lock);
    return cargo;
}

static bool claim(brd_port *p, brd_task_head *head)
{
    uint32_t expected = BRD_UNCLAIMED;
    if (!atomic_compare_exchange_strong(&head->claim, &expected, BRD_STARTED))
        return false;
    // The compare-and-swap is a full fence: if the parent parked after our last
    // result was written, it saw that result; if before, this load sees it parked.
    if (atomic_load(&p->words->parent_parked) && brd_ring_pending(&p->results))
        announce(p);
    return true;
}

int brd_port_next(brd_port *p, brd_work *work)
{
    brd_record record;
    for (;;) {
        int status = brd_ring_next(&p->tasks, &record);
        if (status == BROOD_EAGAIN) {
            if (atomic_load_explicit(&p->words->stop, memory_order_acquire)) {
                end_batch(p);
                return BROOD_ECLOSED;
            }
            wait_for_work(p);
            continue;
        }
        if (status)
            return status;
        *work = (brd_work){.kind = record.kind};
        if (record.kind == BRD_RECORD_FUNCTION) {
            work->function = (const brd_function_head *)(void *)record.payload;
            return BROOD_OK;
        }
        if (record.kind != BRD_RECORD_TASK)
            continue;
        work->head = (brd_task_head *)(void *)record.payload;
        work->contents = (unsigned char *)(work->head + 1);
        if (work->head->flags & BRD_IN_BLOCK)
            memcpy(&p->block, work->contents, sizeof p->block);
        bool ours = claim(p, work->head);
        if (work->head->flags & BRD_CARGO)
            work->cargo = wait_for_cargo(p, work->head->id);
        if (ours)
            break;
        give_block_back(p); // of a task that was taken back
        brd_cargo_free(&work->cargo);
    }
    if (p->block)
        work->contents = wait_for_block(p, p->block)->shm.base;
    return BROOD_OK;
}

/* ---------------------------------------------------------------- results */

static void *reserve(brd_port *p, size_t size)
{
    void *room;
    for (int i = 0; !(room = brd_ring_reserve(&p->results, size)); i++) {
        announce(p);
        if (i < YIELDS) {
            brd_os_yield();
            continue;
        }
        // The parent is busy, or stopped: nothing rings when it has read, so look now
        // and then.
        brd_os_mutex_lock(&p->lock);
        (void)brd_os_cond_wait(&p->changed, &p->lock, brd_os_now() + BRD_MS);
        brd_os_mutex_unlock(&p->lock);
    }
    return room;
}

int brd_port_hello(brd_port *p, const brd_hello *hello)
{
    memcpy(reserve(p, sizeof *hello), hello, sizeof *hello);
    brd_ring_commit(&p->results, sizeof *hello, BRD_RECORD_HELLO);
    announce(p);
    return BROOD_OK;
}

void brd_port_report(brd_port *p, const brd_report_head *head, const char *text)
{
    unsigned char *room = reserve(p, sizeof *head + head->size);
    memcpy(room, head, sizeof *head);
    if (head->size)
        memcpy(room + sizeof *head, text, head->size);
    brd_ring_commit(&p->results, sizeof *head + head->size, BRD_RECORD_REPORT);
    announce(p);
}

static int announce_block(brd_port *p, const brd_block *block, uint64_t dropped)
{
    int status = BROOD_OK;
    if (dropped) {
        brd_frame frame = {.type = BRD_FRAME_DROP, .a = dropped};
        status = brd_frames_write(&p->frames, &frame, BRD_FOREVER);
    }
    if (!status)
        status = brd_frames_announce(&p->frames, block->id, &block->shm, BRD_FOREVER);
    return status;
}

static int fill_block(brd_port *p, const void *bytes, size_t size, uint64_t *id)
{
    brd_block *block = NULL;
    bool fresh = false;
    uint64_t dropped = 0;
    int status;
    brd_os_mutex_lock(&p->lock);
    while ((status = brd_shelf_take(&p->outgoing, size, &block, &fresh, &dropped)) ==
           BROOD_EAGAIN) {
        announce(p); // blocks come back when the parent has read the results
        (void)brd_os_cond_wait(&p->changed, &p->lock, BRD_FOREVER);
    }
    brd_os_mutex_unlock(&p->lock);
    if (status)
        return status;
    memcpy(block->shm.base, bytes, size);
    *id = block->id;
    // Without its channel the worker is of no use, whatever the error is.
    return fresh && announce_block(p, block, dropped) ? BROOD_ECLOSED : BROOD_OK;
}

static int send_cargo(brd_port *p, const brd_cargo *cargo, brd_result_head *head, uint64_t block)
{
    int status = brd_cargo_send(cargo, &p->frames, head->id, BRD_FOREVER);
    if (!status) {
        head->flags |= BRD_CARGO;
        return BROOD_OK;
    }
    brd_os_mutex_lock(&p->lock);
    brd_shelf_give_back(&p->outgoing, block);
    brd_os_mutex_unlock(&p->lock);
    return status;
}

int brd_port_reply(brd_port *p, brd_result_head *head, const void *bytes, const brd_cargo *cargo)
{
    uint64_t id = 0;
    size_t size = (size_t)head->size;
    if (size > BRD_INLINE_MAX) {
        int status = fill_block(p, bytes, size, &id);
        if (status)
            return status;
        head->flags |= BRD_IN_BLOCK;
        bytes = &id;
        size = sizeof id;
    }
    if (cargo && cargo->count) {
        int status = send_cargo(p, cargo, head, id);
        if (status)
            return status;
    }
    unsigned char *room = reserve(p, sizeof *head + size);
    memcpy(room, head, sizeof *head);
    if (size)
        memcpy(room + sizeof *head, bytes, size);
    brd_ring_commit(&p->results, sizeof *head + size, BRD_RECORD_RESULT);
    return BROOD_OK;
}

/* ---------------------------------------------------------------- watcher */

int brd_port_on_frame(brd_port *p, const brd_frame *frame)
{
    brd_handle segment = BRD_NONE;
    int status = BROOD_OK;
    brd_os_mutex_lock(&p->lock);
    switch (frame->type) {
    case BRD_FRAME_BLOCK:
        status = brd_os_chan_take(p->frames.chan, frame->token, &segment);
        if (!status)
            status = brd_shelf_put(&p->incoming, frame->a, (size_t)frame->b, segment);
        break;
    case BRD_FRAME_BACK:
        brd_shelf_give_back(&p->outgoing, frame->a);
        break;
    case BRD_FRAME_DROP:
        brd_shelf_drop(&p->incoming, frame->a);
        break;
    case BRD_FRAME_HANDLE:
        // The parent sees to it that they are not too many.
        status = brd_arrivals_put(&p->arrivals, frame, p->frames.chan, UINT32_MAX);
        break;
    default:
        status = BROOD_EPROTOCOL;
    }
    brd_os_cond_broadcast(&p->changed);
    brd_os_mutex_unlock(&p->lock);
    return status;
}
