/**
 * What the suites of captured output share: a listener that keeps the lines that it
 * hears, and functions for workers that print.
 */
#ifndef BRD_TESTS_CAPTURED_H
#define BRD_TESTS_CAPTURED_H

#include "api/pools.h"
#include "fault/acts.h"
#include <brood/process.h>

enum { MOST_LINES = 64, KEPT_TEXT = 64 };

typedef struct heard {
    char text[KEPT_TEXT]; /* its beginning */
    size_t size;
    brood_stream stream;
    int cut;
    int64_t worker;
    char name[64];
    uint64_t task;
    size_t index;
} heard;

typedef struct listener {
    brd_mutex lock;
    brd_cond news;
    size_t count; /* of lines; the first ones are kept */
    heard lines[MOST_LINES];
    char noise; /* lines that begin so are only counted */
    int64_t noises;
    const char *gate; /* the path of a gate: on_line waits there. NULL: it does not */
    int inside;       /* on_line runs */
    bool twice;       /* it ran twice at a time */
} listener;

static inline void listener_open(listener *l)
{
    memset(l, 0, sizeof *l);
    CU_ASSERT_EQUAL_FATAL(brd_os_mutex_init(&l->lock), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_cond_init(&l->news), 0);
}

static inline void listener_close(listener *l)
{
    CU_ASSERT_FALSE(l->twice);
    brd_os_cond_clear(&l->news);
    brd_os_mutex_clear(&l->lock);
}

static inline void hear(const brood_line *line, void *baton)
{
    listener *l = baton;
    brd_os_mutex_lock(&l->lock);
    l->twice = l->twice || l->inside++;
    if (l->noise && line->text[0] == l->noise) {
        l->noises++;
    } else if (l->count++ < MOST_LINES) {
        heard *at = &l->lines[l->count - 1];
        *at = (heard){.size = line->size,
                      .stream = line->stream,
                      .cut = line->cut,
                      .worker = line->worker,
                      .task = line->task,
                      .index = line->index};
        memcpy(at->text, line->text, line->size < KEPT_TEXT ? line->size + 1 : KEPT_TEXT - 1);
        snprintf(at->name, sizeof at->name, "%s", line->name);
    }
    brd_os_cond_broadcast(&l->news);
    brd_os_mutex_unlock(&l->lock);
    if (l->gate)
        (void)await_file(l->gate, 60000);
    brd_os_mutex_lock(&l->lock);
    l->inside--;
    brd_os_mutex_unlock(&l->lock);
}

/** The first line that is this text; NULL: there is none. Of those that have come. */
static inline const heard *find_line(listener *l, const char *text)
{
    const heard *found = NULL;
    brd_os_mutex_lock(&l->lock);
    for (size_t i = 0; !found && i < l->count && i < MOST_LINES; i++)
        if (strcmp(l->lines[i].text, text) == 0)
            found = &l->lines[i];
    brd_os_mutex_unlock(&l->lock);
    return found;
}

/** Waits until a line is this text. */
static inline bool await_line(listener *l, const char *text)
{
    brd_time until = test_deadline(30000);
    while (!find_line(l, text) && brd_os_now() < until)
        moment();
    return find_line(l, text) != NULL;
}

/** A context that captures both streams, by the run's start method. l may be NULL. */
static inline brood_context *capturing(listener *l)
{
    brood_context *context = NULL;
    const brood_context_options o = {.struct_size = sizeof o,
                                     .out = BROOD_STDIO_CAPTURE,
                                     .err = BROOD_STDIO_CAPTURE,
                                     .on_line = l ? hear : NULL,
                                     .baton = l};
    CU_ASSERT_EQUAL_FATAL(brood_context_create(&context, &o), BROOD_OK);
    return context;
}

static inline brood_pool *captured_pool(brood_context *context, uint32_t processes)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = processes, .context = context));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return pool;
}

static inline brood_process *captured_process(brood_context *context, brood_function *function,
                                              const brood_message *args, const char *name)
{
    brood_process *p = NULL;
    int status =
        brood_process_create(&p, function, args, BROOD_PROCESS(.name = name, .context = context));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_start(p), BROOD_OK);
    return p;
}

/** Writes bytes as they are to standard output or error. Also in a signal handler. */
static inline void print_raw(bool errors, const char *bytes, size_t size)
{
    (void)act_write(act_stream(errors), bytes, size); // NOLINT: system calls alone
}

#define PRINT(errors, literal) print_raw(errors, literal, sizeof(literal) - 1)

#endif
