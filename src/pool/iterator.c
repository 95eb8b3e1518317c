/**
 * Iterators: imap and imap_unordered.
 *
 * Items are taken in by the thread that takes results out, never more than the
 * buffer allows: so an endless generator needs no more memory than a short one, and
 * user code runs in no thread of ours.
 */
#include "pool/iterator.h"
#include <stdlib.h>
#include <string.h>

enum { LEAST_BUFFER = 16, DEFAULT_BYTES = 64 * 1024 * 1024, MOST_CHUNK = 64 * 1024 };

/** An outcome that waits to be taken out. */
typedef struct node {
    struct node *next;
    size_t index;
    brd_outcome outcome;
} node;

struct brood_iterator {
    brood_pool *pool;                 /* referred to */
    brood_iterator *next, **previous; /* in the pool's list, until drained */
    brd_job job;
    bool ordered;
    bool drained; /* no more items will be taken in */
    int failure;  /* of the generator, or of the whole: told once behind the last item */
    brood_items source;
    size_t taken; /* items taken in */
    size_t given; /* results taken out */
    size_t buffer;
    size_t bytes_in;  /* of items that have not ended, about: each counts as their mean */
    size_t bytes_out; /* of results that were not taken out */
    size_t most_bytes;
    node **ring; /* ordered: results by number, modulo ring_room */
    size_t ring_room;
    node *first, *last; /* unordered: results as they came */
    node *spare;        /* one for each item inside that has not ended */
    size_t nspare;
    brd_time deadline; /* of the whole; BRD_FOREVER */
};

/* ------------------------------------------------------------------ taking in */

static bool asks_user(const brood_iterator *it)
{
    return it->source.kind == BRD_ITEMS_GENERATOR;
}

static int next_item(brood_iterator *it, size_t index, brood_message *out)
{
    if (!asks_user(it))
        return brd_items_append(&it->source, index, out);
    brood_message item = BROOD_MESSAGE_INIT;
    const brood_items one = brood_items_messages(&item, 1);
    int status = it->source.next((void *)(uintptr_t)it->source.data, &item);
    if (!status)
        status = brd_items_append(&one, 0, out);
    brood_message_clear(&item);
    return status;
}

static bool has_bytes(const brood_iterator *it)
{
    return it->bytes_in + it->bytes_out < it->most_bytes;
}

static bool is_late(const brood_iterator *it)
{
    return it->deadline != BRD_FOREVER && brd_os_now() >= it->deadline;
}

static bool has_room(const brood_iterator *it)
{
    size_t inside = it->taken - it->given;
    return !it->drained && inside < it->buffer && (!inside || has_bytes(it)) && !is_late(it);
}

static void drain(brood_iterator *it, int failure)
{
    if (it->drained)
        return;
    it->drained = true;
    it->failure = failure;
    *it->previous = it->next;
    if (it->next)
        it->next->previous = it->previous;
}

/** Items on their way in. */
typedef struct intake {
    brood_message pack;
    uint32_t most, count;
    size_t bytes, most_bytes;
} intake;

// How many items may come now.
static void measure(const brood_iterator *it, intake *in)
{
    size_t room = it->buffer - (it->taken - it->given), used = it->bytes_in + it->bytes_out;
    if (!asks_user(it) && room > it->source.count - it->taken)
        room = it->source.count - it->taken;
    *in = (intake){.most = it->job.chunk < room ? it->job.chunk : (uint32_t)room,
                   .most_bytes = used < it->most_bytes ? it->most_bytes - used : 0};
}

// Without the lock if a generator, the user's code, is asked. Returns why the stream
// ends behind these items, or BROOD_OK.
static int take_items(brood_iterator *it, intake *in)
{
    int status = in->most ? brd_pack_begin(&in->pack, in->most) : BROOD_EEND;
    while (!status && in->count < in->most && (!in->count || in->bytes < in->most_bytes)) {
        size_t before = in->pack.size;
        status = next_item(it, it->taken + in->count, &in->pack);
        if (!status)
            status = brd_pack_item(&in->pack, in->count, before);
        if (status)
            break;
        in->bytes += brd_pack_size(&in->pack, in->count);
        in->count++;
    }
    // It was begun for more items than came.
    int cut = in->count && in->count < in->most ? brd_pack_slice(&in->pack, in->most, 0, in->count)
                                                : BROOD_OK;
    if (cut)
        in->count = 0;
    return cut ? cut : status;
}

// Room for the results of all that is inside.
static int grow_ring(brood_iterator *it)
{
    size_t inside = it->taken - it->given, room = it->ring_room ? it->ring_room : LEAST_BUFFER;
    if (!it->ordered || inside <= it->ring_room)
        return BROOD_OK;
    while (room < inside)
        room *= 2;
    node **ring = calloc(room, sizeof(node *));
    if (!ring)
        return BROOD_ENOMEM;
    for (size_t i = 0; i < it->ring_room; i++)
        ring[(it->given + i) % room] = it->ring[(it->given + i) % it->ring_room];
    free(it->ring);
    it->ring = ring;
    it->ring_room = room;
    return BROOD_OK;
}

// A result must find room when it comes: there is nobody then who could be told.
static int make_spare(brood_iterator *it)
{
    while (it->nspare < it->taken - it->job.ended) {
        node *n = malloc(sizeof *n);
        if (!n)
            return BROOD_ENOMEM;
        n->next = it->spare;
        it->spare = n;
        it->nspare++;
    }
    return BROOD_OK;
}

static int put_chunk(brood_iterator *it, intake *in)
{
    brood_pool *pool = it->pool;
    it->taken += in->count;
    brd_task *task = grow_ring(it) || make_spare(it) ? NULL : brd_tasks_get(&pool->tasks);
    if (!task) {
        it->taken -= in->count;
        return BROOD_ENOMEM;
    }
    it->bytes_in += in->bytes;
    task->job = &it->job;
    task->packed = true;
    task->function = it->job.function;
    task->order = it->job.order;
    task->terms = it->job.terms;
    task->first = it->taken - in->count;
    task->count = in->count;
    brd_message_move(&task->own, &in->pack);
    brd_job_put(&it->job, task, false);
    brd_job_list(pool, &it->job);
    return BROOD_OK;
}

// Why no more items are wanted; BROOD_OK: they are.
static int refusal(const brood_iterator *it)
{
    brd_pool_state state = it->pool->state;
    if (state == BRD_POOL_OPEN || (state == BRD_POOL_CLOSING && !asks_user(it)))
        return BROOD_OK;
    if (state == BRD_POOL_CLOSING)
        return BROOD_ECLOSED;
    return state == BRD_POOL_BROKEN ? BROOD_EBROKEN : BROOD_ETERMINATED;
}

static int take_chunk(brood_iterator *it)
{
    intake in;
    int failure = refusal(it);
    if (failure)
        return failure;
    measure(it, &in);
    if (asks_user(it))
        brd_os_mutex_unlock(&it->pool->lock);
    failure = take_items(it, &in);
    if (asks_user(it))
        brd_os_mutex_lock(&it->pool->lock);
    int status = in.count ? refusal(it) : BROOD_OK;
    if (in.count && !status && !it->drained) // it was cancelled while the user was asked
        status = put_chunk(it, &in);
    brood_message_clear(&in.pack);
    return status ? status : failure;
}

// Takes items in until the buffer is full.
static void fill(brood_iterator *it)
{
    while (has_room(it)) {
        int failure = take_chunk(it);
        if (failure)
            drain(it, failure == BROOD_EEND ? BROOD_OK : failure);
        brd_pool_dispatch_tasks(it->pool);
    }
}

static void take_in(brood_iterator *it)
{
    brood_pool *pool = it->pool;
    fill(it);
    if (pool->options.on_demand)
        brd_pool_want_workers(pool);
    brd_pool_advance(pool);
}

void brd_iterators_close(brood_pool *pool)
{
    while (pool->iterators) {
        brood_iterator *it = pool->iterators;
        if (!asks_user(it)) { // its items were handed in, all of them
            it->buffer = it->most_bytes = SIZE_MAX;
            fill(it);
        }
        drain(it, BROOD_ECLOSED);
    }
}

void brd_iterator_stop(brood_iterator *it)
{
    drain(it, BROOD_OK);
}

/* ----------------------------------------------------------------- taking out */

void brd_iterator_put(brood_iterator *it, size_t item, brd_outcome *outcome)
{
    node *n = it->spare;
    it->spare = n->next;
    it->nspare--;
    it->bytes_in -= it->bytes_in / (it->taken - it->job.ended + 1);
    *n = (node){.index = item, .outcome = *outcome};
    it->bytes_out += (size_t)outcome->size;
    if (it->ordered) {
        it->ring[item % it->ring_room] = n;
    } else {
        if (it->last)
            it->last->next = n;
        else
            it->first = n;
        it->last = n;
    }
}

static node *next_node(const brood_iterator *it)
{
    if (!it->ordered)
        return it->first;
    return it->ring_room ? it->ring[it->given % it->ring_room] : NULL;
}

static bool is_ready(void *baton)
{
    const brood_iterator *it = baton;
    return next_node(it) || (it->drained && it->given == it->taken);
}

static void unlink_node(brood_iterator *it, node *n)
{
    it->bytes_out -= (size_t)n->outcome.size;
    if (it->ordered) {
        it->ring[it->given % it->ring_room] = NULL;
    } else {
        it->first = n->next;
        if (!it->first)
            it->last = NULL;
    }
    it->given++;
}

static void free_node(node *n)
{
    brd_outcome_clear(&n->outcome);
    free(n);
}

static void free_nodes(brood_iterator *it)
{
    node *n;
    for (size_t i = 0; it->ordered && i < it->ring_room; i++) {
        n = it->ring[i];
        it->ring[i] = NULL;
        if (n)
            free_node(n);
    }
    while ((n = it->first)) {
        it->first = n->next;
        free_node(n);
    }
    it->last = NULL;
    it->given = it->taken;
    it->bytes_out = 0;
}

// The time for the whole of it is over: what is left is cancelled, and not given.
static int run_out(brood_iterator *it)
{
    brd_job_end_early(it->pool, &it->job, BROOD_EDEADLINE);
    brd_pool_dispatch_tasks(it->pool);
    free_nodes(it);
    it->failure = BROOD_OK;
    return BROOD_EDEADLINE;
}

static int wait_for_node(brood_iterator *it, brd_time until)
{
    take_in(it);
    brd_time first = until < it->deadline ? until : it->deadline;
    int status = is_ready(it) ? BROOD_OK : brd_pool_wait(it->pool, is_ready, it, first);
    return status && is_late(it) ? run_out(it) : status;
}

static int give(node *n, brood_message *result, size_t *index)
{
    int status = n->outcome.status;
    if (index)
        *index = n->index;
    if (!result)
        return status;
    brood_message view = BROOD_MESSAGE_INIT;
    brd_outcome_view(&n->outcome, &view);
    int copied = brd_message_copy(result, &view);
    brood_message_clear(&view);
    return copied ? copied : status;
}

int brood_iterator_next(brood_iterator *it, int64_t timeout, brood_message *result, size_t *index)
{
    if (!it)
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    brood_pool *pool = it->pool;
    brd_os_mutex_lock(&pool->lock);
    int status = pool->gone ? BROOD_EEND : wait_for_node(it, until);
    node *n = status ? NULL : next_node(it);
    if (n) {
        unlink_node(it, n);
        take_in(it); // so that the workers have something to do meanwhile
    } else if (!status) {
        status = it->failure ? it->failure : BROOD_EEND;
        it->failure = BROOD_OK;
    }
    brd_os_mutex_unlock(&pool->lock);
    if (!n) {
        brood_error error = {.status = status, .text = brood_status_text(status), .function = ""};
        // What stood in there is not to be taken for a result.
        if (result && status != BROOD_ETIMEDOUT)
            (void)brd_message_fail(result, &error);
        return status;
    }
    status = give(n, result, index);
    free_node(n);
    return status;
}

/* ------------------------------------------------------------- life and death */

static void free_iterator(brood_iterator *it)
{
    free_nodes(it);
    while (it->spare) {
        node *n = it->spare;
        it->spare = n->next;
        free(n);
    }
    free(it->ring);
    if (!asks_user(it))
        brd_items_drop(&it->source);
    brood_message_clear(&it->job.scratch);
    brd_pool_release(it->pool);
    free(it);
}

void brood_iterator_destroy(brood_iterator *it)
{
    if (!it)
        return;
    brood_pool *pool = it->pool;
    brd_os_mutex_lock(&pool->lock);
    if (!pool->gone) {
        brd_job_let_go(pool, &it->job);
        brd_pool_dispatch_tasks(pool);
        brd_pool_stir(pool); // a join may have waited for this
    }
    brd_os_mutex_unlock(&pool->lock);
    free_iterator(it);
}

static int set_up(brood_iterator *it, const brood_items *items, const brood_map_options *o)
{
    size_t chunk = o->chunksize ? o->chunksize : 1;
    size_t buffer = o->buffersize;
    if (!buffer)
        buffer = chunk > SIZE_MAX / 2 / BRD_MOST_PROCESSES ? chunk : chunk * 2 * it->pool->size;
    if (!o->buffersize && buffer < LEAST_BUFFER)
        buffer = LEAST_BUFFER;
    if (chunk > buffer)
        chunk = buffer;
    it->buffer = buffer;
    it->job.chunk = chunk > MOST_CHUNK ? MOST_CHUNK : (uint32_t)chunk;
    it->job.fail_fast = o->fail_fast != 0;
    it->most_bytes = o->buffer_bytes ? o->buffer_bytes : DEFAULT_BYTES;
    if (items->kind == BRD_ITEMS_GENERATOR) {
        it->source = *items;
        return BROOD_OK;
    }
    return brd_items_copy(&it->source, items);
}

static int begin(brood_iterator *it, brood_function *function, int32_t priority)
{
    brood_pool *pool = it->pool;
    int status = brd_pool_accepts(pool);
    if (!status)
        status = brd_functions_index(pool->functions, function, &it->job.function);
    if (!status)
        status = brd_queue_prepare(&pool->queue, priority);
    if (status)
        return status;
    it->job.order = ++pool->last_order;
    it->next = pool->iterators;
    it->previous = &pool->iterators;
    if (it->next)
        it->next->previous = &it->next;
    pool->iterators = it;
    pool->activity++;
    take_in(it);
    return BROOD_OK;
}

int brd_iterator_make(brood_pool *pool, brood_function *function, const brood_items *items,
                      const brood_map_options *o, bool ordered, int64_t timeout,
                      brood_iterator **out)
{
    brood_iterator *it = calloc(1, sizeof *it);
    if (!it)
        return BROOD_ENOMEM;
    it->pool = pool;
    it->ordered = ordered;
    it->job.iterator = it;
    atomic_fetch_add(&pool->references, 1);
    brd_os_mutex_lock(&pool->lock); // the pool's size
    int status =
        brd_terms_read(&it->job.terms, o->time_limit, o->deadline, o->priority, o->retries);
    if (!status)
        status = set_up(it, items, o);
    // Its own time is kept by whoever takes results out, not by an alarm.
    it->deadline = brd_until(timeout);
    if (it->job.terms.deadline && it->job.terms.deadline < it->deadline)
        it->deadline = it->job.terms.deadline;
    it->job.terms.deadline = 0;
    if (!status)
        status = begin(it, function, o->priority);
    brd_os_mutex_unlock(&pool->lock);
    if (status)
        free_iterator(it);
    else
        *out = it;
    return status;
}
