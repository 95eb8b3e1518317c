/**
 * Maps. The thread of a plain map sends, collects and reports progress; it is there
 * for the whole call, so the job lives on its stack and the items stay the
 * caller's. The job of a map_async lives on the heap, with a copy of the items.
 */
#include "pool/future.h"
#include "pool/iterator.h"
#include "pool/job.h"
#include <stdlib.h>
#include <string.h>

typedef struct mapping {
    brd_job job;
    brood_map_options options;
    size_t reported; /* what the progress function heard last */
} mapping;

/* ------------------------------------------------------------------ set-up */

// Python's rule: four chunks a worker.
static size_t default_chunk(size_t count, uint32_t workers)
{
    size_t parts = (size_t)workers * 4;
    return count / parts + (count % parts != 0);
}

static int check(const brood_pool *pool, brood_function *function, const brood_items *items,
                 const brood_map_options *o)
{
    if (!brd_pool_is_ours(pool) || !function || (o->into && !o->into_size))
        return BROOD_EINVAL;
    return brd_items_check(items);
}

// The lock is held. The items are there.
static int set_up(brood_pool *pool, brd_job *job, brood_function *function,
                  const brood_map_options *o)
{
    size_t chunk = o->chunksize ? o->chunksize : default_chunk(job->items.count, pool->size);
    job->chunk = chunk > UINT32_MAX ? UINT32_MAX : (uint32_t)chunk;
    job->fail_fast = o->fail_fast != 0;
    job->into = o->into;
    job->into_size = o->into_size;
    int status = brd_pool_accepts(pool);
    if (!status)
        status = brd_functions_index(pool->functions, function, &job->function);
    if (!status)
        status = brd_terms_read(&job->terms, o->time_limit, o->deadline, o->priority, o->retries);
    if (!status && job->terms.deadline)
        status = brd_alarms_prepare(&pool->alarms, pool->places + 1);
    return status;
}

static void begin(brood_pool *pool, brd_job *job)
{
    job->order = ++pool->last_order;
    if (job->future)
        job->future->number = job->order;
    if (job->terms.deadline) {
        job->deadline.kind = BRD_ALARM_JOB;
        brd_alarm_set(&pool->alarms, &job->deadline, job->terms.deadline);
    }
    brd_job_list(pool, job);
    pool->activity++;
    brd_pool_dispatch_tasks(pool);
    if (pool->options.on_demand)
        brd_pool_want_workers(pool);
}

/* --------------------------------------------------------------------- map */

static bool has_moved(void *baton)
{
    const mapping *m = baton;
    return m->job.ended == m->job.items.count ||
           (m->options.progress && m->job.ended != m->reported);
}

static void run(brood_pool *pool, mapping *m)
{
    begin(pool, &m->job);
    // Others may read the last results while the progress function runs: it hears of
    // them all the same.
    while (m->job.ended < m->job.items.count ||
           (m->options.progress && m->reported < m->job.items.count)) {
        (void)brd_pool_wait(pool, has_moved, m, BRD_FOREVER);
        if (!m->options.progress)
            continue;
        m->reported = m->job.ended;
        brd_os_mutex_unlock(&pool->lock);
        m->options.progress(m->reported, m->job.items.count, m->options.baton);
        brd_os_mutex_lock(&pool->lock);
    }
}

static int map_array(brood_pool *pool, brood_function *function, mapping *m, brood_results **out)
{
    brood_results *results = brd_results_make(m->job.items.count);
    if (!results)
        return BROOD_ENOMEM;
    m->job.results = results;
    brd_os_mutex_lock(&pool->lock);
    int status = set_up(pool, &m->job, function, &m->options);
    if (!status && m->job.items.count)
        run(pool, m);
    brd_os_mutex_unlock(&pool->lock);
    brood_message_clear(&m->job.scratch);
    int failure = status ? status : brd_results_first_failure(results);
    if (status || !out)
        brood_results_destroy(results);
    else
        *out = results;
    return failure;
}

int brood_pool_map(brood_pool *pool, brood_function *function, brood_items items,
                   const brood_map_options *options, brood_results **out)
{
    mapping m = {.options = BROOD_MAP_OPTIONS_INIT};
    BRD_READ_OPTIONS(&m.options, options);
    int status = check(pool, function, &items, &m.options);
    if (status)
        return status;
    if (out)
        *out = NULL;
    m.job.items = items;
    bool collected = items.kind == BRD_ITEMS_GENERATOR;
    if (collected)
        status = brd_items_collect(&m.job.items, &items);
    if (!status)
        status = map_array(pool, function, &m, out);
    if (collected)
        brd_items_drop(&m.job.items);
    return status;
}

int brood_pool_starmap(brood_pool *pool, brood_function *function, const brood_message *tuples,
                       size_t count, const brood_map_options *options, brood_results **out)
{
    return brood_pool_map(pool, function, brood_items_messages(tuples, count), options, out);
}

/* --------------------------------------------------------------- map_async */

static int own_items(brd_job *job, const brood_items *items)
{
    if (items->kind == BRD_ITEMS_GENERATOR)
        return brd_items_collect(&job->items, items);
    return brd_items_copy(&job->items, items);
}

// On failure the future, which has the job, is to be released.
static int hand_in(brood_pool *pool, brood_function *function, const brood_map_options *o,
                   brood_future *f)
{
    brd_os_mutex_lock(&pool->lock);
    int status = set_up(pool, f->job, function, o);
    if (!status && (f->callback || f->error_callback))
        status = brd_calls_prepare(pool);
    if (!status) {
        f->job->future = f;
        atomic_fetch_add(&f->references, 1); // the job's
        if (f->job->items.count) {
            begin(pool, f->job);
        } else {
            f->number = ++pool->last_order;
            brd_job_check(pool, f->job); // nothing to do: it is over
        }
    }
    brd_os_mutex_unlock(&pool->lock);
    return status;
}

static int make_job(brood_future *f, const brood_items *items, const brood_map_options *o)
{
    f->callback = o->callback;
    f->error_callback = o->error_callback;
    f->baton = o->baton;
    f->job = calloc(1, sizeof *f->job);
    int status = f->job ? own_items(f->job, items) : BROOD_ENOMEM;
    if (status) {
        free(f->job);
        f->job = NULL;
        return status;
    }
    f->job->results = f->results = brd_results_make(f->job->items.count);
    return f->results ? BROOD_OK : BROOD_ENOMEM;
}

int brood_pool_map_async(brood_pool *pool, brood_function *function, brood_items items,
                         const brood_map_options *options, brood_future **out)
{
    brood_map_options o = BROOD_MAP_OPTIONS_INIT;
    BRD_READ_OPTIONS(&o, options);
    int status = check(pool, function, &items, &o);
    if (status)
        return status;
    brood_future *f = brd_future_make(pool);
    if (!f)
        return BROOD_ENOMEM;
    status = make_job(f, &items, &o);
    if (!status)
        status = hand_in(pool, function, &o, f);
    if (!status && out)
        *out = f;
    else
        brd_future_release(f);
    return status;
}

int brood_pool_starmap_async(brood_pool *pool, brood_function *function,
                             const brood_message *tuples, size_t count,
                             const brood_map_options *options, brood_future **out)
{
    return brood_pool_map_async(pool, function, brood_items_messages(tuples, count), options, out);
}

/* -------------------------------------------------------------------- imap */

static int make_iterator(brood_pool *pool, brood_function *function, const brood_items *items,
                         const brood_map_options *options, bool ordered, brood_iterator **out)
{
    brood_map_options o = BROOD_MAP_OPTIONS_INIT;
    BRD_READ_OPTIONS(&o, options);
    int status = check(pool, function, items, &o);
    if (status || !out)
        return status ? status : BROOD_EINVAL;
    return brd_iterator_make(pool, function, items, &o, ordered, BROOD_FOREVER, out);
}

int brood_pool_imap(brood_pool *pool, brood_function *function, brood_items items,
                    const brood_map_options *options, brood_iterator **out)
{
    return make_iterator(pool, function, &items, options, true, out);
}

int brood_pool_imap_unordered(brood_pool *pool, brood_function *function, brood_items items,
                              const brood_map_options *options, brood_iterator **out)
{
    return make_iterator(pool, function, &items, options, false, out);
}
