/**
 * The executor: the same engine under the names of concurrent.futures.
 */
#include "pool/iterator.h"
#include <brood/executor.h>
#include <stdlib.h>
#include <string.h>

struct brood_executor {
    brood_pool *pool;
};

int brood_executor_create(brood_executor **out, const brood_executor_options *options)
{
    brood_executor_options o = BROOD_EXECUTOR_OPTIONS_INIT;
    brood_pool_options p = BROOD_POOL_OPTIONS_INIT;
    if (!out)
        return BROOD_EINVAL;
    BRD_READ_OPTIONS(&o, options);
    BRD_READ_OPTIONS(&p, o.pool);
    p.struct_size = sizeof p;
    p.on_demand = 1;
    p.processes = o.max_workers ? o.max_workers : p.processes;
    p.max_tasks_per_child = o.max_tasks_per_child ? o.max_tasks_per_child : p.max_tasks_per_child;
    p.initializer = o.initializer ? o.initializer : p.initializer;
    p.initializer_args = o.initializer_args ? o.initializer_args : p.initializer_args;
    p.context = o.context ? o.context : p.context;
    brood_executor *e = calloc(1, sizeof *e);
    if (!e)
        return BROOD_ENOMEM;
    int status = brood_pool_create(&e->pool, &p);
    if (status)
        free(e);
    else
        *out = e;
    return status;
}

int brood_executor_submit(brood_executor *e, brood_function *function, const brood_message *args,
                          const brood_task_options *options, brood_future **out)
{
    return e ? brood_pool_apply_async(e->pool, function, args, options, out) : BROOD_EINVAL;
}

int brood_executor_call(brood_executor *e, brood_function *function, brood_future **out,
                        const char *format, ...)
{
    va_list values;
    if (!e)
        return BROOD_EINVAL;
    va_start(values, format);
    int status = brd_pool_vcall(e->pool, function, out, format, values);
    va_end(values);
    return status;
}

int brood_executor_map(brood_executor *e, brood_function *function, brood_items items,
                       int64_t timeout, const brood_map_options *options, brood_iterator **out)
{
    brood_map_options o = BROOD_MAP_OPTIONS_INIT;
    if (!e || !function || !out)
        return BROOD_EINVAL;
    BRD_READ_OPTIONS(&o, options);
    int status = brd_items_check(&items);
    if (status)
        return status;
    return brd_iterator_make(e->pool, function, &items, &o, true, timeout, out);
}

int brood_executor_shutdown(brood_executor *e, int wait, int cancel_futures)
{
    if (!e)
        return BROOD_EINVAL;
    int status = brood_pool_close(e->pool);
    if (!status && cancel_futures)
        brd_pool_cancel_waiting(e->pool);
    if (!status && wait)
        status = brood_pool_join(e->pool, BROOD_FOREVER);
    return status;
}

int brood_executor_terminate_workers(brood_executor *e)
{
    return e ? brood_pool_terminate(e->pool) : BROOD_EINVAL;
}

int brood_executor_kill_workers(brood_executor *e)
{
    return e ? brd_pool_terminate(e->pool, 0) : BROOD_EINVAL;
}

brood_pool *brood_executor_pool(brood_executor *e)
{
    return e ? e->pool : NULL;
}

void brood_executor_destroy(brood_executor *e)
{
    if (!e)
        return;
    (void)brood_executor_shutdown(e, 1, 0);
    brood_pool_destroy(e->pool);
    free(e);
}
