/**
 * The parent's side of a birth: a link, and a process at its other end, whatever the
 * start method.
 */
#ifndef BRD_BIRTH_H
#define BRD_BIRTH_H

#include "ipc/link.h"
#include "process/capture.h"
#include "process/child.h"
#include "process/context.h"

/** A child of ours: the machine NEW, STARTING, RUNNING, EXITED. */
typedef enum brd_child_state {
    BRD_CHILD_NEW,
    BRD_CHILD_STARTING, /* the process exists, and has not said hello */
    BRD_CHILD_RUNNING,
    BRD_CHILD_EXITED
} brd_child_state;

typedef struct brd_child {
    brd_child_state state;
    brd_proc proc;
    brd_link link;
    brd_output *output; /* what it prints; NULL: nothing is captured */
    uint8_t token[16];
    uint8_t build[20];
} brd_child;

/** What is to be born. */
typedef struct brd_birth {
    brd_child_entry *entry;
    brd_role role;
    brd_handle bell;               /* what it rings */
    const char *name;              /* shorter than BRD_NAME_SIZE */
    bool alone;                    /* else Linux ends it with the thread that starts it */
    struct brd_forkserver *server; /* that forks it; NULL: by the context's method */
    const _Atomic bool *unneeded;  /* becomes true when nobody needs it any more; NULL */
} brd_birth;

/** Starts a child. */
int brd_child_start(brd_child *child, brood_context *context, const brd_birth *birth);

/**
 * The child's first record has come: is it ours, of our build?
 * Fails with: BROOD_EPROTOCOL, BROOD_EBUILD.
 */
int brd_child_hello(brd_child *child, const brd_hello *hello);

/** Whether it could not start for a reason that the next one will find too. */
bool brd_child_is_hopeless(const brd_child *child);

/** Why it could not start, in words that follow a colon; the context is the one it was given. */
void brd_child_explain(const brd_child *child, const brood_context *context, char *text,
                       size_t room);

/** The process has ended: the end of its output is there. */
void brd_child_exited(brd_child *child);

/** Frees what the parent holds of it. The process must have ended. */
void brd_child_close(brd_child *child);

/* ------------------------------------------------- for the files of this floor */

/**
 * Starts a process by the context's method, but for a forkserver's: a child that finds
 * its channel first among how->inherit, and its startup record in there.
 */
int brd_give_life(brd_proc *out, const brood_context *context, brd_launch *how);

/** The startup record with what holds for every child; names its secrets. */
int brd_startup_begin(brd_startup *s, brood_context *context);

/** Writes the record into a fresh channel, which takes it at once. */
int brd_startup_send(const brd_startup *s, brd_chan *chan);

#endif
