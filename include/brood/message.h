/**
 * The only shape of data that crosses a process border: bytes and handles.
 *
 * Task arguments and results are messages. A message is a small value on the
 * caller's stack; short contents need no heap.
 *
 *     brood_message args = BROOD_MESSAGE_INIT;
 *     status = brood_pack(&args, "is", 7, "seven");
 *     ...
 *     int32_t n;
 *     const char *text;
 *     status = brood_unpack(&args, "is", &n, &text);
 *     brood_message_clear(&args);
 *
 * A message belongs to one thread at a time. Do not copy the struct: the fields
 * are private and may point into the struct itself.
 */
#ifndef BROOD_MESSAGE_H
#define BROOD_MESSAGE_H

#include <brood/export.h>
#include <brood/status.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Every field is private; start with BROOD_MESSAGE_INIT. */
typedef struct brood_message {
    void *data;
    size_t size;
    size_t capacity;
    size_t position;
    struct brd_extra *extra;
    uint32_t flags;
    uint32_t reserved;
    unsigned char inside[64];
} brood_message;

#if defined(__cplusplus)
#define BROOD_MESSAGE_INIT                                                                         \
    {                                                                                              \
    }
#else
#define BROOD_MESSAGE_INIT                                                                         \
    {                                                                                              \
        0                                                                                          \
    }
#endif

/**
 * Appends values. The format has one letter a value, as in D-Bus signatures:
 *
 *     b int (0 or 1)      y uint8_t      n int16_t     q uint16_t
 *     i int32_t           u uint32_t     x int64_t     t uint64_t
 *     d double            s const char * (UTF-8, ends with NUL)
 *     ay const void *, size_t (bytes)
 *     ai const int32_t *, size_t (an array; also an aq au ax at ad ab)
 *     as const char *const *, size_t
 *     h intptr_t: an fd, HANDLE or SOCKET of a file, pipe or socket
 *     p brood_pipe *: an end of a pipe
 *     L brood_lock *    S brood_semaphore *    E brood_event *    C brood_condition *
 *     B brood_barrier *    M brood_shared *    A brood_array *    Q brood_queue *: what
 *     processes share; see their headers
 *     P brood_proxy *: an object of a manager
 *     ( ) what stands between is one tuple
 *     { } keywords: each value letter takes a const char * key before its value
 *
 *     brood_pack(&m, "is{d}", 7, "text", "timeout", 2.5);
 *
 * All is copied; of handles, pipes and what is shared the message gets a duplicate, of which it
 * carries up to 16. The items of maps and iterators, and their results, carry none
 * (BROOD_ENOTSUP). On the wire it is MessagePack: one object a letter, an array
 * for a tuple, a map for keywords, extensions for the rest. After an error the
 * message is as before.
 * Fails with: BROOD_EINVAL (the format, the 17th handle), BROOD_ENOMEM, BROOD_EBUSY
 * (a pipe that has received a part of a message), the system's error (no such handle).
 */
BROOD_API int brood_pack(brood_message *message, const char *format, ...);

/** As brood_pack, for functions that pack on behalf of others. */
BROOD_API int brood_vpack(brood_message *message, const char *format, va_list values);

/**
 * Reads the next values, checked against what the message really holds: the
 * type must fit and the number must be in range. Each letter takes a pointer
 * to its type; s takes const char **, arrays and ay take a pointer to a const
 * pointer and a size_t *. Strings and arrays are borrowed until the message is
 * written to or cleared. Handles, pipes and what is shared are new, yours to close or destroy, and
 * come out once; those that nobody takes out are closed with the message. After an error nothing
 * was read. A message that carries an error answers with that error's status. Fails with:
 * BROOD_ETYPE (other type, out of range, or no value left), BROOD_EPROTOCOL (the bytes are no
 * MessagePack), BROOD_EINVAL (the format).
 */
BROOD_API int brood_unpack(brood_message *message, const char *format, ...);

/** As brood_unpack, for functions that unpack on behalf of others. */
BROOD_API int brood_vunpack(brood_message *message, const char *format, va_list outputs);

/**
 * Reads one keyword out of the next { } of the message, wherever it stands in
 * there, without moving on. The format is one value's.
 * Fails with: BROOD_ETYPE (no such keyword, or another type).
 */
BROOD_API int brood_unpack_key(brood_message *message, const char *key, const char *format, ...);

/**
 * Makes the message `size` bytes long, zeroed or not as it may be, and returns
 * where they are, to be written in place; NULL when memory ran out. The old
 * contents are gone. Borrowed until the next call on the message.
 */
BROOD_API void *brood_message_reserve(brood_message *message, size_t size);

/** Makes the message a copy of these bytes. */
BROOD_API int brood_message_set(brood_message *message, const void *bytes, size_t size);

/** A view of the bytes. Borrowed until the next call on the message. */
BROOD_API const void *brood_message_bytes(const brood_message *message, size_t *size);

/** Why there is no result: NULL for a message that holds data. Borrowed. */
BROOD_API const brood_error *brood_message_error(const brood_message *message);

/** Starts reading from the first value again. */
BROOD_API void brood_message_rewind(brood_message *message);

/** Frees what the message holds; it is then empty and can be used again. */
BROOD_API void brood_message_clear(brood_message *message);

#ifdef __cplusplus
}
#endif

#endif
