/**
 * Queues between processes: what any of them puts in, any of them gets out, each item once
 * and in order.
 *
 *     brood_queue *queue;
 *     status = brood_queue_create(&queue, NULL);
 *     status = brood_pool_apply_async(...);                // "Q" of brood_pack takes it there
 *     status = brood_queue_put_values(queue, BROOD_FOREVER, "is", 7, "seven");
 *     status = brood_queue_get(queue, &item, 5000);
 *     status = brood_unpack(&item, "is", &n, &text);
 *
 * A queue lives in memory that its holders share: no thread feeds it and no process serves
 * it. When put has returned BROOD_OK the item is in the queue, whatever becomes of the process
 * that put it there; otherwise it is not. A process that is killed in the middle of a call takes
 * at most the item with it that it was itself putting or getting, and keeps nobody waiting.
 *
 * It can be put into a message ("Q" of brood_pack): the argument of any task or process, of
 * any start method, an item of another queue, through a pipe. Who unpacks it has the same
 * queue, and destroys its own end of it. The items that are left go with the last end.
 *
 * A queue belongs to the process that made or unpacked it: a process that is forked gets
 * its own in a message, as all do. Any thread may call any function here, several at the
 * same time; only destroy must be the last.
 *
 * Python: multiprocessing.Queue, JoinableQueue, SimpleQueue.
 */
#ifndef BROOD_QUEUE_H
#define BROOD_QUEUE_H

#include <brood/export.h>
#include <brood/message.h>
#include <brood/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_queue brood_queue;

/** Zero in a field means the default. */
typedef struct brood_queue_options {
    size_t struct_size;
    uint32_t maxsize;  /**< items that wait at most; as many as fit */
    uint64_t capacity; /**< bytes for those that wait, each with 8 to 15 of its own, rounded up to
                            a power of two; 1 MiB */
} brood_queue_options;

/** BROOD_QUEUE(.maxsize = 100): the fields named, the others default. */
#define BROOD_QUEUE(...)                                                                           \
    (&(brood_queue_options){.struct_size = sizeof(brood_queue_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_QUEUE_OPTIONS_INIT                                                                   \
    {                                                                                              \
        sizeof(brood_queue_options), 0, 0                                                          \
    }

/**
 * Makes an empty queue. options may be NULL. All of its memory is there from the start.
 * *out is new: brood_queue_destroy().
 * Fails with: BROOD_EINVAL (a capacity above 4 GiB), BROOD_ENOMEM, the system's error.
 * Python: Queue(maxsize).
 */
BROOD_API int brood_queue_create(brood_queue **out, const brood_queue_options *options);

/**
 * Puts a copy of the message at the end, with the handles and shared objects that it
 * carries, waiting up to `timeout` milliseconds for room; 0: not at all. An item of more than a
 * quarter of the capacity has memory of its own, and takes little room in the queue.
 * (Windows: handles wait in the process that made the queue, and only as long as that has it.)
 * Fails with: BROOD_ETIMEDOUT (full; Python: queue.Full), BROOD_ECLOSED, BROOD_EINVAL (the
 * message is an error), BROOD_ENOMEM, BROOD_EPROTOCOL (somebody wrote into the queue's memory).
 * Python: put, put_nowait.
 */
BROOD_API int brood_queue_put(brood_queue *queue, const brood_message *message, int64_t timeout);

/** Packs the item on the way, as brood_pack does. */
BROOD_API int brood_queue_put_values(brood_queue *queue, int64_t timeout, const char *format, ...);

/** The same for bytes. */
BROOD_API int brood_queue_put_bytes(brood_queue *queue, const void *bytes, size_t size,
                                    int64_t timeout);

/**
 * Takes the first item into *message, which is written only on success, waiting up to
 * `timeout` milliseconds for one; 0: not at all.
 * Fails with: BROOD_ETIMEDOUT (empty; Python: queue.Empty), BROOD_ECLOSED (closed, and all was
 * taken), BROOD_ENOMEM (it stays), BROOD_EPROTOCOL, the system's error (handles that this process
 * may not have; the item is gone). Python: get, get_nowait.
 */
BROOD_API int brood_queue_get(brood_queue *queue, brood_message *message, int64_t timeout);

/**
 * The same into a buffer; *size is how long the item is. One that does not fit is
 * BROOD_EINVAL with *size set, and stays the first. Handles that it carries are closed.
 */
BROOD_API int brood_queue_get_bytes(brood_queue *queue, void *buffer, size_t cap, size_t *size,
                                    int64_t timeout);

/** How many items wait just now, on every system. Python: qsize; empty() is 0 of them. */
BROOD_API size_t brood_queue_size(const brood_queue *queue);

/** Whether one of no bytes would have to wait just now. Python: full. */
BROOD_API int brood_queue_is_full(const brood_queue *queue);

/**
 * Says that an item is done with that was taken from the queue.
 * Fails with: BROOD_EINVAL (more often than items were put; Python: ValueError).
 * Python: JoinableQueue.task_done.
 */
BROOD_API int brood_queue_task_done(brood_queue *queue);

/**
 * Waits up to `timeout` milliseconds until brood_queue_task_done() was called for every item
 * that was put. What a process took that died before it said so is never done.
 * Fails with: BROOD_ETIMEDOUT. Python: JoinableQueue.join.
 */
BROOD_API int brood_queue_join(brood_queue *queue, int64_t timeout);

/**
 * Closes it for everybody: nothing more can be put, and who gets is told when all was
 * taken. May be called twice. Python: close, which is for the caller's process only.
 */
BROOD_API int brood_queue_close(brood_queue *queue);

/** Frees this process's end. Accepts NULL. */
BROOD_API void brood_queue_destroy(brood_queue *queue);

#ifdef __cplusplus
}
#endif

#endif
