/**
 * The shape of formats and of MessagePack objects. Runs before the decoder, so
 * that an announced length of four billion never reaches an allocation.
 */
#include "ipc/format.h"
#include <stdint.h>
#include <string.h>

static bool closes(char open, char c)
{
    return (open == '(' && c == ')') || (open == '{' && c == '}');
}

bool brd_format_count(const char *format, char close, size_t *count)
{
    char open[BRD_FORMAT_DEPTH];
    int depth = 0;
    size_t n = 0;
    for (; *format; format++) {
        if (*format == ')' || *format == '}') {
            if (depth == 0) {
                if (*format == close)
                    *count = n;
                return *format == close;
            }
            if (!closes(open[--depth], *format))
                return false;
            continue;
        }
        if (depth == 0)
            n++;
        if (*format == '(' || *format == '{') {
            if (depth == BRD_FORMAT_DEPTH)
                return false;
            open[depth++] = *format;
        } else if (*format == 'a' && (!*++format || strchr("(){}", *format))) {
            return false;
        }
    }
    return false;
}

static uint64_t big_endian(const unsigned char *bytes, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

// Types with a length field of `width` bytes; `per` says what the length counts.
static bool measured(const unsigned char *bytes, size_t size, size_t width, size_t extra, int per,
                     brd_packed_head *out)
{
    if (size < 1 + width)
        return false;
    uint64_t length = big_endian(bytes + 1, width);
    if (length > size) // every byte, and every object inside, takes at least one byte
        return false;
    *out = (brd_packed_head){.prefix = 1 + width + extra, .size = 1 + width + extra};
    if (per == 0)
        out->size += (size_t)length;
    else
        out->inside = (size_t)length * (size_t)per;
    out->group = per != 0;
    return out->size <= size;
}

static bool fixed(size_t size, size_t need, brd_packed_head *out)
{
    *out = (brd_packed_head){.prefix = 1, .size = need};
    return need <= size;
}

static bool group(size_t inside, brd_packed_head *out)
{
    *out = (brd_packed_head){.prefix = 1, .size = 1, .inside = inside, .group = true};
    return true;
}

bool brd_packed_read(const unsigned char *bytes, size_t size, brd_packed_head *out)
{
    unsigned char c = bytes[0];
    if (c <= 0x7f || c >= 0xe0 || c == 0xc0 || c == 0xc2 || c == 0xc3)
        return fixed(size, 1, out);
    if (c <= 0x8f)
        return group(2u * (c & 15u), out);
    if (c <= 0x9f)
        return group(c & 15u, out);
    if (c <= 0xbf)
        return fixed(size, 1 + (c & 31u), out);
    if (c >= 0xc4 && c <= 0xc6) // bin
        return measured(bytes, size, (size_t)1 << (c - 0xc4), 0, 0, out);
    if (c >= 0xc7 && c <= 0xc9) // ext
        return measured(bytes, size, (size_t)1 << (c - 0xc7), 1, 0, out);
    if (c == 0xca || c == 0xcb) // float
        return fixed(size, c == 0xca ? 5 : 9, out);
    if (c >= 0xcc && c <= 0xd3) // uint, int
        return fixed(size, 1 + ((size_t)1 << ((c - 0xcc) & 3)), out);
    if (c >= 0xd4 && c <= 0xd8) { // fixext
        bool whole = fixed(size, 2 + ((size_t)1 << (c - 0xd4)), out);
        out->prefix = 2;
        return whole;
    }
    if (c >= 0xd9 && c <= 0xdb) // str
        return measured(bytes, size, (size_t)1 << (c - 0xd9), 0, 0, out);
    if (c == 0xdc || c == 0xdd) // array
        return measured(bytes, size, c == 0xdc ? 2 : 4, 0, 1, out);
    if (c == 0xde || c == 0xdf) // map
        return measured(bytes, size, c == 0xde ? 2 : 4, 0, 2, out);
    return false; // 0xc1 is never used
}

size_t brd_object_size(const unsigned char *bytes, size_t size)
{
    size_t left[BRD_FORMAT_DEPTH + 1] = {1};
    int depth = 0;
    size_t at = 0;
    while (depth >= 0) {
        brd_packed_head head;
        if (left[depth] == 0) {
            depth--;
            continue;
        }
        left[depth]--;
        if (at == size || !brd_packed_read(bytes + at, size - at, &head))
            return 0;
        at += head.size;
        // The decoder has no room for a deeper group, not even for an empty one.
        if (head.inside > size - at || (head.group && depth == BRD_FORMAT_DEPTH))
            return 0;
        if (head.inside == 0)
            continue;
        left[++depth] = head.inside;
    }
    return at;
}
