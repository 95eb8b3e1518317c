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

#endif
