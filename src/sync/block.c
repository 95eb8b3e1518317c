/**
 * The shelf: a handful of slots, searched from the front. Blocks are reused by
 * size, and the one that fits least makes room when the shelf is full.
 */
#include "sync/block.h"
#include "base/bytes.h"
#include <string.h>

enum { BLOCK_UNIT = 64 * 1024 };

brd_block *brd_shelf_find(brd_shelf *shelf, uint64_t id)
{
    for (size_t i = 0; id && i < BRD_SHELF_SLOTS; i++)
        if (shelf->slots[i].id == id)
            return &shelf->slots[i];
    return NULL;
}

static void empty_slot(brd_block *block)
{
    brd_os_shm_unmap(&block->shm);
    *block = (brd_block){.shm.segment = BRD_NONE};
}

// The smallest free block that is long enough; else an empty slot; else the
// smallest free block, which is to be replaced.
static brd_block *choose(brd_shelf *shelf, size_t size)
{
    brd_block *fits = NULL, *empty = NULL, *smallest = NULL;
    for (size_t i = 0; i < BRD_SHELF_SLOTS; i++) {
        brd_block *b = &shelf->slots[i];
        if (!b->id)
            empty = empty ? empty : b;
        else if (!b->busy && b->shm.size >= size && (!fits || b->shm.size < fits->shm.size))
            fits = b;
        else if (!b->busy && (!smallest || b->shm.size < smallest->shm.size))
            smallest = b;
    }
    return fits ? fits : empty ? empty : smallest;
}

int brd_shelf_take(brd_shelf *shelf, size_t size, brd_block **out, bool *fresh, uint64_t *dropped)
{
    brd_block *block = choose(shelf, size);
    if (!block)
        return BROOD_EAGAIN;
    if (size > SIZE_MAX - BLOCK_UNIT)
        return BROOD_ENOMEM;
    bool replace = block->id && block->shm.size < size;
    if (!block->id || replace) {
        brd_shm shm;
        int status = brd_os_shm_create(&shm, brd_round_up(size, BLOCK_UNIT));
        if (status)
            return status;
        *dropped = replace ? block->id : 0;
        if (replace)
            empty_slot(block);
        *block = (brd_block){.id = ++shelf->last_id, .shm = shm};
        *fresh = true;
    } else {
        *fresh = false;
        *dropped = 0;
    }
    block->busy = true;
    *out = block;
    return BROOD_OK;
}

void brd_shelf_give_back(brd_shelf *shelf, uint64_t id)
{
    brd_block *block = brd_shelf_find(shelf, id);
    if (block)
        block->busy = false;
}

int brd_shelf_put(brd_shelf *shelf, uint64_t id, size_t size, brd_handle segment)
{
    brd_block *slot = NULL;
    for (size_t i = 0; !slot && i < BRD_SHELF_SLOTS; i++)
        if (!shelf->slots[i].id)
            slot = &shelf->slots[i];
    int status = !id || !slot || brd_shelf_find(shelf, id) ? BROOD_EPROTOCOL : BROOD_OK;
    brd_shm shm = {.segment = BRD_NONE};
    if (!status)
        status = brd_os_shm_map(&shm, segment, size, true);
    if (status)
        brd_os_close(&segment);
    else
        *slot = (brd_block){.id = id, .shm = shm};
    return status;
}

void brd_shelf_drop(brd_shelf *shelf, uint64_t id)
{
    brd_block *block = brd_shelf_find(shelf, id);
    if (block)
        empty_slot(block);
}

void brd_shelf_clear(brd_shelf *shelf)
{
    for (size_t i = 0; i < BRD_SHELF_SLOTS; i++)
        if (shelf->slots[i].id)
            empty_slot(&shelf->slots[i]);
}
