/**
 * What a map works on, and what it gives: items and results.
 *
 *     brood_items numbers = brood_items_int32(values, count);
 *     brood_items lines = brood_items_generator(next_line, file);
 *
 * Python: the iterable of map and imap; the list that map returns.
 */
#ifndef BROOD_ITEMS_H
#define BROOD_ITEMS_H

#include <brood/export.h>
#include <brood/message.h>
#include <brood/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Makes the next item of a stream: packs it into `item`, which is empty. Returns
 * BROOD_OK, BROOD_EEND when there is none, or another status, which then ends the
 * stream: the items before it are delivered, then that status.
 * It is only called by the thread that calls brood_pool_map(), _map_async(), _imap() or
 * brood_iterator_next(), while it does, and may call into the pool itself.
 */
typedef int brood_generator(void *baton, brood_message *item);

/** The input of a map. */
typedef struct brood_items {
    const void *data; /* the generator's baton */
    size_t count;     /* not known of a generator: 0 */
    size_t item_size;
    brood_generator *next; /* of a generator */
    uint32_t kind;
    uint32_t reserved;
} brood_items;

/** Each item arrives packed as "i". */
BROOD_API brood_items brood_items_int32(const int32_t *values, size_t count);
/** Each item arrives packed as "s". */
BROOD_API brood_items brood_items_strings(const char *const *values, size_t count);
/** Each item arrives as its raw bytes, aligned to 8: an array of C structs without packing. */
BROOD_API brood_items brood_items_structs(const void *base, size_t item_size, size_t count);
/** Each item is a message of the caller's. */
BROOD_API brood_items brood_items_messages(const brood_message *messages, size_t count);
/**
 * Each item is made when it is needed. imap asks only for as many as its look-ahead
 * allows, so the stream may be endless; map and map_async ask for all of them first.
 */
BROOD_API brood_items brood_items_generator(brood_generator *next, void *baton);

/**
 * What a map gave: one result or error an item, in the order of the items. One thread at
 * a time.
 */
typedef struct brood_results brood_results;

BROOD_API size_t brood_results_count(const brood_results *results);
/** BROOD_OK, or how that item failed. */
BROOD_API int brood_results_status(const brood_results *results, size_t index);
/** Why that item failed; NULL if it did not. Borrowed from the results. */
BROOD_API const brood_error *brood_results_error(const brood_results *results, size_t index);
/**
 * The result of one item, ready to be unpacked; for a failed item a message that
 * answers brood_unpack() with the failure. Borrowed until the next call with
 * these results.
 */
BROOD_API brood_message *brood_results_at(brood_results *results, size_t index);
/** Accepts NULL. */
BROOD_API void brood_results_destroy(brood_results *results);

/** Results that are taken one by one, while the work goes on. */
typedef struct brood_iterator brood_iterator;

/**
 *     while ((status = brood_iterator_next(it, BROOD_FOREVER, &result, &i)) != BROOD_EEND)
 *         if (!status)
 *             status = brood_unpack(&result, "x", &value);
 *
 * The next result: of the next item, or, unordered, of whichever ended next. index
 * (may be NULL) gets the item's number. Returns BROOD_OK, the failure of that item
 * (`result` then carries the brood_error, and the next call goes on behind it),
 * BROOD_ETIMEDOUT (ask again), or BROOD_EEND: that was all. A stream whose generator
 * fails gives that status once, then BROOD_EEND; one whose pool is closed or terminated,
 * BROOD_ECLOSED or BROOD_ETERMINATED. `result` then carries an error of no worker.
 * result may be NULL. One thread at a time.
 * Fails with: BROOD_EDEADLINE (once: the timeout of the whole iterator is over, and the
 * rest is cancelled).
 * Python: IMapIterator.next.
 */
BROOD_API int brood_iterator_next(brood_iterator *iterator, int64_t timeout, brood_message *result,
                                  size_t *index);

/** Cancels what has not started, lets go of the rest. Accepts NULL. */
BROOD_API void brood_iterator_destroy(brood_iterator *iterator);

#ifdef __cplusplus
}
#endif

#endif
