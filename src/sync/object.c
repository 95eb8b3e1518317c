/**
 * Shared objects: making, attaching, closing. See object.h.
 */
#include "sync/object.h"
#include "base/generation.h"
#include <apr_general.h>
#include <string.h>

enum { MAGIC = 0x424a424f }; /* "OBJB" */

int brd_object_create(brd_object *out, brd_object_kind kind, size_t size, const uint64_t terms[4])
{
    brd_object o = {.generation = brd_generation(), .kind = kind, .size = size};
    brd_object_head head = {.magic = MAGIC, .kind = kind, .size = size};
    if (size > SIZE_MAX / 2)
        return BROOD_ENOMEM;
    if (terms)
        memcpy(head.terms, terms, sizeof head.terms);
    memcpy(o.terms, head.terms, sizeof o.terms);
    int status = apr_generate_random_bytes(head.key, sizeof head.key);
    if (!status)
        status = brd_os_shm_create(&o.shm, BRD_OBJECT_HEAD + size);
    if (status)
        return status;
    brd_os_shm_keep(&o.shm);
    memcpy(o.shm.base, &head, sizeof head);
    *out = o;
    return BROOD_OK;
}

// Whoever else has the segment can change it at any time: the head is read once.
static int read_head(brd_object *o)
{
    brd_object_head head;
    memcpy(&head, o->shm.base, sizeof head);
    if (head.magic != MAGIC || head.kind != (uint32_t)o->kind || head.size != o->size)
        return BROOD_EPROTOCOL;
    memcpy(o->terms, head.terms, sizeof o->terms);
    return BROOD_OK;
}

int brd_object_attach(brd_object *out, brd_object_kind kind, brd_handle segment, uint64_t size)
{
    brd_object o = {.generation = brd_generation(), .kind = kind, .size = size};
    brd_handle own = BRD_NONE;
    if (size > SIZE_MAX / 2)
        return BROOD_EPROTOCOL;
    int status = brd_os_copy(segment, &own);
    if (!status)
        status = brd_os_shm_map(&o.shm, own, BRD_OBJECT_HEAD + (size_t)size, true);
    if (status) {
        brd_os_close(&own);
        return status;
    }
    brd_os_shm_keep(&o.shm);
    status = read_head(&o);
    if (status)
        brd_os_shm_unmap(&o.shm);
    else
        *out = o;
    return status;
}

bool brd_object_is_ours(const brd_object *o, brd_object_kind kind)
{
    return o && o->kind == kind && o->generation == brd_generation() && o->shm.base;
}

void brd_object_close(brd_object *o)
{
    brd_os_shm_unmap(&o->shm);
}
