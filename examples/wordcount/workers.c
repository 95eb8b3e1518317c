/*
 * Counting with a pool. A task gets the path of a file and gives back its counts:
 *
 *     b   a text: if not, the rest is empty
 *     t   its bytes
 *     ay  its words, each with a NUL behind it
 *     at  how often each of them was seen
 *
 * A file whose worker died, or that cannot be read, is one failed item of the map.
 */
#include "wordcount.h"
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 256 }; /* files that are handed in and not yet added */

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
        self.crash = strcpy(apr_palloc(self.memory, strlen(crash) + 1), crash);
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

/** Futures of files first ... next - 1, each at its number % WINDOW. */
typedef struct window {
    brood_future *futures[WINDOW];
    size_t first;
    size_t next;
} window;

static int hand_in(window *w, const char *path, brood_pool *pool)
{
    brood_message args = BROOD_MESSAGE_INIT;
    int status = brood_pack(&args, "s", path);
    if (!status)
        status =
            brood_pool_apply_async(pool, count_task, &args, NULL, &w->futures[w->next % WINDOW]);
    if (!status)
        w->next++;
    brood_message_clear(&args);
    return status;
}

// Waits for the first file of the window and adds its words.
static int take(window *w, totals *sum, const char *path, const char *crash)
{
    brood_message result = BROOD_MESSAGE_INIT;
    brood_future **future = &w->futures[w->first++ % WINDOW];
    int status = BROOD_OK;
    if (brood_future_get(*future, BROOD_FOREVER, &result))
        report_missing(sum, path, brood_message_error(&result), path == crash);
    else
        status = add_result(sum, &result);
    brood_message_clear(&result);
    brood_future_destroy(*future);
    *future = NULL;
    return status;
}

// The words of early files are added while workers count the later ones.
static int count_all(totals *sum, const files *f, const options *o, brood_pool *pool, progress *bar)
{
    window w = {.first = 0};
    int status = BROOD_OK;
    while (!status && w.first < f->count) {
        while (!status && w.next < f->count && w.next < w.first + WINDOW)
            status = hand_in(&w, f->paths[w.next], pool);
        if (!status)
            status = take(&w, sum, f->paths[w.first], o->crash);
        progress_show(bar, w.first, f->count);
    }
    for (size_t i = 0; i < WINDOW; i++)
        brood_future_destroy(w.futures[i]);
    progress_end(bar);
    return status;
}

int count_with_workers(totals *sum, const files *f, const options *o, progress *bar)
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
        status = count_all(sum, f, o, pool, bar);
    brood_pool_destroy(pool);
    brood_message_clear(&crash);
    return status;
}
