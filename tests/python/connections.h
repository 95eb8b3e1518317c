/**
 * What the ports of CPython's scenarios of connections share: ends for processes, and
 * short texts through pipes.
 *
 * The one thing to know: all of it returns or asserts; what runs in a child returns.
 */
#ifndef BRD_TESTS_CONNECTIONS_H
#define BRD_TESTS_CONNECTIONS_H

#include "api/handles.h"
#include "python/processes.h"

typedef struct ends {
    brood_pipe *one, *other;
} ends;

static inline ends pipe_open(int one_way)
{
    ends e = {NULL, NULL};
    CU_ASSERT_EQUAL_FATAL(brood_pipe_create(&e.one, &e.other, BROOD_PIPE(.one_way = one_way)),
                          BROOD_OK);
    return e;
}

static inline void pipe_close(ends *e)
{
    brood_pipe_destroy(e->one);
    brood_pipe_destroy(e->other);
}

/** A process that has this end, which is closed here. */
static inline brood_process *process_with_end(brood_function *function, brood_pipe *end)
{
    brood_message args = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "p", end));
    brood_process *p = process_with(function, &args, NULL);
    brood_pipe_destroy(end);
    return p;
}

static inline int send_text(brood_pipe *pipe, const char *text)
{
    return brood_pipe_send_bytes(pipe, text, strlen(text), LONG_WAIT);
}

static inline bool hears_text(brood_pipe *pipe, const char *expected)
{
    char got[64];
    size_t size = 0;
    return brood_pipe_recv_bytes(pipe, got, sizeof got, &size, LONG_WAIT) == BROOD_OK &&
           size == strlen(expected) && memcmp(got, expected, size) == 0;
}

static inline unsigned char *pattern(size_t size)
{
    unsigned char *bytes = malloc(size);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (unsigned char)(i * 13 + i / 509);
    return bytes;
}

/** Until the other side says that it has all. */
static inline int await_thanks(brood_pipe *conn)
{
    return hears_text(conn, "thanks") ? BROOD_OK : 1;
}

#endif
