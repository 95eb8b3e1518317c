/*
 * Counting with a pool. A task gets the path of a file and gives back its counts:
 *
 *     b   a text: if not, the rest is empty
 *     t   its bytes
 *     ay  its words, each with a NUL behind it
 *     at  how often each of them was seen
 *
 * A file whose worker died, or that cannot be read, is one failed item of the map.
 * All results are in memory until they are added up: a fraction of the files' size.
 */
#include "wordcount.h"
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

/** What a worker keeps from task to task. */
static struct worker {
    apr_pool_t *memory;
    table words;
    const char *crash;
} self;

// Runs first in each worker. The message is freed after it, so the path is copied.
static int start_worker(brood_message *args, brood_message *result)
{
    const char *crash;
    (void)result;
    int status = brood_unpack(args, "s", &crash);
    if (!status)
        status = apr_initialize();
    if (!status)
        status = apr_pool_create(&self.memory, NULL);
    if (!status)
        self.crash = apr_pstrdup(self.memory, crash);
    return status;
}

static int count_task(brood_message *args, brood_message *result)
{
    const char *path;
    bool text = false;
    uint64_t bytes = 0;
    int status = brood_unpack(args, "s", &path);
    if (status)
        return status;
    if (strcmp(path, self.crash) == 0)
        abort(); // as asked for with --crash
    table_reset(&self.words);
    status = count_file(&self.words, path, self.memory, &text, &bytes);
    if (status)
        return brood_fail("%s", brood_status_text(status));
    return brood_pack(result, "btayat", text, bytes, (const void *)self.words.words,
                      self.words.words_size, self.words.counts, self.words.used);
}

static int add_result(totals *sum, brood_message *result)
{
    int text;
    uint64_t bytes;
    const void *words;
    const uint64_t *counts;
    size_t size, n;
    int status = brood_unpack(result, "btayat", &text, &bytes, &words, &size, &counts, &n);
    if (status)
        return status;
    sum->files += text != 0;
    sum->binary += text == 0;
    sum->bytes += bytes;
    return table_add_packed(&sum->table, words, size, counts, n);
}

static int add_results(totals *sum, const files *f, const options *o, brood_results *results)
{
    int status = BROOD_OK;
    for (size_t i = 0; !status && i < brood_results_count(results); i++) {
        const brood_error *error = brood_results_error(results, i);
        if (error)
            report_missing(sum, f->paths[i], error, f->paths[i] == o->crash);
        else
            status = add_result(sum, brood_results_at(results, i));
    }
    return status;
}

// Large enough that a small file costs no wake-up of its own, small enough that the
// workers end together.
static size_t chunk_of(size_t count, uint32_t workers)
{
    size_t chunk = count / ((size_t)workers * 64);
    return chunk < 1 ? 1 : chunk > 32 ? 32 : chunk;
}

static int map(totals *sum, const files *f, const options *o, brood_pool *pool)
{
    brood_progress_bar *bar = NULL;
    brood_results *results = NULL;
    size_t chunk = chunk_of(f->count, brood_pool_processes(pool));
    // Without memory for a bar it is NULL, and none is shown.
    (void)brood_progress_bar_create(&bar, BROOD_PROGRESS_BAR(.label = "files"));
    // Its status is that of the first failed item, and those are reported one by one.
    int status = brood_pool_map(
        pool, count_task, brood_items_strings(f->paths, f->count),
        BROOD_MAP(.chunksize = chunk, .progress = brood_progress_bar_show, .baton = bar), &results);
    brood_progress_bar_destroy(bar);
    if (results)
        status = add_results(sum, f, o, results);
    brood_results_destroy(results);
    return status;
}

int count_with_workers(totals *sum, const files *f, const options *o)
{
    brood_pool *pool = NULL;
    brood_message crash = BROOD_MESSAGE_INIT;
    int status = brood_pack(&crash, "s", o->crash ? o->crash : "");
    if (!status)
        status = brood_pool_create(&pool,
                                   BROOD_POOL(.processes = o->workers, .initializer = start_worker,
                                              .initializer_args = &crash));
    if (!status)
        sum->workers = brood_pool_processes(pool);
    if (!status)
        status = map(sum, f, o, pool);
    brood_pool_destroy(pool);
    brood_message_clear(&crash);
    return status;
}
