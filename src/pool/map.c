/**
 * map and its results. The mapping thread sends, collects and reports progress; it
 * is there for the whole call, so the job lives on its stack.
 */
#include "pool/job.h"
#include "pool/state.h"
#include <stdlib.h>
#include <string.h>

typedef struct mapping {
    brd_job job;
    brood_map_options options;
    size_t reported; /* what the progress function heard last */
} mapping;

static bool has_moved(void *baton)
{
    const mapping *m = baton;
    return m->job.ended == m->job.items.count ||
           (m->options.progress && m->job.ended != m->reported);
}

// Python's rule: four chunks a worker.
static size_t default_chunk(size_t count, uint32_t workers)
{
    size_t parts = (size_t)workers * 4;
    return count / parts + (count % parts != 0);
}

static int check(const brood_pool *pool, const void *function, const brood_items *items,
                 brood_results **out)
{
    if (!pool || !function || !out ||
        (items->count && (!items->data || !items->kind || !items->item_size)))
        return BROOD_EINVAL;
    return items->count > SIZE_MAX / sizeof(brd_outcome) - 16 ? BROOD_ENOMEM : BROOD_OK;
}

static void append_job(brood_pool *pool, brd_job *job)
{
    brd_job **end = &pool->jobs;
    while (*end)
        end = &(*end)->next;
    job->order = ++pool->last_order;
    *end = job;
}

static void run(brood_pool *pool, mapping *m)
{
    append_job(pool, &m->job);
    brd_pool_dispatch_tasks(pool);
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

static int first_failure(const brood_results *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->outcomes[i].status)
            return r->outcomes[i].status;
    return BROOD_OK;
}

static int prepare(brood_pool *pool, mapping *m, brood_function *function)
{
    int status = brd_pool_accepts(pool);
    if (!status)
        status = brd_functions_index(pool->functions, function, &m->job.function);
    size_t chunk = m->options.chunksize;
    if (!chunk)
        chunk = default_chunk(m->job.items.count, pool->size);
    m->job.chunk = chunk > UINT32_MAX ? UINT32_MAX : (uint32_t)chunk;
    return status;
}

int brood_pool_map(brood_pool *pool, brood_function *function, brood_items items,
                   const brood_map_options *options, brood_results **out)
{
    const void *code;
    memcpy(&code, &function, sizeof code);
    int status = check(pool, code, &items, out);
    if (status)
        return status;
    *out = NULL;
    mapping m = {.job.items = items};
    if (options)
        memcpy(&m.options, options,
               options->struct_size < sizeof m.options ? options->struct_size : sizeof m.options);
    brood_results *results = calloc(1, sizeof *results + items.count * sizeof(brd_outcome));
    if (!results)
        return BROOD_ENOMEM;
    results->count = items.count;
    m.job.results = results;
    brd_os_mutex_lock(&pool->lock);
    status = prepare(pool, &m, function);
    if (!status && items.count)
        run(pool, &m);
    brd_os_mutex_unlock(&pool->lock);
    brood_message_clear(&m.job.scratch);
    if (status) {
        brood_results_destroy(results);
        return status;
    }
    *out = results;
    return first_failure(results);
}

size_t brood_results_count(const brood_results *r)
{
    return r ? r->count : 0;
}

int brood_results_status(const brood_results *r, size_t index)
{
    return r && index < r->count ? r->outcomes[index].status : BROOD_EINVAL;
}

// For a failure whose details found no memory, and for an index out of range.
static const brood_error *plain_error(int status)
{
    static _Thread_local brood_error error;
    error = (brood_error){.status = status, .text = brood_status_text(status), .function = ""};
    return &error;
}

const brood_error *brood_results_error(const brood_results *r, size_t index)
{
    int status = brood_results_status(r, index);
    if (!status)
        return NULL;
    const brood_error *error = r && index < r->count ? r->outcomes[index].u.error : NULL;
    return error ? error : plain_error(status);
}

brood_message *brood_results_at(brood_results *r, size_t index)
{
    if (!r)
        return NULL;
    const brood_error *error = brood_results_error(r, index);
    if (error) {
        (void)brd_message_fail(&r->view, error);
        return &r->view;
    }
    brd_outcome *o = &r->outcomes[index];
    brd_message_view(&r->view, o->size > sizeof o->u.inside ? o->u.bytes : o->u.inside,
                     (size_t)o->size);
    return &r->view;
}

void brood_results_destroy(brood_results *r)
{
    if (!r)
        return;
    brood_message_clear(&r->view);
    for (size_t i = 0; i < r->count; i++) {
        brd_outcome *o = &r->outcomes[i];
        if (o->status)
            free(o->u.error);
        else if (o->size > sizeof o->u.inside)
            free(o->u.bytes);
    }
    free(r);
}
