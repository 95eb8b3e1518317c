/**
 * Shared blocks for contents that are too long for a ring: kept and mapped once
 * on each side, because fresh shared pages are what long contents cost.
 *
 * A shelf is one side's set of blocks in one direction of one link. The sender
 * makes blocks and announces them; the receiver maps what was announced. The
 * sender fills a block, names it in a record, and may fill it again when the
 * receiver gave it back.
 */
#ifndef BRD_BLOCK_H
#define BRD_BLOCK_H

#include "os.h"

enum { BRD_SHELF_SLOTS = 8 };

typedef struct brd_block {
    uint64_t id; /* 0: the slot is empty */
    bool busy;   /* sender: filled and not given back yet */
    brd_shm shm;
} brd_block;

typedef struct brd_shelf {
    brd_block slots[BRD_SHELF_SLOTS];
    uint64_t last_id;
} brd_shelf;

/**
 * Sender: a block of at least `size` bytes that is not busy; a new one is made
 * if none is. *fresh says that the peer does not know it yet, *dropped is the id
 * of a block that had to make room (0: none). The block is then busy.
 * Fails with: BROOD_EAGAIN (all are busy), BROOD_ENOMEM.
 */
int brd_shelf_take(brd_shelf *shelf, size_t size, brd_block **out, bool *fresh, uint64_t *dropped);

/** Sender: the block is free again. An id that is not there is ignored. */
void brd_shelf_give_back(brd_shelf *shelf, uint64_t id);

/**
 * Receiver: maps a block that the peer announced; the handle is taken over in
 * any case. Fails with: BROOD_EPROTOCOL (too many, twice, or it could shrink).
 */
int brd_shelf_put(brd_shelf *shelf, uint64_t id, size_t size, brd_handle segment);

/** Receiver: the peer dropped this block. */
void brd_shelf_drop(brd_shelf *shelf, uint64_t id);

/** The block of that id; NULL: none. */
brd_block *brd_shelf_find(brd_shelf *shelf, uint64_t id);

/** Unmaps all. */
void brd_shelf_clear(brd_shelf *shelf);

#endif
