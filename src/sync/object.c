/**
 * Shared objects: making, attaching, closing. See object.h.
 */
#include "sync/object.h"
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

enum { MAGIC = 0x424a424f /* "OBJB" */, MOST_WARM = 128 * 1024 * 1024 };

static int make(brd_object *out, brd_object_kind kind, size_t size, const uint64_t terms[4],
                const char *word, brd_sign **sign)
{
    brd_object o = {.generation = brd_generation(), .kind = kind, .size = size};
    brd_object_head head = {.kind = kind, .size = size, .space = brd_os_pid_space()};
    if (size > SIZE_MAX / 2)
        return BROOD_ENOMEM;
    if (terms)
        memcpy(head.terms, terms, sizeof head.terms);
    memcpy(o.terms, head.terms, sizeof o.terms);
    int status = apr_generate_random_bytes(head.key, sizeof head.key);
    if (!status)
        status = word ? brd_os_shm_show(&o.shm, sign, BRD_OBJECT_HEAD + size, word)
                      : brd_os_shm_create(&o.shm, BRD_OBJECT_HEAD + size);
    if (status)
        return status;
    brd_os_shm_keep(&o.shm);
    memcpy(o.shm.base, &head, sizeof head);
    atomic_store(&brd_object_head_of(&o)->magic, MAGIC);
    *out = o;
    return BROOD_OK;
}

int brd_object_create(brd_object *out, brd_object_kind kind, size_t size, const uint64_t terms[4])
{
    return make(out, kind, size, terms, NULL, NULL);
}

int brd_object_show(brd_object *out, brd_sign **sign, brd_object_kind kind, size_t size,
                    const char *word)
{
    return make(out, kind, size, NULL, word, sign);
}

// Whoever else has the segment can change it at any time: the head is read once.
static int read_head(brd_object *o, uint64_t *size)
{
    brd_object_head head;
    if (atomic_load(&brd_object_head_of(o)->magic) != MAGIC)
        return BROOD_EPROTOCOL;
    memcpy(&head, o->shm.base, sizeof head);
    if (head.kind != (uint32_t)o->kind)
        return BROOD_EPROTOCOL;
    const uint64_t space = brd_os_pid_space();
    if (o->kind != BRD_OBJECT_BLOCK && head.space && space && head.space != space)
        return BROOD_ENOTSUP; // blocks have no owners
    memcpy(o->terms, head.terms, sizeof o->terms);
    *size = head.size;
    return BROOD_OK;
}

// Pages that are touched one by one cost more than a copy of them. So many that it would be a
// wait by itself are left alone.
static void warm(const brd_object *o)
{
    if (o->shm.size <= MOST_WARM)
        brd_os_shm_warm(&o->shm);
}

int brd_object_attach(brd_object *out, brd_object_kind kind, brd_handle segment, uint64_t size)
{
    brd_object o = {.generation = brd_generation(), .kind = kind, .size = size};
    brd_handle own = BRD_NONE;
    uint64_t said = 0;
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
    status = read_head(&o, &said);
    if (!status && said != size)
        status = BROOD_EPROTOCOL;
    if (status)
        brd_os_shm_unmap(&o.shm);
    else
        *out = o;
    return status;
}

int brd_object_find(brd_object *out, brd_object_kind kind, const char *word)
{
    brd_object o = {.generation = brd_generation(), .kind = kind};
    int status = brd_os_shm_find(&o.shm, word);
    if (status)
        return status;
    brd_os_shm_keep(&o.shm);
    if (o.shm.size <= BRD_OBJECT_HEAD)
        status = BROOD_EPROTOCOL;
    else if (!atomic_load(&brd_object_head_of(&o)->magic))
        status = BROOD_ECLOSED; // it is only just being made
    else
        status = read_head(&o, &o.size);
    if (!status && o.size > o.shm.size - BRD_OBJECT_HEAD)
        status = BROOD_EPROTOCOL;
    if (status) {
        brd_os_shm_unmap(&o.shm);
        return status;
    }
    warm(&o);
    *out = o;
    return BROOD_OK;
}

void brd_object_close(brd_object *o)
{
    brd_os_shm_unmap(&o->shm);
}

/* ------------------------------------------------------------------- structs */

// `made` has its brd_object open unless the status says why not.
static int finish(void **out, const brd_object_class *class, void *made, int status)
{
    if (!status) {
        status = class->open(made);
        if (status)
            brd_object_close(made);
    }
    if (status)
        free(made);
    else
        *out = made;
    return status;
}

int brd_object_new(void **out, const brd_object_class *class, size_t size, const uint64_t terms[4])
{
    void *made = calloc(1, class->size);
    if (!made)
        return BROOD_ENOMEM;
    return finish(out, class, made, brd_object_create(made, class->kind, size, terms));
}

int brd_object_receive(void **out, const brd_object_class *class, brd_handle segment, uint64_t size)
{
    void *made = calloc(1, class->size);
    if (!made)
        return BROOD_ENOMEM;
    int status = finish(out, class, made, brd_object_attach(made, class->kind, segment, size));
    if (!status && class->bulk)
        warm(*out);
    return status;
}

void brd_object_free(const brd_object_class *class, void *object)
{
    brd_object *o = object;
    if (!brd_object_is_ours(o, class->kind) || o->part)
        return;
    class->close(object);
    brd_object_close(o);
    free(object);
}
