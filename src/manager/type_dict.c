/**
 * dict, set and Namespace: three faces of one map. A Namespace is a dict whose keys are
 * names; a set has no values.
 */
#include "base/fail.h"
#include "manager/map.h"
#include "manager/type.h"

static int no_such_key(void)
{
    (void)brood_fail("no such key");
    return BROOD_EINVAL;
}

/* ----------------------------------------------------------------- keys, values */

// What the map does not take goes with the call. value may be NULL: a set's.
static int put(brd_call *call, brd_map *m, brd_value *key, brd_value *value)
{
    brd_entry old = {key, value};
    int status = brd_map_put(m, key, value, &old);
    brd_call_discard(call, old.key);
    brd_call_discard(call, old.value);
    return status;
}

static int find(brd_call *call, brd_map *m, brd_entry **out)
{
    brd_value *key = NULL;
    int status = brd_call_key(call, &key);
    if (!status)
        *out = brd_map_find(m, key);
    return status;
}

static void take_out(brd_call *call, brd_map *m, brd_entry *entry)
{
    brd_entry taken = brd_map_take(m, entry);
    brd_call_discard(call, taken.key);
    brd_call_discard(call, taken.value);
}

static int set_item(brd_call *call, void *state)
{
    brd_value *key = NULL, *value = NULL;
    int status = brd_call_take(call, &key);
    if (!status)
        status = brd_call_take(call, &value);
    if (!status)
        return put(call, state, key, value);
    brd_call_discard(call, key);
    return status;
}

static int get_item(brd_call *call, void *state)
{
    brd_entry *entry = NULL;
    int status = find(call, state, &entry);
    if (!status)
        status = entry ? brd_call_give(call, entry->value) : no_such_key();
    return status;
}

// The rest of the arguments as they are: a default.
static int give_default(brd_call *call)
{
    brd_value *value = NULL;
    int status = brd_call_key(call, &value);
    return status ? status : brd_call_give(call, value);
}

static int get(brd_call *call, void *state)
{
    brd_entry *entry = NULL;
    int status = find(call, state, &entry);
    if (status)
        return status;
    if (entry)
        return brd_call_give(call, entry->value);
    return brd_call_has_more(call) ? give_default(call) : BROOD_OK;
}

static int delete_item(brd_call *call, void *state)
{
    brd_entry *entry = NULL;
    int status = find(call, state, &entry);
    if (!status && !entry)
        status = no_such_key();
    if (!status)
        take_out(call, state, entry);
    return status;
}

static int pop(brd_call *call, void *state)
{
    brd_entry *entry = NULL;
    int status = find(call, state, &entry);
    if (status)
        return status;
    if (!entry)
        return brd_call_has_more(call) ? give_default(call) : no_such_key();
    status = brd_call_give(call, entry->value);
    if (!status)
        take_out(call, state, entry);
    return status;
}

static int give_entry(brd_call *call, const brd_entry *entry)
{
    int status = brd_call_give(call, entry->key);
    return status ? status : brd_call_give(call, entry->value);
}

static int pop_item(brd_call *call, void *state)
{
    brd_entry *entry = brd_map_last(state);
    if (!entry)
        return no_such_key();
    int status = brd_give_array(call->result, 2);
    if (!status)
        status = give_entry(call, entry);
    if (!status)
        take_out(call, state, entry);
    return status;
}

static int set_default(brd_call *call, void *state)
{
    brd_map *m = state;
    brd_value *key = NULL, *value = NULL;
    int status = brd_call_take(call, &key);
    if (status)
        return status;
    brd_entry *entry = brd_map_find(m, key);
    if (entry) {
        brd_call_discard(call, key);
        return brd_call_give(call, entry->value);
    }
    status = brd_call_take(call, &value);
    if (status) {
        brd_call_discard(call, key);
        return status;
    }
    status = put(call, m, key, value);
    return status ? status : brd_call_give(call, value);
}

static int contains(brd_call *call, void *state)
{
    brd_entry *entry = NULL;
    int status = find(call, state, &entry);
    return status ? status : brd_call_give_bool(call, entry != NULL);
}

static int length(brd_call *call, void *state)
{
    return brd_call_give_integer(call, (int64_t)((const brd_map *)state)->count);
}

static int clear(brd_call *call, void *state)
{
    for (brd_value *v = brd_map_clear(state), *next; v; v = next) {
        next = v->next;
        brd_call_discard(call, v);
    }
    return BROOD_OK;
}

/* -------------------------------------------------------------- many at once */

static int make_next(brd_call *call, brd_elements *e, brd_value **out)
{
    const unsigned char *bytes;
    size_t size;
    return brd_elements_next(e, &bytes, &size) ? brd_value_make(call->store, bytes, size, true, out)
                                               : BROOD_EEND;
}

// What fails half way leaves what came before it, as in Python.
static int update_with(brd_call *call, brd_map *m, bool names_only)
{
    brd_elements e;
    int status = brd_call_elements(call, true, &e);
    while (!status) {
        brd_value *key = NULL, *value = NULL;
        status = make_next(call, &e, &key);
        if (!status && names_only && brd_scalar_of(key->bytes, key->size).kind != BRD_KIND_TEXT)
            status = BROOD_ETYPE;
        if (!status)
            status = make_next(call, &e, &value);
        if (!status)
            status = put(call, m, key, value);
        else
            brd_call_discard(call, key);
    }
    return status == BROOD_EEND ? BROOD_OK : status;
}

static int update(brd_call *call, void *state)
{
    return brd_call_has_more(call) ? update_with(call, state, false) : BROOD_OK;
}

typedef int give_one(brd_call *call, const brd_entry *entry);

static int give_key(brd_call *call, const brd_entry *entry)
{
    return brd_call_give(call, entry->key);
}

static int give_value(brd_call *call, const brd_entry *entry)
{
    return brd_call_give(call, entry->value);
}

static int give_pair(brd_call *call, const brd_entry *entry)
{
    int status = brd_give_array(call->result, 2);
    return status ? status : give_entry(call, entry);
}

static int give_each(brd_call *call, const brd_map *m, give_one *give)
{
    size_t at = 0;
    int status = BROOD_OK;
    for (brd_entry *e; !status && (e = brd_map_next(m, &at)) != NULL;)
        status = give(call, e);
    return status;
}

static int keys(brd_call *call, void *state)
{
    return give_each(call, state, give_key);
}

static int values(brd_call *call, void *state)
{
    return give_each(call, state, give_value);
}

static int items(brd_call *call, void *state)
{
    return give_each(call, state, give_pair);
}

static int copy(brd_call *call, void *state)
{
    const brd_map *m = state;
    int status = brd_give_map(call->result, m->count);
    return status ? status : give_each(call, m, give_entry);
}

static void destroy(void *state, brd_remains *left)
{
    left->values = brd_map_clear(state);
}

static const brd_method dict_methods[] = {
    {"clear", clear, 0, 0, NULL},      {"contains", contains, 1, 1, NULL},
    {"copy", copy, 0, 0, NULL},        {"delitem", delete_item, 1, 1, NULL},
    {"get", get, 1, 2, NULL},          {"getitem", get_item, 1, 1, NULL},
    {"items", items, 0, 0, NULL},      {"keys", keys, 0, 0, NULL},
    {"len", length, 0, 0, NULL},       {"pop", pop, 1, 2, NULL},
    {"popitem", pop_item, 0, 0, NULL}, {"setdefault", set_default, 2, 2, NULL},
    {"setitem", set_item, 2, 2, NULL}, {"update", update, 1, 1, NULL},
    {"values", values, 0, 0, NULL},    {0},
};

const brd_type brd_type_dict = {.name = "dict",
                                .size = sizeof(brd_map),
                                .methods = dict_methods,
                                .most = 1,
                                .create = update,
                                .destroy = destroy};

/* ---------------------------------------------------------------------- set */

static int add(brd_call *call, void *state)
{
    brd_value *key = NULL;
    int status = brd_call_take(call, &key);
    return status ? status : put(call, state, key, NULL);
}

static int add_all(brd_call *call, void *state)
{
    int status = BROOD_OK;
    while (!status && brd_call_has_more(call))
        status = add(call, state);
    return status;
}

static int discard(brd_call *call, void *state)
{
    brd_entry *entry = NULL;
    int status = find(call, state, &entry);
    if (!status && entry)
        take_out(call, state, entry);
    return status;
}

static int pop_any(brd_call *call, void *state)
{
    brd_entry *entry = brd_map_last(state);
    int status = entry ? brd_call_give(call, entry->key) : no_such_key();
    if (!status)
        take_out(call, state, entry);
    return status;
}

static const brd_method set_methods[] = {
    {"add", add, 1, 1, NULL},
    {"clear", clear, 0, 0, NULL},
    {"contains", contains, 1, 1, NULL},
    {"copy", keys, 0, 0, NULL},
    {"discard", discard, 1, 1, NULL},
    {"len", length, 0, 0, NULL},
    {"pop", pop_any, 0, 0, NULL},
    {"remove", delete_item, 1, 1, NULL},
    {"update", add_all, 0, BRD_ANY, NULL},
    {0},
};

const brd_type brd_type_set = {.name = "set",
                               .size = sizeof(brd_map),
                               .methods = set_methods,
                               .most = BRD_ANY,
                               .create = add_all,
                               .destroy = destroy};

/* ---------------------------------------------------------------- Namespace */

// The next argument is a name; it stays to be read.
static int check_name(const brd_call *call)
{
    const brood_message *args = call->args;
    const unsigned char *bytes = (const unsigned char *)brood_message_bytes(args, NULL);
    brd_scalar name = brd_scalar_of(bytes + args->position, args->size - args->position);
    return name.kind == BRD_KIND_TEXT ? BROOD_OK : BROOD_ETYPE;
}

static int get_attribute(brd_call *call, void *state)
{
    int status = check_name(call);
    return status ? status : get_item(call, state);
}

static int set_attribute(brd_call *call, void *state)
{
    int status = check_name(call);
    return status ? status : set_item(call, state);
}

static int delete_attribute(brd_call *call, void *state)
{
    int status = check_name(call);
    return status ? status : delete_item(call, state);
}

static int create_namespace(brd_call *call, void *state)
{
    return brd_call_has_more(call) ? update_with(call, state, true) : BROOD_OK;
}

static const brd_method namespace_methods[] = {
    {"copy", copy, 0, 0, NULL},
    {"delattr", delete_attribute, 1, 1, NULL},
    {"getattr", get_attribute, 1, 1, NULL},
    {"setattr", set_attribute, 2, 2, NULL},
    {0},
};

const brd_type brd_type_namespace = {.name = "Namespace",
                                     .size = sizeof(brd_map),
                                     .methods = namespace_methods,
                                     .most = 1,
                                     .create = create_namespace,
                                     .destroy = destroy};
