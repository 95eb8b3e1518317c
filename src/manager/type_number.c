/**
 * Value and Array: what stands for Python's ctypes objects. A Value is any value, and can be
 * added to in one step; an Array is of whole numbers or of real ones, for good.
 */
#include "base/fail.h"
#include "ipc/message.h"
#include "manager/type.h"
#include <stdlib.h>

/* -------------------------------------------------------------------- Value */

typedef struct cell {
    brd_value *value;
} cell;

static int set(brd_call *call, void *state)
{
    cell *c = state;
    brd_value *value = NULL;
    int status = brd_call_take(call, &value);
    if (status)
        return status;
    brd_call_discard(call, c->value);
    c->value = value;
    return BROOD_OK;
}

static int get(brd_call *call, void *state)
{
    return brd_call_give(call, ((const cell *)state)->value);
}

static int add_integers(int64_t a, int64_t b, int64_t *sum)
{
    if ((b > 0 && a > INT64_MAX - b) || (b < 0 && a < INT64_MIN - b)) {
        (void)brood_fail("the sum does not fit into an int64_t");
        return BROOD_EINVAL;
    }
    *sum = a + b;
    return BROOD_OK;
}

static bool is_number(const brd_scalar *s)
{
    return s->kind == BRD_KIND_REAL || (s->kind == BRD_KIND_INTEGER && !s->huge);
}

static int add(brd_call *call, void *state)
{
    cell *c = state;
    brd_value *more = NULL, *sum = NULL;
    int64_t whole = 0;
    int status = brd_call_key(call, &more);
    if (status)
        return status;
    brd_scalar a = brd_scalar_of(c->value->bytes, c->value->size);
    brd_scalar b = brd_scalar_of(more->bytes, more->size);
    if (!is_number(&a) || !is_number(&b))
        return BROOD_ETYPE;
    if (a.kind == BRD_KIND_REAL || b.kind == BRD_KIND_REAL)
        status = brood_pack(call->result, "d", a.real + b.real);
    else if ((status = add_integers(a.integer, b.integer, &whole)) == BROOD_OK)
        status = brood_pack(call->result, "x", whole);
    if (!status)
        status = brd_value_make(call->store, brd_message_at(call->result) + BRD_ANSWER_HEAD_SIZE,
                                call->result->size - BRD_ANSWER_HEAD_SIZE, true, &sum);
    if (status)
        return status;
    brd_call_discard(call, c->value);
    c->value = sum;
    return BROOD_OK;
}

static void destroy_cell(void *state, brd_remains *left)
{
    left->values = ((const cell *)state)->value;
    if (left->values)
        left->values->next = NULL;
}

static const brd_method value_methods[] = {
    {"add", add, 1, 1, NULL}, {"get", get, 0, 0, NULL}, {"set", set, 1, 1, NULL}, {0}};

const brd_type brd_type_value = {.name = "Value",
                                 .size = sizeof(cell),
                                 .methods = value_methods,
                                 .least = 1,
                                 .most = 1,
                                 .create = set,
                                 .destroy = destroy_cell};

/* -------------------------------------------------------------------- Array */

typedef union number {
    int64_t whole;
    double real;
} number;

typedef struct array {
    number *numbers;
    size_t count;
    bool real;
} array;

static int read_number(const array *a, const unsigned char *bytes, size_t size, number *out)
{
    brd_scalar s = brd_scalar_of(bytes, size);
    if (!is_number(&s) || (s.kind == BRD_KIND_REAL && !a->real))
        return BROOD_ETYPE;
    if (a->real)
        out->real = s.real;
    else
        out->whole = s.integer;
    return BROOD_OK;
}

static bool has_real(brd_elements e)
{
    const unsigned char *bytes;
    size_t size;
    while (brd_elements_next(&e, &bytes, &size))
        if (brd_scalar_of(bytes, size).kind == BRD_KIND_REAL)
            return true;
    return false;
}

static int create_array(brd_call *call, void *state)
{
    array *a = state;
    brd_elements e;
    const unsigned char *bytes;
    size_t size;
    int status = brd_call_elements(call, false, &e);
    if (status)
        return status;
    a->real = has_real(e);
    a->numbers = calloc(e.left ? e.left : 1, sizeof *a->numbers);
    if (!a->numbers)
        return BROOD_ENOMEM;
    while (!status && brd_elements_next(&e, &bytes, &size))
        status = read_number(a, bytes, size, &a->numbers[a->count++]);
    return status;
}

static int take_index(brd_call *call, const array *a, size_t *at)
{
    int64_t position = 0;
    int status = brd_call_integer(call, &position);
    if (!status && brd_index(position, a->count, at)) {
        (void)brood_fail("index %lld of an array of %lld", (long long)position,
                         (long long)a->count);
        status = BROOD_EINVAL;
    }
    return status;
}

static int give_number(brd_call *call, const array *a, size_t at)
{
    return a->real ? brood_pack(call->result, "d", a->numbers[at].real)
                   : brood_pack(call->result, "x", a->numbers[at].whole);
}

static int get_item(brd_call *call, void *state)
{
    size_t at = 0;
    int status = take_index(call, state, &at);
    return status ? status : give_number(call, state, at);
}

static int set_item(brd_call *call, void *state)
{
    array *a = state;
    size_t at = 0;
    brd_value *value = NULL;
    int status = take_index(call, a, &at);
    if (!status)
        status = brd_call_key(call, &value);
    return status ? status : read_number(a, value->bytes, value->size, &a->numbers[at]);
}

static int length(brd_call *call, void *state)
{
    return brd_call_give_integer(call, (int64_t)((const array *)state)->count);
}

static int give_range(brd_call *call, const array *a, size_t first, size_t end)
{
    int status = brd_give_array(call->result, first < end ? end - first : 0);
    for (size_t i = first; !status && i < end; i++)
        status = give_number(call, a, i);
    return status;
}

static int copy(brd_call *call, void *state)
{
    const array *a = state;
    return give_range(call, a, 0, a->count);
}

static int slice(brd_call *call, void *state)
{
    const array *a = state;
    int64_t first = 0, end = 0;
    int status = brood_unpack(call->args, "xx", &first, &end);
    if (status)
        return status;
    return give_range(call, a, brd_slice_end(first, a->count), brd_slice_end(end, a->count));
}

static void destroy_array(void *state, brd_remains *left)
{
    (void)left;
    free(((array *)state)->numbers);
}

static const brd_method array_methods[] = {
    {"copy", copy, 0, 0, NULL},   {"getitem", get_item, 1, 1, NULL},
    {"len", length, 0, 0, NULL},  {"setitem", set_item, 2, 2, NULL},
    {"slice", slice, 2, 2, NULL}, {0},
};

const brd_type brd_type_array = {.name = "Array",
                                 .size = sizeof(array),
                                 .methods = array_methods,
                                 .least = 1,
                                 .most = 1,
                                 .create = create_array,
                                 .destroy = destroy_array};
