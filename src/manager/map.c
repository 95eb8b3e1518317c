/**
 * The ordered map. See map.h. As Python's dict: entries in a row, and an index of hashes into
 * it. What is taken out leaves a gap in the row, and gaps go when the row is full.
 */
#include "manager/map.h"
#include <brood/status.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 8 };

static size_t next_place(const brd_map *m, size_t at)
{
    return (at + 1) & (m->places - 1);
}

/** The place of a key in the index; m->places: it has none. */
static size_t find(const brd_map *m, brd_value *key)
{
    if (!m->places)
        return 0;
    size_t at = brd_value_hash(key) & (m->places - 1);
    for (; m->index[at]; at = next_place(m, at)) {
        brd_value *other = m->entries[m->index[at] - 1].key;
        if (other->hash == key->hash && brd_value_same(other, key))
            return at;
    }
    return m->places;
}

brd_entry *brd_map_find(const brd_map *m, brd_value *key)
{
    size_t at = find(m, key);
    return at < m->places ? &m->entries[m->index[at] - 1] : NULL;
}

static void enter(brd_map *m, size_t number)
{
    size_t at = brd_value_hash(m->entries[number].key) & (m->places - 1);
    while (m->index[at])
        at = next_place(m, at);
    m->index[at] = (uint32_t)(number + 1);
}

// A row without gaps, with room for as many again, and its index.
static int rebuild(brd_map *m)
{
    size_t room = m->count < FIRST_ROOM / 2 ? FIRST_ROOM : m->count * 2;
    size_t places = FIRST_ROOM * 2;
    while (places < room * 2)
        places *= 2;
    if (room >= UINT32_MAX)
        return BROOD_ENOMEM;
    brd_entry *entries = malloc(room * sizeof *entries);
    uint32_t *index = calloc(places, sizeof *index);
    if (!entries || !index) {
        free(entries);
        free(index);
        return BROOD_ENOMEM;
    }
    size_t used = 0;
    for (size_t i = 0; i < m->used; i++)
        if (m->entries[i].key)
            entries[used++] = m->entries[i];
    brd_map old = *m;
    m->entries = entries;
    m->used = m->count = used;
    m->room = room;
    m->index = index;
    m->places = places;
    for (size_t i = 0; i < used; i++)
        enter(m, i);
    free(old.entries);
    free(old.index);
    return BROOD_OK;
}

int brd_map_put(brd_map *m, brd_value *key, brd_value *value, brd_entry *old)
{
    brd_entry *there = brd_map_find(m, key);
    if (there) {
        *old = (brd_entry){key, there->value}; // the key that was there first stays
        there->value = value;
        return BROOD_OK;
    }
    int status = m->used == m->room ? rebuild(m) : BROOD_OK;
    if (status)
        return status;
    m->entries[m->used] = (brd_entry){key, value};
    enter(m, m->used++);
    m->count++;
    *old = (brd_entry){NULL, NULL};
    return BROOD_OK;
}

// Those behind the gap that would no longer be found move up.
static void close_gap(brd_map *m, size_t gap)
{
    size_t mask = m->places - 1;
    for (size_t at = next_place(m, gap); m->index[at]; at = next_place(m, at)) {
        size_t home = m->entries[m->index[at] - 1].key->hash & mask;
        if (((at - home) & mask) < ((at - gap) & mask))
            continue;
        m->index[gap] = m->index[at];
        gap = at;
    }
    m->index[gap] = 0;
}

brd_entry brd_map_take(brd_map *m, brd_entry *entry)
{
    brd_entry taken = *entry;
    close_gap(m, find(m, taken.key));
    *entry = (brd_entry){NULL, NULL};
    m->count--;
    while (m->used && !m->entries[m->used - 1].key)
        m->used--; // so that the last one is always there
    return taken;
}

brd_entry *brd_map_next(const brd_map *m, size_t *at)
{
    while (*at < m->used) {
        brd_entry *entry = &m->entries[(*at)++];
        if (entry->key)
            return entry;
    }
    return NULL;
}

brd_entry *brd_map_last(const brd_map *m)
{
    return m->used ? &m->entries[m->used - 1] : NULL;
}

brd_value *brd_map_clear(brd_map *m)
{
    brd_value *all = NULL;
    size_t at = 0;
    for (brd_entry *e; (e = brd_map_next(m, &at)) != NULL;) {
        e->key->next = all;
        all = e->key;
        if (e->value) {
            e->value->next = all;
            all = e->value;
        }
    }
    free(m->entries);
    free(m->index);
    *m = (brd_map){0};
    return all;
}
