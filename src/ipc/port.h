/**
 * The worker's end of its link: takes tasks in, gives results out, and waits.
 *
 * The worker's main thread uses all of it; a watcher thread reads the channel
 * and uses only brd_port_on_frame. A worker believes its parent.
 */
#ifndef BRD_PORT_H
#define BRD_PORT_H

#include "ipc/message.h"
#include "ipc/wire.h"
#include "sync/block.h"

typedef struct brd_port {
    brd_shm shm;
    brd_link_words *words;
    brd_ring_in tasks;
    brd_ring_out results;
    brd_bell own_bell;    /* wakes this worker */
    brd_bell parent_bell; /* wakes the parent */
    brd_frames frames;
    brd_mutex lock; /* shelves: the watcher changes them */
    brd_cond changed;
    brd_shelf incoming;
    brd_shelf outgoing;
    brd_arrivals arrivals;
    unsigned cpus;
    brd_time batch_start; /* when the first task of the batch began; 0: not timed */
    uint32_t batch;       /* tasks since the last announcement */
    uint32_t waits;
    uint32_t shared;   /* waits in a row that found the parent on this cpu */
    uint64_t block;    /* of the task at hand; 0: none */
    uint64_t consumed; /* the task ring before this position is no longer read */
} brd_port;

/** A task, its contents in place. */
typedef struct brd_work {
    uint32_t kind; /* BRD_RECORD_TASK or BRD_RECORD_FUNCTION */
    brd_task_head *head;
    unsigned char *contents;
    const brd_function_head *function;
    brd_cargo *cargo; /* its handles, to be freed by whoever got the work; NULL: none */
} brd_work;

/** Takes over the segment and the channel. */
int brd_port_open(brd_port *port, brd_shm shm, brd_chan *chan, brd_handle own_bell,
                  brd_handle parent_bell, unsigned cpus);

/** Says hello: the first record of every worker. */
int brd_port_hello(brd_port *port, const brd_hello *hello);

/**
 * The next function or task that is ours to run, waiting for it; what it points
 * to is valid until the next call.
 * Fails with: BROOD_ECLOSED (the parent says stop), BROOD_EPROTOCOL.
 */
int brd_port_next(brd_port *port, brd_work *work);

/**
 * Writes a result, through a block if it is long, with its handles. Waits for room.
 * Fails with: BROOD_ECLOSED (the channel is of no use any more), and what making a
 * block or giving a handle can fail with.
 */
int brd_port_reply(brd_port *port, brd_result_head *head, const void *bytes,
                   const brd_cargo *cargo);

/** Writes a report with its text, and announces it. Waits for room. */
void brd_port_report(brd_port *port, const brd_report_head *head, const char *text);

/** Which streams of this worker somebody reads: BRD_CAPTURED_OUT, BRD_CAPTURED_ERR. */
static inline uint32_t brd_port_captured(const brd_port *port)
{
    return atomic_load_explicit(&port->words->captured, memory_order_relaxed);
}

/** Tells who reads that what comes now is of this item. */
void brd_port_at_hand(brd_port *port, uint64_t number, uint64_t index);

/** Tells which function it looks for now, counted from 1; 0: for none any more. */
static inline void brd_port_loading(brd_port *port, uint32_t function)
{
    atomic_store_explicit(&port->words->loading, function, memory_order_release);
}

/** The task at hand is over. */
void brd_port_finished(brd_port *port);

/** What the watcher does with a frame. */
int brd_port_on_frame(brd_port *port, const brd_frame *frame);

#endif
