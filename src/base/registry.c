/**
 * brood_register, and what the other floors ask of it.
 *
 * Entries are only ever added, by one compare-and-swap, and never freed: so there is no
 * lock that a fork could leave locked, and nothing that must be made before the first
 * call, which may come before brood_main.
 */
#include "base/registry.h"
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 256 };

typedef struct entry {
    struct entry *next_by_name;
    struct entry *next_by_function;
    brood_function *function;
    char name[BRD_REGISTERED_SIZE];
} entry;

static _Atomic(entry *) by_name[BUCKETS], by_function[BUCKETS];

// FNV-1a, folded.
static size_t bucket_of_name(const char *name)
{
    uint32_t hash = 2166136261U;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return (hash ^ (hash >> 16)) % BUCKETS;
}

// Functions start at multiples of 16, most of them.
static size_t bucket_of_function(brood_function *function)
{
    uintptr_t address;
    _Static_assert(sizeof address == sizeof function, "a function pointer is an address");
    memcpy(&address, &function, sizeof address);
    return (address >> 4 ^ address >> 12) % BUCKETS;
}

static entry *find_among(entry *first, const char *name)
{
    while (first && strcmp(first->name, name) != 0)
        first = first->next_by_name;
    return first;
}

// Whoever looked at a chain that has grown meanwhile looks again: a name is there once.
static int add_name(entry *e)
{
    _Atomic(entry *) *bucket = &by_name[bucket_of_name(e->name)];
    e->next_by_name = atomic_load(bucket);
    do {
        const entry *same = find_among(e->next_by_name, e->name);
        if (same)
            return same->function == e->function ? BROOD_EEND : BROOD_EBUSY;
    } while (!atomic_compare_exchange_weak(bucket, &e->next_by_name, e));
    return BROOD_OK;
}

static void add_function(entry *e)
{
    _Atomic(entry *) *bucket = &by_function[bucket_of_function(e->function)];
    e->next_by_function = atomic_load(bucket);
    while (!atomic_compare_exchange_weak(bucket, &e->next_by_function, e))
        ;
}

int brood_register(const char *name, brood_function *function)
{
    size_t size = name ? strlen(name) : 0;
    if (!size || size >= BRD_REGISTERED_SIZE || !function)
        return BROOD_EINVAL;
    entry *e = calloc(1, sizeof *e);
    if (!e)
        return BROOD_ENOMEM;
    e->function = function;
    memcpy(e->name, name, size + 1);
    int status = add_name(e);
    if (!status)
        add_function(e);
    else
        free(e);
    return status == BROOD_EEND ? BROOD_OK : status; // once more the same changes nothing
}

brood_function *brd_registry_find(const char *name)
{
    entry *first = atomic_load(&by_name[bucket_of_name(name)]);
    const entry *e = find_among(first, name);
    return e ? e->function : NULL;
}

const char *brd_registry_name(brood_function *function)
{
    const char *name = NULL; // the last in the chain is the one that came first
    const entry *e = atomic_load(&by_function[bucket_of_function(function)]);
    for (; e; e = e->next_by_function)
        if (e->function == function)
            name = e->name;
    return name;
}
