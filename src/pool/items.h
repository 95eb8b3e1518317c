/**
 * Items: reading them from a user's array or generator, copying them, and packing
 * several into the contents of one task.
 */
#ifndef BRD_ITEMS_H
#define BRD_ITEMS_H

#include "ipc/message.h"
#include <brood/items.h>

enum {
    BRD_ITEMS_INT32 = 1,
    BRD_ITEMS_STRINGS,
    BRD_ITEMS_STRUCTS,
    BRD_ITEMS_MESSAGES,
    BRD_ITEMS_GENERATOR
};

/** Fails with: BROOD_EINVAL (not made by one of the constructors). */
int brd_items_check(const brood_items *items);

/** Puts one item's contents at the end of a message. Not of generators. */
int brd_items_append(const brood_items *items, size_t index, brood_message *out);

/** What was copied or collected, to be freed with brd_items_drop(). */
int brd_items_copy(brood_items *copy, const brood_items *items);

/** Asks a generator for all of its items. Fails with: what the generator says. */
int brd_items_collect(brood_items *all, const brood_items *generator);

void brd_items_drop(brood_items *items);

/*
 * Packed: brd_items_head | lengths | items, each at a multiple of 8.
 */

/** Begins a pack of `count` items in an empty message. Fails with: BROOD_ENOMEM. */
int brd_pack_begin(brood_message *out, uint32_t count);
/** Ends item `i`, which began where the message had `before` bytes. */
int brd_pack_item(brood_message *out, uint32_t i, size_t before);
/** Packs items of an array. */
int brd_pack_array(brood_message *out, const brood_items *items, size_t first, uint32_t count);
/** Leaves `count` items from `first` on of a pack made for `total`. Fails with: BROOD_ENOMEM. */
int brd_pack_slice(brood_message *pack, uint32_t total, uint32_t first, uint32_t count);
/** The length of item `i`. */
size_t brd_pack_size(const brood_message *pack, uint32_t i);

#endif
