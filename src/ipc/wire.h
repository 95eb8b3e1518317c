/**
 * What a parent and its worker write to each other, byte for byte. The two may have been
 * built from different sources: BRD_PROTOCOL changes with every change to this file, and
 * the handshake compares it. So records in the segment are structs of fixed width; what
 * goes over the channel is encoded.
 *
 * Segment:  words | task ring (parent to worker) | result ring (worker to parent)
 * Channel:  the startup record once, then frames: blocks and their handles.
 */
#ifndef BRD_WIRE_H
#define BRD_WIRE_H

#include "base/ring.h"
#include "os.h"

enum {
    BRD_PROTOCOL = 1,
    BRD_RING_BYTES = 64 * 1024,
    BRD_INLINE_MAX = 16 * 1024 /* longer contents go through a block */
};

/** The shared words of a link, each on a line of its own. */
typedef struct brd_link_words {
    brd_ring_words tasks;
    brd_ring_words results;
    _Alignas(BRD_RING_LINE) _Atomic uint32_t worker_parked; /* the worker's bell */
    _Alignas(BRD_RING_LINE) _Atomic uint32_t parent_parked; /* the parent's bell, for this worker */
    _Alignas(BRD_RING_LINE) _Atomic uint32_t task_ns;       /* hint: how long tasks take here */
    _Atomic int32_t worker_cpu;                             /* hint: where the worker waits */
    _Alignas(BRD_RING_LINE) _Atomic uint32_t stop; /* the worker is to end after its task */
    _Atomic uint32_t crowded;                      /* hint: more is awake than there are cpus */
    _Atomic int32_t parent_cpu;
    _Atomic uint32_t cancelled_item; /* of the task below; BRD_ALL_ITEMS */
    _Atomic uint64_t cancelled;      /* the task that is to come to its end soon; BRD_ALL_TASKS */
    _Alignas(
        BRD_RING_LINE) _Atomic uint32_t captured; /* BRD_CAPTURED_...: these streams of the
                                                     worker are read; it tells what it is at: */
    _Atomic uint32_t loading;   /* the function, counted from 1, whose code it looks for; 0 */
    _Atomic uint64_t at_number; /* of the task that it has begun; 0: none, or this changes now */
    _Atomic uint64_t at_index;
} brd_link_words;

enum { BRD_CAPTURED_OUT = 1, BRD_CAPTURED_ERR = 2 };

#define BRD_ALL_ITEMS UINT32_MAX
#define BRD_ALL_TASKS UINT64_MAX

enum { BRD_SEGMENT_SIZE = sizeof(brd_link_words) + 2 * BRD_RING_BYTES };

/* ---------------------------------------------------- records: task ring */

enum { BRD_RECORD_TASK = 1, BRD_RECORD_FUNCTION = 2 };

enum brd_claim { BRD_UNCLAIMED = 0, BRD_STARTED = 1, BRD_TAKEN_BACK = 2 };

enum {
    BRD_IN_BLOCK = 1, /* the contents are in the block whose id follows the head */
    BRD_ITEMS = 2,    /* the contents are items: a brd_items_head, then what it says */
    BRD_TEXT = 4,     /* result: the contents are the text of brood_fail */
    BRD_REFUSED = 8,  /* result: the function did not run; the status says why */
    BRD_CARGO = 16    /* handles belong to it, which came over the channel before */
};

typedef struct brd_task_head {
    _Atomic uint32_t claim; /* who has it: decided by one compare-and-swap */
    uint32_t function;      /* index of a BRD_RECORD_FUNCTION that came before */
    uint64_t id;
    uint32_t flags;
    uint32_t count;  /* items; 1 without BRD_ITEMS */
    uint64_t size;   /* of the contents */
    uint64_t number; /* what users call it; 0: nothing */
    uint64_t first;  /* index of its first item */
} brd_task_head;

/** stride != 0: items of that length, side by side. 0: `count` lengths follow
 * as uint64_t, then the items, each at a multiple of 8. */
typedef struct brd_items_head {
    uint64_t stride;
} brd_items_head;

typedef struct brd_function_head {
    uint32_t index;
    uint32_t path_size;
    uint64_t offset;
    uint8_t build[20];
    uint32_t name_size;
    char path[]; /* path_size bytes, then name_size of its name; no NUL */
} brd_function_head;

/* -------------------------------------------------- records: result ring */

enum { BRD_RECORD_HELLO = 1, BRD_RECORD_RESULT = 2, BRD_RECORD_REPORT = 3 };

enum { BRD_REPORT_TEXT = 255 }; /* bytes of a report's text at the most */

typedef struct brd_hello {
    uint32_t protocol;
    uint32_t reserved;
    int64_t pid;
    uint8_t token[16];
    uint8_t build[20];
    uint32_t reserved2;
} brd_hello;

typedef struct brd_result_head {
    uint64_t id;
    int32_t status; /* what the function returned */
    uint32_t flags;
    uint64_t size;
    uint32_t index; /* of the item within its task */
    uint32_t reserved;
} brd_result_head;

/** brood_report: how far the task at hand is. `size` bytes of text follow. */
typedef struct brd_report_head {
    uint64_t id;
    uint64_t done;
    uint64_t total;
    uint32_t index; /* of the item within its task */
    uint32_t size;
} brd_report_head;

_Static_assert(sizeof(brd_report_head) == 32 && sizeof(brd_task_head) == 48 &&
                   sizeof(brd_result_head) == 32 && sizeof(brd_hello) == 56 &&
                   sizeof(brd_function_head) == 40 && sizeof(brd_items_head) == 8,
               "records have the same layout in every build");

/* ----------------------------------------------------- frames: channel */

enum brd_frame_type {
    BRD_FRAME_BLOCK = 1, /* a: id, b: size, token: the segment's handle */
    BRD_FRAME_BACK,      /* a: id of a block that is free again */
    BRD_FRAME_DROP,      /* a: id of a block that is gone */
    BRD_FRAME_FAILED,    /* a: the status why the worker could not start, b: a brd_failed_at */
    BRD_FRAME_FORK,      /* to a forkserver, a: how many handles the child gets, token: the first
                            of them; behind them, b: its output and errors; and one more, for the
                            news of its end */
    BRD_FRAME_FORKED,    /* from it, a: process id, b: status, token: what tells of its end, or 0 */
    BRD_FRAME_HANDLE     /* a: the task whose message carries it, b: how many that does, token */
};

/** At what the start of a worker failed. */
enum brd_failed_at {
    BRD_FAILED_AT_START = 0,
    BRD_FAILED_AT_COPY,  /* the library that brood's code is in could not be loaded */
    BRD_FAILED_AT_MODULE /* so could the first module of the context; then the second, ... */
};

enum { BRD_FORK_OUTPUT = 1, BRD_FORK_ERRORS = 2 };

enum { BRD_FRAME_SIZE = 32 };

typedef struct brd_frame {
    uint32_t type;
    uint64_t a, b, token;
} brd_frame;

/** Frames of one channel, in both directions, put together from partial reads. */
typedef struct brd_frames {
    brd_chan *chan;
    unsigned char buffer[BRD_FRAME_SIZE];
    size_t have;
} brd_frames;

/** Fails with: BROOD_EAGAIN (none complete), BROOD_ECLOSED, BROOD_EPROTOCOL. */
int brd_frames_read(brd_frames *f, brd_frame *out);

/** All or nothing, up to `until`. Fails with: BROOD_ETIMEDOUT, BROOD_ECLOSED. */
int brd_frames_write(brd_frames *f, const brd_frame *frame, brd_time until);

/** Announces a block to the peer, its handle included. */
int brd_frames_announce(brd_frames *f, uint64_t id, const brd_shm *shm, brd_time until);

void brd_frame_encode(const brd_frame *frame, unsigned char bytes[BRD_FRAME_SIZE]);

/** As brd_chan_write_all; *begun is set once anything has left. */
int brd_chan_write_some(brd_chan *c, const void *bytes, size_t size, brd_time until, bool *begun);

/** Writes all bytes, waiting up to `until`. */
int brd_chan_write_all(brd_chan *c, const void *bytes, size_t size, brd_time until);

/** Reads exactly `size` bytes, waiting up to `until`. */
int brd_chan_read_all(brd_chan *c, void *bytes, size_t size, brd_time until);

#endif
