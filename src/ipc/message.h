/**
 * What the floors need of a message besides its public face.
 */
#ifndef BRD_MESSAGE_H
#define BRD_MESSAGE_H

#include "ipc/cargo.h"
#include <brood/message.h>

/** What only some messages have: an error, handles, and memory that unpacking needed. */
typedef struct brd_extra {
    brood_error *error; /* one block with its texts; NULL: none */
    brd_cargo *cargo;   /* what handles in the bytes are numbers of; NULL: none */
    struct brd_scratch *scratch;
} brd_extra;

/**
 * MessagePack's type for a handle, with one byte: its number in the cargo. Those of carried.h
 * have their letters for a type: how many handles, their numbers, what else describes them.
 */
enum { BRD_EXT_HANDLE = 'h' };

static inline unsigned char *brd_message_at(const brood_message *m)
{
    return m->data ? (unsigned char *)m->data : (unsigned char *)m->inside;
}

/** Makes the message a view of bytes that somebody else keeps. */
void brd_message_view(brood_message *m, void *bytes, size_t size);

/** The message, which is empty, has these bytes now, which malloc() made and it frees. */
void brd_message_own(brood_message *m, void *bytes, size_t size, size_t capacity);

/** Appends room for `size` bytes and returns it; NULL: out of memory. */
void *brd_message_grow(brood_message *m, size_t size);

/** Memory that lives until the message is cleared; NULL: out of memory. */
void *brd_message_scratch(brood_message *m, size_t size);

/** The handles that it carries; NULL: none. */
static inline const brd_cargo *brd_message_cargo(const brood_message *m)
{
    return m->extra && m->extra->cargo && m->extra->cargo->count ? m->extra->cargo : NULL;
}

/** The message will take a cargo without fail. Fails with: BROOD_ENOMEM. */
int brd_message_prepare(brood_message *m);

/** The message has this cargo now, which may be NULL. It is taken over in any case. */
int brd_message_load(brood_message *m, brd_cargo *cargo);

/** Puts a duplicate of a handle into the cargo. Fails with: BROOD_EINVAL (there are 16). */
int brd_message_add(brood_message *m, brd_handle handle, uint32_t *index);

/** Makes dst a copy of src, its error and its handles included. */
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
