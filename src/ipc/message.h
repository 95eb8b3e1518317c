/**
 * What the floors need of a message besides its public face.
 */
#ifndef BRD_MESSAGE_H
#define BRD_MESSAGE_H

#include <brood/message.h>
#include <stdbool.h>

/** What only some messages have: an error, and memory that unpacking needed. */
typedef struct brd_extra {
    brood_error *error; /* one block with its texts; NULL: none */
    struct brd_scratch *scratch;
} brd_extra;

static inline unsigned char *brd_message_at(const brood_message *m)
{
    return m->data ? (unsigned char *)m->data : (unsigned char *)m->inside;
}

/** Makes the message a view of bytes that somebody else keeps. */
void brd_message_view(brood_message *m, void *bytes, size_t size);

/** Appends room for `size` bytes and returns it; NULL: out of memory. */
void *brd_message_grow(brood_message *m, size_t size);

/** Memory that lives until the message is cleared; NULL: out of memory. */
void *brd_message_scratch(brood_message *m, size_t size);

/** Makes dst a copy of src, its error included. */
int brd_message_copy(brood_message *dst, const brood_message *src);

/** Moves the contents of src, which is then empty. */
void brd_message_move(brood_message *dst, brood_message *src);

/**
 * A copy of an error in one block, to be freed with free(). Texts longer than a
 * few KiB are cut. NULL: out of memory.
 */
brood_error *brd_error_copy(const brood_error *error);

/** The message carries a copy of this error instead of data. */
int brd_message_fail(brood_message *m, const brood_error *error);

#endif
