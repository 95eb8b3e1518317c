/**
 * list: values in a row.
 */
#include "base/fail.h"
#include "ipc/message.h"
#include "manager/type.h"
#include <stdlib.h>
#include <string.h>

typedef struct place {
    brd_value *value;
} place;

typedef struct list {
    place *places;
    size_t count, room;
} list;

static int out_of_range(int64_t number, size_t count)
{
    (void)brood_fail("index %lld of a list of %lld", (long long)number, (long long)count);
    return BROOD_EINVAL;
}

static int grow(list *l, size_t more)
{
    size_t room = l->room ? l->room : 8;
    while (room < l->count + more)
        room *= 2;
    if (room == l->room)
        return BROOD_OK;
    place *places = realloc(l->places, room * sizeof *places);
    if (!places)
        return BROOD_ENOMEM;
    l->places = places;
    l->room = room;
    return BROOD_OK;
}

static int insert_at(list *l, size_t at, brd_value *value)
{
    int status = grow(l, 1);
    if (status)
        return status;
    memmove(l->places + at + 1, l->places + at, (l->count - at) * sizeof *l->places);
    l->places[at].value = value;
    l->count++;
    return BROOD_OK;
}

static brd_value *take_at(list *l, size_t at)
{
    brd_value *value = l->places[at].value;
    l->count--;
    memmove(l->places + at, l->places + at + 1, (l->count - at) * sizeof *l->places);
    return value;
}

// Takes the next argument in; it goes again if there is no room.
static int take_in(brd_call *call, list *l, size_t at)
{
    brd_value *value = NULL;
    int status = brd_call_take(call, &value);
    if (!status)
        status = insert_at(l, at, value);
    if (status)
        brd_call_discard(call, value);
    return status;
}

static int take_index(brd_call *call, const list *l, size_t *at)
{
    int64_t number = 0;
    int status = brd_call_integer(call, &number);
    if (!status && brd_index(number, l->count, at))
        status = out_of_range(number, l->count);
    return status;
}

/* ------------------------------------------------------------------ methods */

static int append(brd_call *call, void *state)
{
    list *l = state;
    return take_in(call, l, l->count);
}

// All of them, or none.
static int extend(brd_call *call, void *state)
{
    list *l = state;
    size_t before = l->count;
    int status = BROOD_OK;
    while (!status && brd_call_has_more(call))
        status = take_in(call, l, l->count);
    while (status && l->count > before)
        brd_call_discard(call, take_at(l, l->count - 1));
    return status;
}

static int insert(brd_call *call, void *state)
{
    list *l = state;
    int64_t number = 0;
    int status = brd_call_integer(call, &number);
    return status ? status : take_in(call, l, brd_slice_end(number, l->count));
}

static int pop(brd_call *call, void *state)
{
    list *l = state;
    int64_t number = -1;
    size_t at = 0;
    int status = brd_call_integer(call, &number);
    if (!status && brd_index(number, l->count, &at))
        status = out_of_range(number, l->count);
    if (!status)
        status = brd_call_give(call, l->places[at].value);
    if (!status)
        brd_call_discard(call, take_at(l, at));
    return status;
}

static int find(brd_call *call, const list *l, size_t *at)
{
    brd_value *key = NULL;
    int status = brd_call_key(call, &key);
    if (status)
        return status;
    for (*at = 0; *at < l->count; ++*at)
        if (brd_value_same(l->places[*at].value, key))
            return BROOD_OK;
    (void)brood_fail("the value is not in the list");
    return BROOD_EINVAL;
}

static int remove_value(brd_call *call, void *state)
{
    list *l = state;
    size_t at;
    int status = find(call, l, &at);
    if (!status)
        brd_call_discard(call, take_at(l, at));
    return status;
}

static int index_of(brd_call *call, void *state)
{
    size_t at;
    int status = find(call, state, &at);
    return status ? status : brd_call_give_integer(call, (int64_t)at);
}

static int count_of(brd_call *call, void *state)
{
    const list *l = state;
    brd_value *key = NULL;
    int64_t count = 0;
    int status = brd_call_key(call, &key);
    for (size_t i = 0; !status && i < l->count; i++)
        count += brd_value_same(l->places[i].value, key);
    return status ? status : brd_call_give_integer(call, count);
}

static int contains(brd_call *call, void *state)
{
    size_t at;
    int status = find(call, state, &at);
    if (!status || status == BROOD_EINVAL)
        return brd_call_give_bool(call, !status);
    return status;
}

static int get_item(brd_call *call, void *state)
{
    const list *l = state;
    size_t at = 0;
    int status = take_index(call, l, &at);
    return status ? status : brd_call_give(call, l->places[at].value);
}

static int set_item(brd_call *call, void *state)
{
    list *l = state;
    size_t at = 0;
    brd_value *value = NULL;
    int status = take_index(call, l, &at);
    if (!status)
        status = brd_call_take(call, &value);
    if (status)
        return status;
    brd_call_discard(call, l->places[at].value);
    l->places[at].value = value;
    return BROOD_OK;
}

static int delete_item(brd_call *call, void *state)
{
    list *l = state;
    size_t at = 0;
    int status = take_index(call, l, &at);
    if (!status)
        brd_call_discard(call, take_at(l, at));
    return status;
}

static int length(brd_call *call, void *state)
{
    return brd_call_give_integer(call, (int64_t)((const list *)state)->count);
}

static int give_range(brd_call *call, const list *l, size_t first, size_t end)
{
    int status = BROOD_OK;
    for (size_t i = first; !status && i < end; i++)
        status = brd_call_give(call, l->places[i].value);
    return status;
}

static int copy(brd_call *call, void *state)
{
    const list *l = state;
    return give_range(call, l, 0, l->count);
}

static int slice(brd_call *call, void *state)
{
    const list *l = state;
    int64_t first = 0, end = 0;
    int status = brood_unpack(call->args, "xx", &first, &end);
    if (status)
        return status;
    return give_range(call, l, brd_slice_end(first, l->count), brd_slice_end(end, l->count));
}

static int clear(brd_call *call, void *state)
{
    list *l = state;
    while (l->count)
        brd_call_discard(call, l->places[--l->count].value);
    return BROOD_OK;
}

static int reverse(brd_call *call, void *state)
{
    list *l = state;
    (void)call;
    for (size_t i = 0; i < l->count / 2; i++) {
        brd_value *other = l->places[l->count - 1 - i].value;
        l->places[l->count - 1 - i].value = l->places[i].value;
        l->places[i].value = other;
    }
    return BROOD_OK;
}

/* --------------------------------------------------------------------- sort */

typedef struct keyed {
    brd_scalar key;
    brd_value *value;
} keyed;

// Two sorted rows into one; equals keep their order.
static void merge(const keyed *from, size_t middle, size_t count, keyed *to)
{
    size_t a = 0, b = middle;
    for (size_t i = 0; i < count; i++) {
        bool second =
            a == middle || (b < count && brd_scalar_compare(&from[b].key, &from[a].key) < 0);
        to[i] = from[second ? b++ : a++];
    }
}

// From rows of 1 to the whole; where it ends up is returned.
static keyed *merge_sort(keyed *from, keyed *to, size_t count)
{
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t at = 0; at < count; at += 2 * width) {
            size_t left = count - at, most = 2 * width < left ? 2 * width : left;
            merge(from + at, width < most ? width : most, most, to + at);
        }
        keyed *other = from;
        from = to;
        to = other;
    }
    return from;
}

static bool comparable(brd_kind a, brd_kind b)
{
    return a != BRD_KIND_OTHER && b != BRD_KIND_OTHER &&
           (a == BRD_KIND_TEXT) == (b == BRD_KIND_TEXT);
}

static int sort(brd_call *call, void *state)
{
    list *l = state;
    (void)call;
    int status = BROOD_OK;
    keyed *rows = l->count ? calloc(l->count * 2, sizeof *rows) : NULL;
    if (l->count && !rows)
        return BROOD_ENOMEM;
    for (size_t i = 0; i < l->count; i++) {
        rows[i] = (keyed){brd_scalar_of(l->places[i].value->bytes, l->places[i].value->size),
                          l->places[i].value};
        if (!comparable(rows[i].key.kind, rows[0].key.kind))
            status = BROOD_ETYPE;
    }
    const keyed *sorted = status ? NULL : merge_sort(rows, rows + l->count, l->count);
    for (size_t i = 0; sorted && i < l->count; i++)
        l->places[i].value = sorted[i].value;
    free(rows);
    if (status)
        (void)brood_fail("only numbers, or only texts, can be sorted");
    return status;
}

/* --------------------------------------------------------------------- type */

static void destroy(void *state, brd_remains *left)
{
    list *l = state;
    for (size_t i = 0; i < l->count; i++) {
        l->places[i].value->next = left->values;
        left->values = l->places[i].value;
    }
    free(l->places);
}

static const brd_method methods[] = {
    {"append", append, 1, 1, NULL},       {"clear", clear, 0, 0, NULL},
    {"contains", contains, 1, 1, NULL},   {"copy", copy, 0, 0, NULL},
    {"count", count_of, 1, 1, NULL},      {"delitem", delete_item, 1, 1, NULL},
    {"extend", extend, 0, BRD_ANY, NULL}, {"getitem", get_item, 1, 1, NULL},
    {"index", index_of, 1, 1, NULL},      {"insert", insert, 2, 2, NULL},
    {"len", length, 0, 0, NULL},          {"pop", pop, 0, 1, NULL},
    {"remove", remove_value, 1, 1, NULL}, {"reverse", reverse, 0, 0, NULL},
    {"setitem", set_item, 2, 2, NULL},    {"slice", slice, 2, 2, NULL},
    {"sort", sort, 0, 0, NULL},           {0},
};

const brd_type brd_type_list = {.name = "list",
                                .size = sizeof(list),
                                .methods = methods,
                                .most = BRD_ANY,
                                .create = extend,
                                .destroy = destroy};
