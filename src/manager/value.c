/**
 * Values of managed objects. See value.h.
 *
 * What was on its way when a value came in is not part of it: tickets are zeroed, so that
 * two values with the same proxy are the same.
 */
#include "manager/value.h"
#include "base/bytes.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- references */

static bool is_reference(const unsigned char *bytes, const brd_packed_head *head)
{
    unsigned char c = bytes[0];
    return c >= 0xc7 && c <= 0xc9 && head->size - head->prefix == 1 + BRD_REFERENCE_SIZE &&
           bytes[head->prefix - 1] == BRD_EXT_PROXY && bytes[head->prefix] == 0;
}

const unsigned char *brd_value_reference(const unsigned char *bytes, size_t size, size_t *at)
{
    brd_packed_head head;
    while (*at < size && brd_packed_read(bytes + *at, size - *at, &head)) {
        const unsigned char *object = bytes + *at;
        *at += head.size;
        if (is_reference(object, &head))
            return object + head.prefix + 1;
    }
    return NULL;
}

// Undoes what was done for those before `end`.
static void forget_references(brd_store *store, brd_value *v, const unsigned char *end)
{
    size_t at = 0;
    const unsigned char *found;
    while ((found = brd_value_reference(v->bytes, v->size, &at)) != NULL && found != end) {
        brd_managed *object = brd_store_get(store, brd_get64(found + BRD_REFERENCE_OBJECT));
        brd_store_release(store, object);
        brd_store_release(store, object);
    }
}

static int take_reference(brd_store *store, const unsigned char *reference)
{
    if (memcmp(reference, store->id, BRD_SERVER_ID_SIZE) != 0)
        return BROOD_ENOTSUP;
    return brd_store_get(store, brd_get64(reference + BRD_REFERENCE_OBJECT)) ? BROOD_OK
                                                                             : BROOD_EINVAL;
}

static void end_tickets(brd_store *store, brd_value *v)
{
    size_t at = 0;
    const unsigned char *found;
    while ((found = brd_value_reference(v->bytes, v->size, &at)) != NULL) {
        unsigned char *ticket = v->bytes + (found - v->bytes) + BRD_REFERENCE_TICKET;
        brd_ticket_end(store, brd_get64(ticket));
        brd_put64(ticket, 0);
    }
}

// All of them or none, whose tickets are good still: so an object does not end here, under the
// lock of the one whose method was called.
static int take_references(brd_store *store, brd_value *v)
{
    size_t at = 0;
    const unsigned char *found;
    while ((found = brd_value_reference(v->bytes, v->size, &at)) != NULL) {
        int status = take_reference(store, found);
        if (status) {
            forget_references(store, v, found);
            return status;
        }
        v->refers = true;
    }
    if (v->refers)
        end_tickets(store, v);
    return BROOD_OK;
}

/* ------------------------------------------------------------------- values */

// FNV-1a.
static uint32_t hash_of(const unsigned char *bytes, size_t size)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 16777619U;
    return hash;
}

int brd_value_make(brd_store *store, const unsigned char *bytes, size_t size, bool vetted,
                   brd_value **out)
{
    brd_value *v = malloc(sizeof *v + size);
    if (!v)
        return BROOD_ENOMEM;
    *v = (brd_value){.size = size};
    if (size)
        memcpy(v->bytes, bytes, size);
    int status = vetted ? take_references(store, v) : BROOD_OK;
    if (status) {
        free(v);
        return status;
    }
    *out = v;
    return BROOD_OK;
}

uint32_t brd_value_hash(brd_value *v)
{
    if (!v->hashed)
        v->hash = hash_of(v->bytes, v->size);
    v->hashed = true;
    return v->hash;
}

int brd_value_give(brd_store *store, brd_session *session, const brd_value *value,
                   brood_message *out)
{
    size_t at = 0, before = out->size;
    const unsigned char *found;
    int status = BROOD_OK;
    unsigned char *copy = brd_message_grow(out, value->size);
    if (!copy)
        return BROOD_ENOMEM;
    memcpy(copy, value->bytes, value->size);
    while (!status && value->refers &&
           (found = brd_value_reference(value->bytes, value->size, &at)) != NULL) {
        uint64_t ticket = 0;
        brd_managed *object = brd_store_get(store, brd_get64(found + BRD_REFERENCE_OBJECT));
        status = brd_ticket_make(store, session, object, &ticket);
        brd_put64(copy + (found - value->bytes) + BRD_REFERENCE_TICKET, ticket);
        brd_store_release(store, object); // the value refers to it: not the last one
    }
    if (status)
        out->size = before;
    return status;
}

void brd_value_free(brd_store *store, brd_value *value)
{
    if (!value)
        return;
    value->next = NULL;
    brd_values_free(store, value);
}

bool brd_value_same(const brd_value *a, const brd_value *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* ------------------------------------------------------------------ scalars */

static uint64_t big_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static double real_of(uint64_t bits, size_t width)
{
    uint32_t half = (uint32_t)bits;
    float single;
    double whole;
    memcpy(&single, &half, sizeof single);
    memcpy(&whole, &bits, sizeof whole);
    return width == sizeof single ? (double)single : whole;
}

static brd_scalar integer(int64_t value, bool huge)
{
    return (brd_scalar){.kind = BRD_KIND_INTEGER,
                        .huge = huge,
                        .integer = value,
                        .real = huge ? (double)(uint64_t)value : (double)value};
}

brd_scalar brd_scalar_of(const unsigned char *bytes, size_t size)
{
    brd_packed_head head;
    brd_scalar s = {.kind = BRD_KIND_OTHER};
    if (!size || !brd_packed_read(bytes, size, &head))
        return s;
    unsigned char c = bytes[0];
    size_t width = head.size - head.prefix;
    uint64_t bits = width <= sizeof bits ? big_endian(bytes + head.prefix, width) : 0;
    if (c <= 0x7f)
        return integer(c, false);
    if (c >= 0xe0)
        return integer((int8_t)c, false);
    if (c >= 0xcc && c <= 0xcf)
        return integer((int64_t)bits, bits > INT64_MAX);
    if (c >= 0xd0 && c <= 0xd3 && width) { // the sign is the highest of `width` bytes
        unsigned unused = 64 - 8 * (unsigned)width;
        return integer((int64_t)(bits << unused) >> unused, false);
    }
    if (c == 0xca || c == 0xcb)
        return (brd_scalar){.kind = BRD_KIND_REAL, .real = real_of(bits, width)};
    if ((c >= 0xa0 && c <= 0xbf) || (c >= 0xd9 && c <= 0xdb))
        return (brd_scalar){.kind = BRD_KIND_TEXT, .text = bytes + head.prefix, .size = width};
    return s;
}

static int compare_integers(const brd_scalar *a, const brd_scalar *b)
{
    if (a->huge != b->huge)
        return a->huge ? 1 : -1;
    if (a->huge) {
        uint64_t x = (uint64_t)a->integer, y = (uint64_t)b->integer;
        return (x > y) - (x < y);
    }
    return (a->integer > b->integer) - (a->integer < b->integer);
}

int brd_scalar_compare(const brd_scalar *a, const brd_scalar *b)
{
    if (a->kind == BRD_KIND_TEXT) {
        size_t least = a->size < b->size ? a->size : b->size;
        int order = least ? memcmp(a->text, b->text, least) : 0;
        return order ? order : (a->size > b->size) - (a->size < b->size);
    }
    if (a->kind == BRD_KIND_INTEGER && b->kind == BRD_KIND_INTEGER)
        return compare_integers(a, b);
    return (a->real > b->real) - (a->real < b->real);
}
