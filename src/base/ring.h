/**
 * A ring of records between one producer and one consumer, in memory that two
 * processes share. No lock: a side that dies at any instruction leaves the other
 * able to go on.
 *
 * Trust: each side keeps its own position in private memory. A consumer reads
 * each shared word once, checks what it read, and uses the copy; what makes no
 * sense is BROOD_EPROTOCOL, never a read outside the ring.
 *
 * A record is written, then published. `written` moves with every record and is
 * looked at only before the consumer parks and after the producer's death;
 * `tail` moves when the producer publishes, and is what a spinning consumer
 * reads. So a stream of short records costs the shared line one move a batch.
 */
#ifndef BRD_RING_H
#define BRD_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BRD_RING_ALIGN = 16,  /* records start and end at multiples of this */
    BRD_RING_HEADER = 8,  /* bytes of the ring's own before each payload */
    BRD_RING_LINE = 128,  /* two cache lines: the hardware fetches pairs */
    BRD_RING_PAD = 0xffff /* kind of the record that fills the end of the ring */
};

/** The shared words. Zeroed is empty. Positions count bytes and never wrap. */
typedef struct brd_ring_words {
    _Alignas(BRD_RING_LINE) _Atomic uint64_t tail;
    _Alignas(BRD_RING_LINE) _Atomic uint64_t written;
    _Alignas(BRD_RING_LINE) _Atomic uint64_t head;
} brd_ring_words;

/** The producer's side: private memory. */
typedef struct brd_ring_out {
    brd_ring_words *words;
    unsigned char *bytes;
    uint64_t capacity;  /* a power of two */
    uint64_t at;        /* end of the last record */
    uint64_t published; /* what `tail` says */
    uint64_t head;      /* what `head` said last */
    uint64_t kept;      /* from here on nothing is written over, whatever `head` says */
} brd_ring_out;

/** The consumer's side: private memory. */
typedef struct brd_ring_in {
    brd_ring_words *words;
    unsigned char *bytes;
    uint64_t capacity;
    _Atomic uint64_t at; /* start of the next record; written by one, looked at by many */
    uint64_t tail;       /* up to where records are known to be */
    uint64_t released;   /* what `head` says */
    bool broken;         /* the producer's words made no sense */
} brd_ring_in;

/** A record as the consumer sees it. The payload is in shared memory. */
typedef struct brd_record {
    unsigned char *payload;
    uint32_t size; /* of the payload, rounded up to the ring's unit */
    uint32_t kind;
} brd_record;

void brd_ring_out_init(brd_ring_out *out, brd_ring_words *words, void *bytes, size_t capacity);
void brd_ring_in_init(brd_ring_in *in, brd_ring_words *words, void *bytes, size_t capacity);

/** The largest payload that a ring of this capacity always takes, once it is empty. */
size_t brd_ring_limit(size_t capacity);

/**
 * From this position on records stay as they are, also when the consumer has released
 * them: somebody still looks at them. UINT64_MAX: none.
 */
static inline void brd_ring_keep(brd_ring_out *out, uint64_t from)
{
    out->kept = from;
}

/** Room for a payload of `size` bytes, to be written and then committed; NULL: full. */
void *brd_ring_reserve(brd_ring_out *out, size_t size);

/** The reserved payload is now a record; it stays unpublished. */
void brd_ring_commit(brd_ring_out *out, size_t size, uint32_t kind);

/** Makes all records so far visible to a consumer that spins. */
void brd_ring_publish(brd_ring_out *out);

/** True while records wait to be published. */
static inline bool brd_ring_pending(const brd_ring_out *out)
{
    return out->published != out->at;
}

/** Up to where the consumer has given room back; what an untrusted one says. */
static inline uint64_t brd_ring_head(const brd_ring_out *out)
{
    return atomic_load_explicit(&out->words->head, memory_order_acquire);
}

/** True if the consumer has taken all records. */
bool brd_ring_drained(const brd_ring_out *out);

/**
 * The next record, and moves past it.
 * Fails with: BROOD_EAGAIN (none published), BROOD_EPROTOCOL.
 */
int brd_ring_next(brd_ring_in *in, brd_record *record);

/** As far as the producer has written, published or not, is there to be read. */
void brd_ring_look_deeper(brd_ring_in *in);

/** The consumer's position. Any thread of its process. */
static inline uint64_t brd_ring_at(const brd_ring_in *in)
{
    return atomic_load_explicit(&in->at, memory_order_relaxed);
}

/** True if a published record waits; one load of the shared word. Any thread. */
static inline bool brd_ring_has_news(const brd_ring_in *in)
{
    uint64_t tail = atomic_load_explicit(&in->words->tail, memory_order_acquire);
    return (int64_t)(tail - brd_ring_at(in)) > 0;
}

/** True if a record waits, published or not. */
static inline bool brd_ring_has_any(const brd_ring_in *in)
{
    return (int64_t)(atomic_load(&in->words->written) - brd_ring_at(in)) > 0;
}

/** Gives the room of all records before `upto`, an earlier brd_ring_at, back to the producer. */
void brd_ring_release(brd_ring_in *in, uint64_t upto);

#endif
