/**
 * A circular buffer of records that any process may write and read, one writer and one
 * reader at a time: who calls sees to that with a lock each.
 *
 * How far it is written and read are one shared word each, which holds the position and
 * the count together, so that a record comes and goes with one store: a writer or reader
 * that is killed at any instruction leaves the buffer as it was before, or after.
 *
 * Every record moves these two words from cpu to cpu, so each side also has one of its own,
 * with what it saw last of the other's, and looks again only when that will not do. What was
 * seen is true or older, and an older one only says too little.
 *
 * Positions count units and wrap at 2^32. They come from memory that others can scribble on,
 * so each is read once, and what does not fit the buffer is BROOD_EPROTOCOL.
 */
#ifndef BRD_BUFFER_H
#define BRD_BUFFER_H

#include "os.h"
#include <stdatomic.h>

enum {
    BRD_BUFFER_UNIT = 8,  /* records start at multiples of this */
    BRD_BUFFER_LINE = 128 /* two cache lines: the hardware fetches pairs */
};

/** The shared words. Zeroed is empty. Each: records so far in the high half, units in the low. */
typedef struct brd_buffer_words {
    _Alignas(BRD_BUFFER_LINE) _Atomic uint64_t tail;
    _Alignas(BRD_BUFFER_LINE) _Atomic uint64_t head;
    _Alignas(BRD_BUFFER_LINE) _Atomic uint64_t head_seen; /* by who writes */
    _Alignas(BRD_BUFFER_LINE) _Atomic uint64_t tail_seen; /* by who reads */
} brd_buffer_words;

/** One process's side. */
typedef struct brd_buffer {
    brd_buffer_words *words;
    unsigned char *bytes;
    uint64_t capacity; /* a power of two */
} brd_buffer;

/** What stands before each payload. */
typedef struct brd_buffer_head {
    uint32_t size;  /* of the payload */
    uint16_t flags; /* the caller's */
    uint16_t count; /* the caller's */
} brd_buffer_head;

/** A record that waits. */
typedef struct brd_buffer_record {
    brd_buffer_head head;
    uint64_t at, next; /* the shared word before it, and behind it */
} brd_buffer_record;

/** How many records wait. Any thread; it may change at once. */
uint32_t brd_buffer_count(const brd_buffer *b);

/**
 * Whether no record waits. Any thread; it may change at once, and one that was just read may
 * still be said to be there.
 */
static inline bool brd_buffer_is_empty(const brd_buffer *b)
{
    uint64_t head = atomic_load_explicit(&b->words->head, memory_order_acquire);
    return atomic_load_explicit(&b->words->tail_seen, memory_order_relaxed) == head &&
           atomic_load_explicit(&b->words->tail, memory_order_acquire) == head;
}

/** How many records were ever written; wraps. */
uint32_t brd_buffer_written(const brd_buffer *b);

/**
 * Writes a record, for which brd_buffer_find_room has found room, where nobody sees it yet; of
 * a payload in two parts which together are head->size. What is for brd_buffer_commit.
 */
uint64_t brd_buffer_write(brd_buffer *b, const brd_buffer_head *head, const brd_span parts[2]);

/** What was written last is a record now. */
static inline void brd_buffer_commit(brd_buffer *b, uint64_t next)
{
    atomic_store_explicit(&b->words->tail, next, memory_order_release);
}

/**
 * Whether a payload of that size fits just now, and fewer than `most` records wait (0: any
 * number). Any thread.
 */
bool brd_buffer_has_room(const brd_buffer *b, uint64_t size, uint32_t most);

/** Whether such positions can be. Any thread; what just changed may be said not to be. */
bool brd_buffer_is_sound(const brd_buffer *b);

/**
 * Whether there is room, for the writer: it then stays so. Fails with: BROOD_EAGAIN (not just now),
 * BROOD_EPROTOCOL.
 */
int brd_buffer_find_room(brd_buffer *b, uint64_t size, uint32_t most);

/** The oldest record. Fails with: BROOD_EAGAIN (none), BROOD_EPROTOCOL. */
int brd_buffer_look(brd_buffer *b, brd_buffer_record *out);

/** The one behind it, which stays. Fails with: the same. */
int brd_buffer_look_behind(brd_buffer *b, brd_buffer_record *record);

/** Copies `size` bytes of its payload, which are there, from `offset` on. */
void brd_buffer_copy(const brd_buffer *b, const brd_buffer_record *record, size_t offset, void *out,
                     size_t size);

/** It is gone. */
static inline void brd_buffer_drop(brd_buffer *b, const brd_buffer_record *record)
{
    atomic_store_explicit(&b->words->head, record->next, memory_order_release);
}

#endif
