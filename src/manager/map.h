/**
 * A map from values to values that keeps the order in which keys came in: the inside of dict,
 * set and Namespace.
 */
#ifndef BRD_MANAGER_MAP_H
#define BRD_MANAGER_MAP_H

#include "manager/value.h"

typedef struct brd_entry {
    brd_value *key; /* NULL: it was taken out */
    brd_value *value;
} brd_entry;

/** Zeroed is an empty one. Keys and values are the map's. */
typedef struct brd_map {
    brd_entry *entries; /* in order */
    size_t used, room;  /* of them, those that were taken out included */
    size_t count;
    uint32_t *index; /* open addressing: 0 free, else 1 + number of an entry */
    size_t places;   /* a power of two, or 0 */
} brd_map;

/** NULL: the key is not there. */
brd_entry *brd_map_find(const brd_map *map, brd_value *key);

/**
 * Puts in key and value, which are the map's on success; what they take the place of comes
 * out: an equal key, and its value, or NULL and NULL. Fails with: BROOD_ENOMEM.
 */
int brd_map_put(brd_map *map, brd_value *key, brd_value *value, brd_entry *old);

/** Takes an entry out; key and value are the caller's. */
brd_entry brd_map_take(brd_map *map, brd_entry *entry);

/** The next entry at or behind number *at; NULL: that was all. */
brd_entry *brd_map_next(const brd_map *map, size_t *at);

/** The last one; NULL: it is empty. */
brd_entry *brd_map_last(const brd_map *map);

/** Empties it. All keys and values, as a list. */
brd_value *brd_map_clear(brd_map *map);

#endif
