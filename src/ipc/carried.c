/**
 * The kinds of things that messages carry. See carried.h.
 */
#include "ipc/carried.h"
#include "base/bytes.h"
#include "ipc/pipe.h"
#include "ipc/queue.h"
#include "sync/kinds.h"
#include <string.h>

/* -------------------------------------------------------------------- pipes */

static int describe_pipe(void *object, brd_carried *out)
{
    out->nhandles = 1;
    out->size = BRD_PIPE_SIZE;
    return brd_pipe_describe(object, &out->handles[0], out->bytes);
}

static int make_pipe(void **out, const brd_carried *from)
{
    brood_pipe *pipe = NULL;
    brd_handle handle = BRD_NONE;
    if (from->nhandles != 1 || from->size != BRD_PIPE_SIZE)
        return BROOD_EPROTOCOL;
    int status = brd_os_copy(from->handles[0], &handle);
    if (!status)
        status = brd_pipe_empty(&pipe, from->bytes);
    if (status) {
        brd_os_close(&handle);
        return status;
    }
    brd_pipe_fill(pipe, &handle);
    *out = pipe;
    return BROOD_OK;
}

static void destroy_pipe(void *object)
{
    brood_pipe_destroy(object);
}

/* ------------------------------------------------- objects of one segment */

enum { SEGMENT_BYTES = 8 }; /* what is behind the head of the segment */

static int describe_object(const brd_object_class *class, void *object, brd_carried *out)
{
    const brd_object *o = object;
    if (!brd_object_is_ours(o, class->kind))
        return BROOD_EINVAL;
    if (o->part)
        return BROOD_ENOTSUP;
    out->nhandles = 1;
    out->handles[0] = o->shm.segment;
    out->size = SEGMENT_BYTES;
    brd_put64(out->bytes, o->size);
    return BROOD_OK;
}

static int make_object(const brd_object_class *class, void **out, const brd_carried *from)
{
    if (from->nhandles != 1 || from->size != SEGMENT_BYTES)
        return BROOD_EPROTOCOL;
    return brd_object_receive(out, class, from->handles[0], brd_get64(from->bytes));
}

static void destroy_queue(void *object)
{
    brood_queue_destroy(object);
}

/* ------------------------------------------------------------------ the list */

static const brd_carried_class classes[] = {
    {.letter = 'p', .describe = describe_pipe, .make = make_pipe, .destroy = destroy_pipe},
    {.letter = 'Q',
     .describe = brd_queue_describe,
     .make = brd_queue_make,
     .destroy = destroy_queue},
    {.letter = 'L', .object = &brd_lock_class},
    {.letter = 'S', .object = &brd_semaphore_class},
    {.letter = 'E', .object = &brd_event_class},
    {.letter = 'C', .object = &brd_condition_class},
    {.letter = 'B', .object = &brd_barrier_class},
    {.letter = 'M', .object = &brd_shared_class},
    {.letter = 'A', .object = &brd_array_class},
};

const brd_carried_class *brd_carried_find(char letter)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (classes[i].letter == letter)
            return &classes[i];
    return letter == brd_carried_proxy.letter ? &brd_carried_proxy : NULL;
}

int brd_carried_describe(const brd_carried_class *kind, void *object, brd_carried *out)
{
    return kind->object ? describe_object(kind->object, object, out) : kind->describe(object, out);
}

int brd_carried_make(const brd_carried_class *kind, void **out, const brd_carried *from)
{
    return kind->object ? make_object(kind->object, out, from) : kind->make(out, from);
}

void brd_carried_destroy(const brd_carried_class *kind, void *object)
{
    if (kind->object)
        brd_object_free(kind->object, object);
    else
        kind->destroy(object);
}
