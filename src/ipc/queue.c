/**
 * Queues: making them, waiting, and what users call. See queue.h; items are in queue_item.c.
 */
#include "ipc/queue.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/step.h"
#include "ipc/message.h"
#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY = 1 << 20,
    LEAST_CAPACITY = 4096,
    LOOKS = 400,      /* at first: some 20 microseconds */
    MORE_LOOKS = 25,  /* between two yields */
    YIELDS = 20,      /* before it sleeps */
    MOST_PAUSES = 64, /* for the lock of its side, before it yields */
    LOCK_MS = 100,    /* who does not wait for items still waits for the lock of its side */
    FAREWELL_MS = 1000
};

#define MOST_CAPACITY (UINT64_C(1) << 32)

/** Of the object's terms. */
enum { CAPACITY_TERM, MAXSIZE_TERM, KEEPER_TERM, BIRTH_TERM };

/* ------------------------------------------------------------------- making */

static int open_queue(brood_queue *q)
{
    const uint8_t *key = brd_object_head_of(&q->object)->key;
    brd_queue_words *w = brd_object_body(&q->object);
    uint64_t capacity = q->object.terms[CAPACITY_TERM];
    if (capacity < LEAST_CAPACITY || capacity > MOST_CAPACITY || (capacity & (capacity - 1)) ||
        q->object.size != sizeof *w + capacity)
        return BROOD_EPROTOCOL;
    q->words = w;
    q->buffer = (brd_buffer){&w->buffer, (unsigned char *)(w + 1), capacity};
    q->maxsize = (uint32_t)q->object.terms[MAXSIZE_TERM];
    int status = brd_robust_open(&q->putting, &w->putting, key, 0);
    if (!status)
        status = brd_robust_open(&q->getting, &w->getting, key, 1);
    if (!status)
        status = brd_point_open(&q->filled, &w->filled, key, 2);
    if (!status)
        status = brd_point_open(&q->freed, &w->freed, key, 3);
    if (!status)
        status = brd_point_open(&q->finished, &w->finished, key, 4);
    return status;
}

static void free_queue(brood_queue *q)
{
    brd_robust_close(&q->putting);
    brd_robust_close(&q->getting);
    brd_point_close(&q->filled);
    brd_point_close(&q->freed);
    brd_point_close(&q->finished);
    brd_os_locker_close(&q->locker);
    brd_object_close(&q->object);
    free(q);
}

static brood_queue *new_queue(void)
{
    brood_queue *q = calloc(1, sizeof *q);
    if (q)
        q->locker = (brd_locker){.ends = {BRD_NONE, BRD_NONE}};
    return q;
}

static uint64_t round_up(uint64_t wanted)
{
    uint64_t capacity = LEAST_CAPACITY;
    while (capacity < wanted)
        capacity *= 2;
    return capacity;
}

int brood_queue_create(brood_queue **out, const brood_queue_options *options)
{
    brood_queue_options o = BROOD_QUEUE_OPTIONS_INIT;
    if (!out)
        return BROOD_EINVAL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (o.capacity > MOST_CAPACITY)
        return BROOD_EINVAL;
    brood_queue *q = new_queue();
    if (!q)
        return BROOD_ENOMEM;
    int status = brd_os_locker_open(&q->locker);
    uint64_t capacity = round_up(o.capacity ? o.capacity : CAPACITY);
    const uint64_t terms[4] = {[CAPACITY_TERM] = capacity,
                               [MAXSIZE_TERM] = o.maxsize,
                               [KEEPER_TERM] = (uint64_t)q->locker.keeper,
                               [BIRTH_TERM] = q->locker.birth};
    if (!status)
        status = brd_object_create(&q->object, BRD_OBJECT_QUEUE,
                                   sizeof(brd_queue_words) + (size_t)capacity, terms);
    if (!status)
        status = open_queue(q);
    if (status)
        free_queue(q);
    else
        *out = q;
    return status;
}

static bool is_ours(const brood_queue *q)
{
    return q && brd_object_is_ours(&q->object, BRD_OBJECT_QUEUE);
}

/* ------------------------------------------------------------------ waiting */

/** What somebody waits for: an item, or room for one of `size` bytes. */
typedef struct wish {
    bool item;
    uint64_t size;
} wish;

static bool is_closed(const brood_queue *q)
{
    return atomic_load(&q->words->closed) != 0;
}

static bool has_room(const brood_queue *q, uint64_t size)
{
    return brd_buffer_has_room(&q->buffer, size, q->maxsize);
}

// Or it never will be: who tries is told.
static bool is_granted(const brood_queue *q, const wish *w)
{
    return (w->item ? !brd_buffer_is_empty(&q->buffer)
                    : has_room(q, w->size) || !brd_buffer_is_sound(&q->buffer)) ||
           is_closed(q);
}

static void note_cpu(_Atomic int32_t *last)
{
    int cpu = brd_os_cpu() + 1;
    if (cpu != atomic_load_explicit(last, memory_order_relaxed))
        atomic_store_explicit(last, cpu, memory_order_relaxed);
}

// Who is to grant it was last on this cpu: it cannot do so while we look.
static bool shares_cpu(const brood_queue *q, const wish *w)
{
    const _Atomic int32_t *last = w->item ? &q->words->putter : &q->words->getter;
    int cpu = brd_os_cpu();
    return cpu >= 0 && cpu + 1 == atomic_load_explicit(last, memory_order_relaxed);
}

// Most often somebody is about to grant it: a hop between cpus costs more than to look again.
static bool comes_soon(const brood_queue *q, const wish *w)
{
    for (int i = 0; i < YIELDS; i++) {
        int looks = shares_cpu(q, w) ? 1 : i ? MORE_LOOKS : LOOKS;
        for (int k = 0; k < looks; k++) {
            if (is_granted(q, w))
                return true;
            brd_os_pause();
        }
        brd_os_yield();
    }
    return is_granted(q, w);
}

static int await(brood_queue *q, const wish *w, brd_time until)
{
    brd_point *p = w->item ? &q->filled : &q->freed;
    int status = BROOD_OK;
    if (is_granted(q, w))
        return BROOD_OK;
    if (until == 0)
        return BROOD_ETIMEDOUT;
    if (comes_soon(q, w))
        return BROOD_OK;
    brd_point_enter(p);
    BRD_STEP("queue.waits");
    for (;;) {
        uint32_t seen = brd_point_turn(p);
        if (is_granted(q, w)) {
            status = BROOD_OK;
            break;
        }
        if (status)
            break;
        status = brd_point_sleep(p, seen, until);
    }
    brd_point_leave(p);
    return status;
}

// The locker is full: who gets will wake us, or it is time to try again.
static int await_locker(brood_queue *q, brd_time until)
{
    brd_point_enter(&q->freed);
    int status = brd_point_sleep(&q->freed, brd_point_turn(&q->freed), until);
    brd_point_leave(&q->freed);
    return status;
}

// Who has it will soon want it again: to look on too closely would slow it down.
static bool take_politely(brd_robust *lock)
{
    for (int pauses = 1; pauses <= MOST_PAUSES; pauses *= 2) {
        if (brd_robust_try(lock))
            return true;
        for (int i = 0; i < pauses; i++)
            brd_os_pause();
    }
    for (int i = 0; i < YIELDS; i++) {
        if (brd_robust_try(lock))
            return true;
        brd_os_yield();
    }
    return false;
}

// It is only ever held for a moment, so one who does not wait for items gets it all the same.
static int take(brd_robust *lock, brd_time until)
{
    if (take_politely(lock))
        return BROOD_OK;
    int status = brd_robust_take(lock, 0); // at once also if its last owner died
    if (status != BROOD_ETIMEDOUT)
        return status;
    brd_time least = brd_os_now() + LOCK_MS * BRD_MS;
    return brd_robust_take(lock, until < least ? least : until);
}

/* ------------------------------------------------------------------ putting */

static int try_to_put(brood_queue *q, const brd_queue_parcel *p, brd_time until, bool *locker)
{
    int status = take(&q->putting, until);
    if (status == BROOD_EOWNERDEAD)
        brd_queue_mend(q);
    else if (status)
        return status;
    *locker = false;
    status = is_closed(q) ? BROOD_ECLOSED
                          : brd_buffer_find_room(&q->buffer, brd_queue_parcel_size(p), q->maxsize);
    if (!status) {
        status = brd_queue_put_item(q, p);
        *locker = status == BROOD_EAGAIN;
    }
    brd_robust_give_own(&q->putting);
    BRD_STEP("queue.putter.left");
    if (!status) {
        note_cpu(&q->words->putter);
        brd_point_wake_fenced(&q->filled, 1);
    }
    return status;
}

static int put(brood_queue *q, brd_span bytes, const brd_cargo *cargo, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    brd_queue_parcel p;
    bool locker = false;
    int status = brd_queue_wrap(q, &p, bytes, cargo);
    const wish w = {.size = status ? 0 : brd_queue_parcel_size(&p)};
    while (!status && (status = try_to_put(q, &p, until, &locker)) == BROOD_EAGAIN)
        status = locker ? await_locker(q, until) : await(q, &w, until);
    brd_queue_unwrap(&p);
    return status;
}

int brood_queue_put(brood_queue *queue, const brood_message *message, int64_t timeout)
{
    if (!is_ours(queue) || !message || brood_message_error(message))
        return BROOD_EINVAL;
    const brd_cargo *cargo = brd_message_cargo(message);
    if (!brd_cargo_is_whole(cargo))
        return BROOD_EINVAL; // one was taken out
    return put(queue, (brd_span){brd_message_at(message), message->size}, cargo, timeout);
}

int brood_queue_put_values(brood_queue *queue, int64_t timeout, const char *format, ...)
{
    brood_message message = BROOD_MESSAGE_INIT;
    va_list values;
    va_start(values, format);
    int status = brood_vpack(&message, format, values);
    va_end(values);
    if (!status)
        status = brood_queue_put(queue, &message, timeout);
    brood_message_clear(&message);
    return status;
}

int brood_queue_put_bytes(brood_queue *queue, const void *bytes, size_t size, int64_t timeout)
{
    if (!is_ours(queue) || (size && !bytes))
        return BROOD_EINVAL;
    return put(queue, (brd_span){bytes, size}, NULL, timeout);
}

/* ------------------------------------------------------------------ getting */

static int try_to_get(brood_queue *q, const brd_queue_sink *sink, brd_time until)
{
    bool lost = false, closed = is_closed(q); // before the look: what was put before is seen
    int status = take(&q->getting, until);
    if (status && status != BROOD_EOWNERDEAD) // which left nothing half done
        return status;
    status = brd_queue_take_item(q, sink, &lost);
    brd_robust_give_own(&q->getting);
    BRD_STEP("queue.getter.left");
    if (!status || lost) {
        note_cpu(&q->words->getter);
        brd_point_wake_fenced(&q->freed, 1);
    }
    if (lost)
        (void)brood_queue_task_done(q);
    return status == BROOD_EAGAIN && !lost && closed ? BROOD_ECLOSED : status;
}

static int get(brood_queue *q, const brd_queue_sink *sink, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    const wish w = {.item = true};
    int status = BROOD_OK;
    do {
        status = await(q, &w, until);
        if (!status)
            status = try_to_get(q, sink, until);
    } while (status == BROOD_EAGAIN);
    return status;
}

int brood_queue_get(brood_queue *queue, brood_message *message, int64_t timeout)
{
    if (!is_ours(queue) || !message)
        return BROOD_EINVAL;
    return get(queue, &(brd_queue_sink){.message = message}, timeout);
}

int brood_queue_get_bytes(brood_queue *queue, void *buffer, size_t cap, size_t *size,
                          int64_t timeout)
{
    if (!is_ours(queue) || !size || (cap && !buffer))
        return BROOD_EINVAL;
    return get(queue, &(brd_queue_sink){.buffer = buffer, .cap = cap, .size = size}, timeout);
}

/* ---------------------------------------------------------------- all around */

size_t brood_queue_size(const brood_queue *queue)
{
    return is_ours(queue) ? brd_buffer_count(&queue->buffer) : 0;
}

int brood_queue_is_full(const brood_queue *queue)
{
    return is_ours(queue) && !has_room(queue, 0);
}

static bool is_finished(const brood_queue *q)
{
    return atomic_load(&q->words->done) == brd_buffer_written(&q->buffer);
}

int brood_queue_task_done(brood_queue *queue)
{
    if (!is_ours(queue))
        return BROOD_EINVAL;
    uint32_t done = atomic_load(&queue->words->done);
    do {
        if (done == brd_buffer_written(&queue->buffer))
            return BROOD_EINVAL;
    } while (!atomic_compare_exchange_weak(&queue->words->done, &done, done + 1));
    if (is_finished(queue))
        brd_point_wake(&queue->finished, UINT32_MAX);
    return BROOD_OK;
}

int brood_queue_join(brood_queue *queue, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    int status = BROOD_OK;
    if (!is_ours(queue))
        return BROOD_EINVAL;
    brd_point_enter(&queue->finished);
    for (;;) {
        uint32_t seen = brd_point_turn(&queue->finished);
        if (is_finished(queue)) {
            status = BROOD_OK;
            break;
        }
        if (status)
            break;
        status = brd_point_sleep(&queue->finished, seen, until);
    }
    brd_point_leave(&queue->finished);
    return status;
}

int brood_queue_close(brood_queue *queue)
{
    if (!is_ours(queue))
        return BROOD_EINVAL;
    atomic_store(&queue->words->closed, 1);
    brd_point_wake(&queue->filled, UINT32_MAX);
    brd_point_wake(&queue->freed, UINT32_MAX);
    return BROOD_OK;
}

// Where handles wait in this process, they go with it: nobody may fetch one when its
// number can be another's.
static void close_locker(brood_queue *q)
{
    brd_time until = brd_os_now() + FAREWELL_MS * BRD_MS;
    int status = take(&q->putting, until);
    if (status == BROOD_EOWNERDEAD)
        brd_queue_mend(q);
    else if (status)
        return;
    status = take(&q->getting, until);
    if (!status || status == BROOD_EOWNERDEAD) {
        brd_queue_empty_locker(q);
        (void)brd_robust_give(&q->getting);
    }
    (void)brd_robust_give(&q->putting);
}

void brood_queue_destroy(brood_queue *queue)
{
    if (!is_ours(queue))
        return;
    if (queue->locker.keeper && queue->locker.keeper == brd_os_pid())
        close_locker(queue);
    free_queue(queue);
}

/* ----------------------------------------------------------- to be passed on */

int brd_queue_describe(void *queue, brd_carried *out)
{
    brood_queue *q = queue;
    if (!is_ours(q))
        return BROOD_EINVAL;
    out->handles[0] = q->object.shm.segment;
    out->nhandles = 1;
    for (int i = 0; i < 2; i++)
        if (!brd_is_none(q->locker.ends[i]))
            out->handles[out->nhandles++] = q->locker.ends[i];
    out->size = 8;
    brd_put64(out->bytes, q->object.size);
    return BROOD_OK;
}

static int attach(brood_queue *q, const brd_carried *from)
{
    int status =
        brd_object_attach(&q->object, BRD_OBJECT_QUEUE, from->handles[0], brd_get64(from->bytes));
    if (!status)
        status = open_queue(q);
    q->locker.keeper = (int64_t)q->object.terms[KEEPER_TERM];
    q->locker.birth = q->object.terms[BIRTH_TERM];
    for (uint32_t i = 1; !status && i < from->nhandles; i++)
        status = brd_os_copy(from->handles[i], &q->locker.ends[i - 1]);
    return status;
}

int brd_queue_make(void **out, const brd_carried *from)
{
    if (from->size != 8 || from->nhandles < 1 || from->nhandles > 3)
        return BROOD_EPROTOCOL;
    brood_queue *q = new_queue();
    if (!q)
        return BROOD_ENOMEM;
    int status = attach(q, from);
    if (status)
        free_queue(q);
    else
        *out = q;
    return status;
}
