/**
 * The kinds of things that messages carry. See carried.h.
 */
#include "ipc/carried.h"
#include "base/bytes.h"
#include "ipc/pipe.h"
#include "ipc/queue.h"
#include "sync/lock.h"
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

static int describe_object(const brd_object *object, brd_carried *out)
{
    if (!object)
        return BROOD_EINVAL;
    out->nhandles = 1;
    out->handles[0] = object->shm.segment;
    out->size = SEGMENT_BYTES;
    brd_put64(out->bytes, object->size);
    return BROOD_OK;
}

static int check_object(const brd_carried *from, uint64_t *size)
{
    if (from->nhandles != 1 || from->size != SEGMENT_BYTES)
        return BROOD_EPROTOCOL;
    *size = brd_get64(from->bytes);
    return BROOD_OK;
}

static int describe_lock(void *object, brd_carried *out)
{
    return describe_object(brd_lock_object(object), out);
}

static int make_lock(void **out, const brd_carried *from)
{
    brood_lock *lock = NULL;
    uint64_t size;
    int status = check_object(from, &size);
    if (!status)
        status = brd_lock_attach(&lock, from->handles[0], size);
    if (!status)
        *out = lock;
    return status;
}

static void destroy_lock(void *object)
{
    brood_lock_destroy(object);
}

static void destroy_queue(void *object)
{
    brood_queue_destroy(object);
}

/* ------------------------------------------------------------------ the list */

static const brd_carried_class own_classes[] = {
    {'p', describe_pipe, make_pipe, destroy_pipe},
    {'L', describe_lock, make_lock, destroy_lock},
    {'Q', brd_queue_describe, brd_queue_make, destroy_queue},
};

const brd_carried_class *brd_carried_find(char letter)
{
    for (size_t i = 0; i < sizeof own_classes / sizeof *own_classes; i++)
        if (own_classes[i].letter == letter)
            return &own_classes[i];
    return letter == brd_carried_proxy.letter ? &brd_carried_proxy : NULL;
}
