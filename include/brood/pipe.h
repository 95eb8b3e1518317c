/**
 * Pipes: two ends between which messages travel, each whole; and waiting for many
 * things at once.
 *
 *     brood_pipe *here, *there;
 *     status = brood_pipe_create(&here, &there, NULL);
 *     status = brood_process_call(&process, answer, "p", there);
 *     brood_pipe_destroy(there);    // the process has its own by now
 *     status = brood_pipe_send(here, &question, BROOD_FOREVER);
 *     status = brood_pipe_recv(here, &reply, 5000);
 *
 * An end can be put into a message ("p" of brood_pack), be it the argument of a task, of
 * a process, or one that goes through another pipe. The sender's own end stays open; the
 * other side sees the end of the pipe when every copy of this one is destroyed. Two
 * processes that receive by copies of one end, or send by them, tear each other's messages
 * apart: destroy yours when you have passed it on.
 *
 * One thread may send on an end while another one receives. An end belongs to the process
 * that made or unpacked it: a process that is forked gets its own in a message, as all do.
 *
 * Python: multiprocessing.Pipe, connection.Connection, connection.wait.
 */
#ifndef BROOD_PIPE_H
#define BROOD_PIPE_H

#include <brood/export.h>
#include <brood/message.h>
#include <brood/process.h>
#include <brood/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_pipe brood_pipe;

/** Zero in a field means the default. */
typedef struct brood_pipe_options {
    size_t struct_size;
    int one_way;    /**< 1: `one` only receives, `other` only sends; Python: duplex=False */
    uint64_t limit; /**< bytes of the longest message that an end takes in; no limit */
} brood_pipe_options;

/** BROOD_PIPE(.one_way = 1): the fields named, the others default. */
#define BROOD_PIPE(...)                                                                            \
    (&(brood_pipe_options){.struct_size = sizeof(brood_pipe_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_PIPE_OPTIONS_INIT                                                                    \
    {                                                                                              \
        sizeof(brood_pipe_options), 0, 0                                                           \
    }

/**
 * Makes a pipe. options may be NULL. Both ends are new: brood_pipe_destroy().
 * Fails with: BROOD_EINVAL, BROOD_ENOMEM, the system's error. Python: Pipe.
 */
BROOD_API int brood_pipe_create(brood_pipe **one, brood_pipe **other,
                                const brood_pipe_options *options);

/**
 * Sends a message, with the handles that it carries, and waits up to `timeout`
 * milliseconds until all of it is on its way. If the time is over when a part of it has
 * left already, the end sends no more: that and every later call is BROOD_EBROKEN.
 * Fails with: BROOD_ETIMEDOUT (nothing was sent), BROOD_ECLOSED (the other end is gone),
 * BROOD_EBROKEN, BROOD_ENOTSUP (an end that only receives; handles through a listener),
 * BROOD_EBUSY (another thread is sending).
 */
BROOD_API int brood_pipe_send(brood_pipe *pipe, const brood_message *message, int64_t timeout);

/** The same for bytes. Python: send_bytes. */
BROOD_API int brood_pipe_send_bytes(brood_pipe *pipe, const void *bytes, size_t size,
                                    int64_t timeout);

/**
 * Receives the next message into *message, which is written only on success. What has
 * arrived of one when the time is over is kept for the next call.
 * Fails with: BROOD_ETIMEDOUT, BROOD_ECLOSED (the other end is gone and all was read;
 * Python: EOFError), BROOD_EPROTOCOL (what came is no message, or longer than the limit;
 * the end receives no more), BROOD_ENOTSUP (an end that only sends), BROOD_ENOMEM,
 * BROOD_EBUSY (another thread is receiving).
 */
BROOD_API int brood_pipe_recv(brood_pipe *pipe, brood_message *message, int64_t timeout);

/**
 * The same into a buffer; *size is how long the message is. One that does not fit is
 * BROOD_EINVAL with *size set, and stays: receive it with more room. Handles that it
 * carries are closed. Python: recv_bytes_into.
 */
BROOD_API int brood_pipe_recv_bytes(brood_pipe *pipe, void *buffer, size_t cap, size_t *size,
                                    int64_t timeout);

/**
 * Waits until there is something to receive, or the other end is gone.
 * Fails with: BROOD_ETIMEDOUT, BROOD_ENOTSUP, BROOD_EBUSY. Python: poll.
 */
BROOD_API int brood_pipe_poll(brood_pipe *pipe, int64_t timeout);

/** Whether this end sends, or receives. Python: writable, readable. */
BROOD_API int brood_pipe_can_send(const brood_pipe *pipe);
BROOD_API int brood_pipe_can_recv(const brood_pipe *pipe);

/**
 * Closes this end. What was sent and is still on its way gets up to a second to leave.
 * Accepts NULL.
 */
BROOD_API void brood_pipe_destroy(brood_pipe *pipe);

/* ----------------------------------------------------------------- waiting */

/** What brood_wait_many waits for: exactly one of the first three. */
typedef struct brood_waitable {
    brood_pipe *pipe;       /**< something to receive, or the other end is gone */
    brood_process *process; /**< its end */
    const intptr_t *handle; /**< an fd, SOCKET or HANDLE of yours: readable, or signalled */
    int ready;              /**< is set to 0 or 1 by a call that succeeds */
} brood_waitable;

/**
 * Waits until at least one of them is ready, up to `timeout` milliseconds, and says
 * which. There may be as many of them as the program may have open (RLIMIT_NOFILE), not
 * more even if some are the same. A pipe that one thread waits for cannot be waited for by
 * another (BROOD_EBUSY).
 * Fails with: BROOD_ETIMEDOUT, BROOD_EINVAL (a process that was not started, an end that
 * only sends, nothing to wait for, too many), BROOD_ENOMEM, the system's error (no such handle).
 * Python: connection.wait.
 */
BROOD_API int brood_wait_many(brood_waitable *things, size_t count, int64_t timeout);

#ifdef __cplusplus
}
#endif

#endif
