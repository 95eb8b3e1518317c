/**
 * brood_pack: values of C into MessagePack, by a format string.
 *
 * The format is the programmer's, so a mistake in it is BROOD_EINVAL; memory is
 * the only other thing that can fail.
 */
#include "ipc/carried.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include <msgpack/pack.h>
#include <stdarg.h>
#include <string.h>

/* The va_list in a struct, so that it can be passed on by pointer everywhere. */
typedef struct pack_state {
    msgpack_packer packer;
    va_list values;
    const char *format;
    brood_message *message;
    int depth;
} pack_state;

static int append(void *message, const char *bytes, size_t size)
{
    void *room = brd_message_grow(message, size);
    if (!room)
        return -1;
    memcpy(room, bytes, size);
    return 0;
}

static int pack_text(pack_state *s, const char *text)
{
    if (!text)
        return BROOD_EINVAL;
    size_t size = strlen(text);
    if (size > UINT32_MAX)
        return BROOD_EINVAL;
    return msgpack_pack_str(&s->packer, size) || msgpack_pack_str_body(&s->packer, text, size)
               ? BROOD_ENOMEM
               : BROOD_OK;
}

static int pack_extension(pack_state *s, int8_t type, brd_span numbers, brd_span more)
{
    msgpack_packer *p = &s->packer;
    return msgpack_pack_ext(p, numbers.size + more.size, type) ||
                   msgpack_pack_ext_body(p, numbers.bytes, numbers.size) ||
                   (more.size && msgpack_pack_ext_body(p, more.bytes, more.size))
               ? BROOD_ENOMEM
               : BROOD_OK;
}

static int pack_handle(pack_state *s, brd_handle handle)
{
    uint32_t index;
    int status = brd_message_add(s->message, handle, &index);
    if (status)
        return status;
    const unsigned char number = (unsigned char)index;
    return pack_extension(s, BRD_EXT_HANDLE, (brd_span){&number, 1}, (brd_span){NULL, 0});
}

static int pack_carried(pack_state *s, const brd_carried_class *kind, void *object)
{
    brd_carried c;
    unsigned char numbers[1 + BRD_CARRIED_HANDLES];
    int status = object ? brd_carried_describe(kind, object, &c) : BROOD_EINVAL;
    if (status)
        return status;
    numbers[0] = (unsigned char)c.nhandles;
    for (uint32_t i = 0; !status && i < c.nhandles; i++) {
        uint32_t index = 0;
        status = brd_message_add(s->message, c.handles[i], &index);
        numbers[1 + i] = (unsigned char)index;
    }
    return status ? status
                  : pack_extension(s, (int8_t)kind->letter, (brd_span){numbers, 1 + c.nhandles},
                                   (brd_span){c.bytes, c.size});
}

static int pack_letter(pack_state *s, char letter)
{
    msgpack_packer *p = &s->packer;
    int failed = 0;
    switch (letter) {
    case 'b':
        failed = va_arg(s->values, int) ? msgpack_pack_true(p) : msgpack_pack_false(p);
        break;
    case 'y':
    case 'q':
        failed = msgpack_pack_uint32(p, (uint32_t)va_arg(s->values, int) &
                                            (letter == 'y' ? UINT8_MAX : UINT16_MAX));
        break;
    case 'n':
        failed = msgpack_pack_int16(p, (int16_t)va_arg(s->values, int));
        break;
    case 'i':
        failed = msgpack_pack_int32(p, va_arg(s->values, int32_t));
        break;
    case 'u':
        failed = msgpack_pack_uint32(p, va_arg(s->values, uint32_t));
        break;
    case 'x':
        failed = msgpack_pack_int64(p, va_arg(s->values, int64_t));
        break;
    case 't':
        failed = msgpack_pack_uint64(p, va_arg(s->values, uint64_t));
        break;
    case 'd':
        failed = msgpack_pack_double(p, va_arg(s->values, double));
        break;
    case 's':
        return pack_text(s, va_arg(s->values, const char *));
    case 'h':
        return pack_handle(s, (brd_handle){va_arg(s->values, intptr_t)});
    default: {
        const brd_carried_class *kind = brd_carried_find(letter);
        return kind ? pack_carried(s, kind, va_arg(s->values, void *)) : BROOD_EINVAL;
    }
    }
    return failed ? BROOD_ENOMEM : BROOD_OK;
}

static int pack_element(pack_state *s, char letter, const void *base, size_t i)
{
    msgpack_packer *p = &s->packer;
    int failed = 0;
    switch (letter) {
    case 'b':
        failed = ((const int *)base)[i] ? msgpack_pack_true(p) : msgpack_pack_false(p);
        break;
    case 'n':
        failed = msgpack_pack_int16(p, ((const int16_t *)base)[i]);
        break;
    case 'q':
        failed = msgpack_pack_uint16(p, ((const uint16_t *)base)[i]);
        break;
    case 'i':
        failed = msgpack_pack_int32(p, ((const int32_t *)base)[i]);
        break;
    case 'u':
        failed = msgpack_pack_uint32(p, ((const uint32_t *)base)[i]);
        break;
    case 'x':
        failed = msgpack_pack_int64(p, ((const int64_t *)base)[i]);
        break;
    case 't':
        failed = msgpack_pack_uint64(p, ((const uint64_t *)base)[i]);
        break;
    case 'd':
        failed = msgpack_pack_double(p, ((const double *)base)[i]);
        break;
    case 's':
        return pack_text(s, ((const char *const *)base)[i]);
    default:
        return BROOD_EINVAL;
    }
    return failed ? BROOD_ENOMEM : BROOD_OK;
}

static int pack_array(pack_state *s, char letter)
{
    // Checked first: an array of none has no element that could fail, and what is
    // deeper than a reader goes would be no message.
    if (!strchr("ybnqiuxtds", letter) || (letter != 'y' && s->depth == BRD_FORMAT_DEPTH))
        return BROOD_EINVAL;
    const void *base = va_arg(s->values, const void *);
    size_t count = va_arg(s->values, size_t);
    if ((!base && count) || count > UINT32_MAX)
        return BROOD_EINVAL;
    if (letter == 'y')
        return msgpack_pack_bin(&s->packer, count) ||
                       (count && msgpack_pack_bin_body(&s->packer, base, count))
                   ? BROOD_ENOMEM
                   : BROOD_OK;
    int status = msgpack_pack_array(&s->packer, count) ? BROOD_ENOMEM : BROOD_OK;
    for (size_t i = 0; !status && i < count; i++)
        status = pack_element(s, letter, base, i);
    return status;
}

static int pack_value(pack_state *s);

static int pack_group(pack_state *s, char close)
{
    size_t count;
    if (++s->depth > BRD_FORMAT_DEPTH || !brd_format_count(s->format, close, &count))
        return BROOD_EINVAL;
    bool keywords = close == '}';
    int failed =
        keywords ? msgpack_pack_map(&s->packer, count) : msgpack_pack_array(&s->packer, count);
    int status = failed ? BROOD_ENOMEM : BROOD_OK;
    while (!status && *s->format != close) {
        if (keywords)
            status = pack_text(s, va_arg(s->values, const char *));
        if (!status)
            status = pack_value(s);
    }
    s->format++;
    s->depth--;
    return status;
}

static int pack_value(pack_state *s)
{
    char letter = *s->format++;
    switch (letter) {
    case 'a':
        return *s->format ? pack_array(s, *s->format++) : BROOD_EINVAL;
    case '(':
        return pack_group(s, ')');
    case '{':
        return pack_group(s, '}');
    default:
        return pack_letter(s, letter);
    }
}

int brood_vpack(brood_message *message, const char *format, va_list values)
{
    if (!message || !format)
        return BROOD_EINVAL;
    pack_state s = {.format = format, .message = message};
    size_t before = message->size;
    const brd_cargo *cargo = brd_message_cargo(message);
    uint32_t handles = cargo ? cargo->count : 0;
    int status = BROOD_OK;
    msgpack_packer_init(&s.packer, message, append);
    va_copy(s.values, values);
    while (!status && *s.format)
        status = pack_value(&s);
    va_end(s.values);
    if (status) {
        message->size = before;
        if (message->extra)
            brd_cargo_cut(message->extra->cargo, handles);
    }
    return status;
}

int brood_pack(brood_message *message, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int status = brood_vpack(message, format, values);
    va_end(values);
    return status;
}
