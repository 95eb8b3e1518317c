/**
 * Shared blocks: a segment, and perhaps a word under which this process shows it to others.
 */
#include "sync/kinds.h"
#include <stdlib.h>
#include <string.h>

_Static_assert(BRD_OBJECT_HEAD % 64 == 0, "the bytes of a block are aligned");

struct brood_shared {
    brd_object object;
    brd_sign *_Atomic sign; /* NULL: this end has no name */
};

static int open_block(void *object)
{
    const brood_shared *s = object;
    return s->object.size ? BROOD_OK : BROOD_EPROTOCOL;
}

/** False: there is none. */
static bool drop_name(brood_shared *s)
{
    brd_sign *sign = atomic_exchange(&s->sign, NULL);
    bool had_one = sign;
    brd_os_sign_close(&sign);
    return had_one;
}

static void close_block(void *object)
{
    drop_name(object);
}

const brd_object_class brd_shared_class = {BRD_OBJECT_BLOCK, sizeof(brood_shared), open_block,
                                           close_block, .bulk = true};

int brood_shared_create(brood_shared **out, size_t size, const brood_shared_options *options)
{
    brood_shared_options o = BROOD_SHARED_OPTIONS_INIT;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (!out || !size)
        return BROOD_EINVAL;
    brood_shared *s = calloc(1, sizeof *s);
    if (!s)
        return BROOD_ENOMEM;
    brd_sign *sign = NULL;
    int status = o.name ? brd_object_show(&s->object, &sign, BRD_OBJECT_BLOCK, size, o.name)
                        : brd_object_create(&s->object, BRD_OBJECT_BLOCK, size, NULL);
    if (status) {
        free(s);
        return status;
    }
    atomic_init(&s->sign, sign);
    *out = s;
    return BROOD_OK;
}

int brood_shared_attach(brood_shared **out, const char *name)
{
    if (!out || !name)
        return BROOD_EINVAL;
    brood_shared *s = calloc(1, sizeof *s);
    if (!s)
        return BROOD_ENOMEM;
    int status = brd_object_find(&s->object, BRD_OBJECT_BLOCK, name);
    if (status)
        free(s);
    else
        *out = s;
    return status;
}

static bool is_ours(const brood_shared *s)
{
    return s && brd_object_is_ours(&s->object, BRD_OBJECT_BLOCK);
}

void *brood_shared_data(const brood_shared *shared)
{
    return is_ours(shared) ? brd_object_body(&shared->object) : NULL;
}

size_t brood_shared_size(const brood_shared *shared)
{
    return is_ours(shared) ? (size_t)shared->object.size : 0;
}

int brood_shared_unlink(brood_shared *shared)
{
    return is_ours(shared) && drop_name(shared) ? BROOD_OK : BROOD_EINVAL;
}

void brood_shared_destroy(brood_shared *shared)
{
    brd_object_free(&brd_shared_class, shared);
}
