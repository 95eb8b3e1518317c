/**
 * Functions by number.
 *
 * A pointer to a function is no pointer to data in C; its bytes are copied, never
 * cast.
 */
#include "base/function.h"
#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    brood_function *function;
    uint32_t index;
    brd_place place;
    const char *registered; /* "" if it was not */
    const char *name;
} entry;

struct brd_functions {
    apr_pool_t *memory;
    apr_hash_t *by_function;
    apr_array_header_t *entries; /* of entry * */
    const entry *last;           /* programs send the same function again and again */
};

brd_functions *brd_functions_make(apr_pool_t *memory)
{
    brd_functions *t = apr_pcalloc(memory, sizeof *t);
    if (!t)
        return NULL;
    t->memory = memory;
    t->by_function = apr_hash_make(memory);
    t->entries = apr_array_make(memory, 8, sizeof(entry *));
    return t->by_function && t->entries ? t : NULL;
}

static const entry *at(const brd_functions *t, uint32_t index)
{
    return ((const entry *const *)(const void *)t->entries->elts)[index];
}

static const char *name_of(brd_functions *t, const brd_place *place)
{
    const char *module = place->module[0] ? place->module : "program";
    for (const char *c = module; *c; c++)
        if (*c == '/' || *c == '\\')
            module = c + 1;
    char name[sizeof place->module + 24];
    (void)snprintf(name, sizeof name, "%s+0x%llx", module, (unsigned long long)place->offset);
    return apr_pstrdup(t->memory, name);
}

static int add(brd_functions *t, brood_function *function, const entry **out)
{
    const void *code;
    memcpy(&code, &function, sizeof code);
    entry *e = apr_pcalloc(t->memory, sizeof *e);
    if (!e)
        return BROOD_ENOMEM;
    int status = brd_os_module_of(code, &e->place);
    if (status)
        return status;
    e->function = function;
    e->index = (uint32_t)t->entries->nelts;
    e->registered = brd_registry_name(function);
    e->name = e->registered ? e->registered : name_of(t, &e->place);
    if (!e->registered)
        e->registered = "";
    entry **slot = (entry **)apr_array_push(t->entries);
    if (!slot || !e->name)
        return BROOD_ENOMEM;
    *slot = e;
    apr_hash_set(t->by_function, &e->function, sizeof e->function, e);
    *out = e;
    return BROOD_OK;
}

int brd_functions_index(brd_functions *t, brood_function *function, uint32_t *index)
{
    if (!t->last || t->last->function != function) {
        const entry *e = apr_hash_get(t->by_function, &function, sizeof function);
        int status = e ? BROOD_OK : add(t, function, &e);
        if (status)
            return status;
        t->last = e;
    }
    *index = t->last->index;
    return BROOD_OK;
}

const brd_place *brd_functions_place(const brd_functions *t, uint32_t index)
{
    return &at(t, index)->place;
}

const char *brd_functions_registered(const brd_functions *t, uint32_t index)
{
    return at(t, index)->registered;
}

const char *brd_functions_name(const brd_functions *t, uint32_t index)
{
    return at(t, index)->name;
}

void brd_functions_explain(const brd_functions *t, uint32_t index, int status, char *text,
                           size_t room)
{
    const entry *e = at(t, index);
    bool missing = status == BROOD_EFUNCTION;
    if (missing && e->place.module[0])
        (void)snprintf(text, room, "the worker cannot load %s, or it has no such function",
                       e->place.module);
    else if (missing && e->registered[0])
        (void)snprintf(text, room,
                       "nothing is registered as \"%s\" in the worker program: its main calls "
                       "brood_register before brood_main, or a module of the context does that "
                       "shares its copy of brood",
                       e->registered);
    else if (missing)
        (void)snprintf(text, room,
                       "%s is part of a program that its worker is not: give it a name with "
                       "brood_register in both, or put it into a shared library",
                       e->name);
    else if (status == BROOD_EBUILD && e->place.module[0])
        (void)snprintf(text, room, "the worker has found another build of %s", e->place.module);
    else
        (void)snprintf(text, room, "%s", brood_status_text(status));
}

static int make_room(brd_code *c)
{
    if (c->count < c->room)
        return BROOD_OK;
    uint32_t room = c->room ? 2 * c->room : 16;
    brd_known *known = realloc(c->known, room * sizeof *known);
    if (!known)
        return BROOD_ENOMEM;
    c->known = known;
    c->room = room;
    return BROOD_OK;
}

int brd_code_find(const brd_place *place, brood_function **out)
{
    void *code = NULL;
    int status = brd_os_module_at(place, &code);
    if (!status)
        memcpy(out, &code, sizeof code);
    return status;
}

int brd_code_learn(brd_code *c, uint32_t index, const brd_sought *sought)
{
    if (index != c->count)
        return BROOD_EPROTOCOL;
    int status = make_room(c);
    if (status)
        return status;
    brd_sought *copy = malloc(sizeof *copy);
    if (!copy)
        return BROOD_ENOMEM;
    *copy = *sought;
    c->known[c->count++] = (brd_known){.why = BROOD_EFUNCTION, .sought = copy};
    return BROOD_OK;
}

const brd_sought *brd_code_sought(const brd_code *c, uint32_t index)
{
    return index < c->count ? c->known[index].sought : NULL;
}

void brd_code_settle(brd_code *c, uint32_t index, brood_function *function, int why)
{
    if (index >= c->count)
        return;
    brd_known *known = &c->known[index];
    free(known->sought);
    *known = (brd_known){.function = function, .why = function ? BROOD_OK : why};
}

brood_function *brd_code_at(const brd_code *c, uint32_t index, int *why)
{
    *why = index < c->count ? c->known[index].why : BROOD_EFUNCTION;
    return *why ? NULL : c->known[index].function;
}

void brd_code_clear(brd_code *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        free(c->known[i].sought);
    free(c->known);
    *c = (brd_code){0};
}
