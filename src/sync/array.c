/**
 * Arrays: a lock, and behind it elements of one type. Where they are and how many there are is
 * read once, when the array is opened, and checked against the segment.
 */
#include "sync/kinds.h"
#include "sync/lock.h"
#include <string.h>

enum { ELEMENTS = 64 }; /* where they start */

_Static_assert(sizeof(brd_lock_words) <= ELEMENTS, "the lock has its place");
_Static_assert((BRD_OBJECT_HEAD + ELEMENTS) % 64 == 0, "elements are aligned");

struct brood_array {
    brd_object object;
    brood_lock lock;
    char type;    /* terms[0] */
    size_t count; /* terms[1] */
};

/** Bytes of an element; 0: there is no such type. */
static size_t size_of(uint64_t type)
{
    switch (type) {
    case 'y':
        return sizeof(uint8_t);
    case 'n':
    case 'q':
        return sizeof(uint16_t);
    case 'i':
    case 'u':
        return sizeof(uint32_t);
    case 'x':
    case 't':
        return sizeof(uint64_t);
    case 'd':
        return sizeof(double);
    default:
        return 0;
    }
}

static void *elements_of(const brood_array *a)
{
    return (unsigned char *)brd_object_body(&a->object) + ELEMENTS;
}

static int open_array(void *object)
{
    brood_array *a = object;
    const size_t size = size_of(a->object.terms[0]);
    const uint64_t count = a->object.terms[1], room = a->object.size;
    if (!size || !count || room < ELEMENTS || count > (room - ELEMENTS) / size)
        return BROOD_EPROTOCOL;
    a->type = (char)a->object.terms[0];
    a->count = (size_t)count;
    return brd_lock_part_open(&a->lock, &a->object, brd_object_body(&a->object));
}

static void close_array(void *object)
{
    brood_array *a = object;
    brd_lock_part_close(&a->lock);
}

const brd_object_class brd_array_class = {BRD_OBJECT_ARRAY, sizeof(brood_array), open_array,
                                          close_array, .bulk = true};

int brood_array_create(brood_array **out, char type, size_t count, const void *elements)
{
    void *made = NULL;
    const size_t size = size_of((unsigned char)type);
    const uint64_t terms[4] = {(unsigned char)type, count};
    if (!out || !size || !count)
        return BROOD_EINVAL;
    if (count > (SIZE_MAX - ELEMENTS) / size)
        return BROOD_ENOMEM;
    int status = brd_object_new(&made, &brd_array_class, ELEMENTS + count * size, terms);
    if (status)
        return status;
    if (elements)
        memcpy(elements_of(made), elements, count * size);
    *out = made;
    return BROOD_OK;
}

int brood_value_create(brood_array **out, char type, const void *element)
{
    return brood_array_create(out, type, 1, element);
}

static bool is_ours(const brood_array *a)
{
    return a && brd_object_is_ours(&a->object, BRD_OBJECT_ARRAY);
}

void *brood_array_data(const brood_array *array)
{
    return is_ours(array) ? elements_of(array) : NULL;
}

size_t brood_array_count(const brood_array *array)
{
    return is_ours(array) ? array->count : 0;
}

char brood_array_type(const brood_array *array)
{
    return is_ours(array) ? array->type : '\0';
}

brood_lock *brood_array_lock(brood_array *array)
{
    return is_ours(array) ? &array->lock : NULL;
}

void brood_array_destroy(brood_array *array)
{
    brd_object_free(&brd_array_class, array);
}
