/**
 * The startup record: everything a child needs to know, written by its parent
 * into the channel before anything else. Fixed in size, no pointers; the same
 * for every start method.
 */
#ifndef BRD_STARTUP_H
#define BRD_STARTUP_H

#include "base/registry.h"
#include "os.h"

enum {
    BRD_STARTUP_SIZE = 1536,
    BRD_NAME_SIZE = 64,
    BRD_DEPTH_LIMIT = 8 /* a worker's worker's worker ... */
};

/** The handles that a child is born with, in this order. */
enum {
    BRD_BORN_CHANNEL,
    BRD_BORN_SEGMENT,
    BRD_BORN_PARENT_BELL,
    BRD_BORN_WORKER_BELL /* where a bell needs a handle */
};

/** What children are, for one whose program is not its parent's and has none of its places. */
typedef enum brd_role { BRD_ROLE_NONE, BRD_ROLE_WORKER, BRD_ROLE_PROCESS, BRD_ROLES } brd_role;

typedef struct brd_startup {
    uint32_t depth; /* the child's own: 1 for a worker of the program itself */
    uint32_t cpus;
    int64_t parent;
    uint8_t token[16]; /* the child says it back: it read this record */
    uint8_t build[20]; /* of the program that the parent runs */
    brd_handle segment;
    uint64_t segment_size;
    brd_handle worker_bell;
    brd_handle parent_bell;
    brd_handle last_inherited;
    brd_place entry; /* the function that the child runs: a brd_child_entry; of a forkserver what
                        it runs first, a brood_function, or offset 0 for none */
    bool alone;      /* it does not end with the thread that started it, only with the process */
    bool server;     /* it is a forkserver */
    bool chosen;     /* its program was chosen by the context: it may be another one than ours */
    uint32_t role;   /* a brd_role */
    brd_limits limits;
    uint32_t method; /* how it starts its own children if it is not told: a brood_start_method */
    char name[BRD_NAME_SIZE];
    char function[BRD_REGISTERED_SIZE]; /* name of what a forkserver runs first, or "" */
} brd_startup;

void brd_startup_encode(const brd_startup *s, unsigned char bytes[BRD_STARTUP_SIZE]);

/** Fails with: BROOD_EPROTOCOL (no startup record, or of another version). */
int brd_startup_decode(brd_startup *s, const unsigned char bytes[BRD_STARTUP_SIZE]);

#endif
