/**
 * What packing and unpacking share: the shape of format strings, and the check
 * of bytes that came from elsewhere.
 */
#ifndef BRD_FORMAT_H
#define BRD_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

enum { BRD_FORMAT_DEPTH = 32 };

/**
 * Counts the values from `format` to the bracket that closes its group, which must
 * be `close`. False if the brackets do not match.
 */
bool brd_format_count(const char *format, char close, size_t *count);

/**
 * The size of the MessagePack object at the start of these bytes, with all that
 * it contains; 0 if it is cut off, deeper than BRD_FORMAT_DEPTH, or no object.
 * Looks only; after it, a decoder can trust every length.
 */
size_t brd_object_size(const unsigned char *bytes, size_t size);

/** One object's own bytes: those of a group are without the objects in it. */
typedef struct brd_packed_head {
    size_t prefix; /* bytes before a text, bytes, an extension or a number begins */
    size_t size;
    size_t inside; /* objects in a group; of a map twice the pairs */
    bool group;    /* an array or a map, be it empty */
} brd_packed_head;

/** False if it is cut off, announces more than there can be, or is no object. */
bool brd_packed_read(const unsigned char *bytes, size_t size, brd_packed_head *out);

#endif
