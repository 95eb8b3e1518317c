/**
 * brood_unpack: MessagePack into values of C, by a format string, checked
 * against what the message really holds.
 *
 * The bytes may come from anywhere: brd_object_size vets each object before the
 * decoder sees it. Strings and number arrays are copied into memory of the
 * message, since MessagePack has no NUL and no alignment.
 */
#include "ipc/carried.h"
#include "ipc/format.h"
#include "ipc/message.h"
#include <msgpack/unpack.h>
#include <stdarg.h>
#include <string.h>

/** What will be the caller's if all else can be read too. */
typedef struct claim {
    const brd_carried_class *kind; /* NULL: a plain handle */
    void *object;
    void *out;
    uint32_t handles[BRD_CARRIED_HANDLES]; /* in the cargo */
    uint32_t nhandles;
} claim;

typedef struct unpack_state {
    brood_message *message;
    va_list outputs;
    const char *format;
    claim claims[BRD_CARRIED_AT_ONCE];
    size_t nclaims;
} unpack_state;

static bool integer_fits(const msgpack_object *o, int64_t low, uint64_t high)
{
    if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        return o->via.u64 <= high;
    return o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER && o->via.i64 >= low;
}

#define READ_INTEGER(type, low, high)                                                              \
    do {                                                                                           \
        if (!integer_fits(o, low, high))                                                           \
            return BROOD_ETYPE;                                                                    \
        *(type *)out = (type)o->via.i64;                                                           \
    } while (0)

static int read_double(const msgpack_object *o, double *out)
{
    if (o->type == MSGPACK_OBJECT_FLOAT32 || o->type == MSGPACK_OBJECT_FLOAT64)
        *out = o->via.f64;
    else if (o->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
        *out = (double)o->via.u64;
    else if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER)
        *out = (double)o->via.i64;
    else
        return BROOD_ETYPE;
    return BROOD_OK;
}

static int read_text(brood_message *m, const msgpack_object *o, const char **out)
{
    if (o->type != MSGPACK_OBJECT_STR)
        return BROOD_ETYPE;
    size_t size = o->via.str.size;
    if (size && memchr(o->via.str.ptr, 0, size))
        return BROOD_ETYPE; // C would see only a part of it
    char *text = brd_message_scratch(m, size + 1);
    if (!text)
        return BROOD_ENOMEM;
    if (size)
        memcpy(text, o->via.str.ptr, size);
    text[size] = 0;
    *out = text;
    return BROOD_OK;
}

// Not the claims: that would cost as much as a short message.
static void begin(unpack_state *s, brood_message *message, const char *format)
{
    s->message = message;
    s->format = format;
    s->nclaims = 0;
}

/* ----------------------------------------------------------------- handles */

static bool is_claimed(const unpack_state *s, uint32_t index)
{
    for (size_t i = 0; i < s->nclaims; i++)
        for (uint32_t k = 0; k < s->claims[i].nhandles; k++)
            if (s->claims[i].handles[k] == index)
                return true;
    return false;
}

// The numbers of `count` handles, which came along and were not taken out before.
static int read_numbers(const unpack_state *s, claim *c, const char *numbers, uint32_t count)
{
    const brd_cargo *cargo = brd_message_cargo(s->message);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = (unsigned char)numbers[i];
        if (!brd_cargo_has(cargo, index) || is_claimed(s, index))
            return BROOD_ETYPE;
        c->handles[i] = index;
    }
    c->nhandles = count;
    return BROOD_OK;
}

static int read_carried(const unpack_state *s, claim *c, const msgpack_object_ext *e)
{
    brd_carried from = {.nhandles = e->size ? (unsigned char)e->ptr[0] : UINT32_MAX};
    if (from.nhandles > BRD_CARRIED_HANDLES || e->size < 1 + from.nhandles)
        return BROOD_ETYPE;
    from.size = e->size - 1 - from.nhandles;
    if (from.size > sizeof from.bytes)
        return BROOD_ETYPE;
    int status = read_numbers(s, c, e->ptr + 1, from.nhandles);
    if (status)
        return status;
    memcpy(from.bytes, e->ptr + 1 + from.nhandles, from.size);
    for (uint32_t i = 0; i < from.nhandles; i++)
        from.handles[i] = brd_message_cargo(s->message)->handles[c->handles[i]];
    return brd_carried_make(c->kind, &c->object, &from);
}

static int read_handle(unpack_state *s, const msgpack_object *o, const brd_carried_class *kind,
                       void *out)
{
    const msgpack_object_ext *e = &o->via.ext;
    claim c = {.kind = kind, .out = out};
    int status = BROOD_OK;
    if (o->type != MSGPACK_OBJECT_EXT || e->type != (kind ? kind->letter : BRD_EXT_HANDLE) ||
        s->nclaims == BRD_CARRIED_AT_ONCE)
        return BROOD_ETYPE;
    if (kind)
        status = read_carried(s, &c, e);
    else
        status = e->size == 1 ? read_numbers(s, &c, e->ptr, 1) : BROOD_ETYPE;
    if (!status)
        s->claims[s->nclaims++] = c;
    return status;
}

// What was claimed leaves the message, or nothing of it does. What was made of handles has
// its own.
static int settle(unpack_state *s, int status)
{
    for (size_t i = 0; i < s->nclaims; i++) {
        claim *c = &s->claims[i];
        brd_handle *handles = c->nhandles ? s->message->extra->cargo->handles : NULL;
        if (status) {
            if (c->kind)
                brd_carried_destroy(c->kind, c->object);
            continue;
        }
        if (c->kind)
            *(void **)c->out = c->object;
        else
            *(intptr_t *)c->out = brd_os_hand_over(&handles[c->handles[0]]);
        for (uint32_t k = 0; c->kind && k < c->nhandles; k++)
            brd_os_close(&handles[c->handles[k]]);
    }
    return status;
}

/* ------------------------------------------------------------------ values */

static int read_letter(brood_message *m, const msgpack_object *o, char letter, void *out)
{
    switch (letter) {
    case 'b':
        if (o->type != MSGPACK_OBJECT_BOOLEAN)
            return BROOD_ETYPE;
        *(int *)out = o->via.boolean;
        break;
    case 'y':
        READ_INTEGER(uint8_t, 0, UINT8_MAX);
        break;
    case 'n':
        READ_INTEGER(int16_t, INT16_MIN, INT16_MAX);
        break;
    case 'q':
        READ_INTEGER(uint16_t, 0, UINT16_MAX);
        break;
    case 'i':
        READ_INTEGER(int32_t, INT32_MIN, INT32_MAX);
        break;
    case 'u':
        READ_INTEGER(uint32_t, 0, UINT32_MAX);
        break;
    case 'x':
        READ_INTEGER(int64_t, INT64_MIN, INT64_MAX);
        break;
    case 't':
        READ_INTEGER(uint64_t, 0, UINT64_MAX);
        break;
    case 'd':
        return read_double(o, out);
    case 's':
        return read_text(m, o, out);
    default:
        return BROOD_EINVAL;
    }
    return BROOD_OK;
}

static size_t element_size(char letter)
{
    static const char letters[] = "bnqiuxtds";
    static const size_t sizes[] = {sizeof(int), 2, 2, 4, 4, 8, 8, 8, sizeof(char *)};
    const char *at = strchr(letters, letter);
    return at && letter ? sizes[at - letters] : 0;
}

static int read_array(unpack_state *s, const msgpack_object *o, char letter)
{
    const void **out = va_arg(s->outputs, const void **);
    size_t *count = va_arg(s->outputs, size_t *);
    if (letter == 'y') {
        if (o->type != MSGPACK_OBJECT_BIN)
            return BROOD_ETYPE;
        *out = o->via.bin.ptr; // into the message's own bytes
        *count = o->via.bin.size;
        return BROOD_OK;
    }
    size_t width = element_size(letter);
    if (!width)
        return BROOD_EINVAL;
    if (o->type != MSGPACK_OBJECT_ARRAY)
        return BROOD_ETYPE;
    unsigned char *room = brd_message_scratch(s->message, width * o->via.array.size);
    int status = room ? BROOD_OK : BROOD_ENOMEM;
    for (uint32_t i = 0; !status && i < o->via.array.size; i++)
        status = read_letter(s->message, &o->via.array.ptr[i], letter, room + i * width);
    if (!status) {
        *out = room;
        *count = o->via.array.size;
    }
    return status;
}

static const msgpack_object *find_key(const msgpack_object *map, const char *key)
{
    size_t size = strlen(key);
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object *k = &map->via.map.ptr[i].key;
        if (k->type == MSGPACK_OBJECT_STR && k->via.str.size == size &&
            memcmp(k->via.str.ptr, key, size) == 0)
            return &map->via.map.ptr[i].val;
    }
    return NULL;
}

static int read_value(unpack_state *s, const msgpack_object *o);

static int read_tuple(unpack_state *s, const msgpack_object *o)
{
    size_t count;
    if (!brd_format_count(s->format, ')', &count))
        return BROOD_EINVAL;
    if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != count)
        return BROOD_ETYPE;
    int status = BROOD_OK;
    for (uint32_t i = 0; !status && i < count; i++)
        status = read_value(s, &o->via.array.ptr[i]);
    s->format++;
    return status;
}

static int read_keywords(unpack_state *s, const msgpack_object *o)
{
    size_t count;
    if (!brd_format_count(s->format, '}', &count))
        return BROOD_EINVAL;
    if (o->type != MSGPACK_OBJECT_MAP)
        return BROOD_ETYPE;
    int status = BROOD_OK;
    for (size_t i = 0; !status && i < count; i++) {
        const char *key = va_arg(s->outputs, const char *);
        const msgpack_object *value = key ? find_key(o, key) : NULL;
        status = value ? read_value(s, value) : key ? BROOD_ETYPE : BROOD_EINVAL;
    }
    s->format++;
    return status;
}

// Recursion is bounded by the format, whose depth brd_format_count limits.
static int read_value(unpack_state *s, const msgpack_object *o)
{
    char letter = *s->format++;
    switch (letter) {
    case 'a':
        return *s->format ? read_array(s, o, *s->format++) : BROOD_EINVAL;
    case '(':
        return read_tuple(s, o);
    case '{':
        return read_keywords(s, o);
    default:
        if (letter == 'h' || brd_carried_find(letter))
            return read_handle(s, o, brd_carried_find(letter), va_arg(s->outputs, void *));
        return read_letter(s->message, o, letter, va_arg(s->outputs, void *));
    }
}

static int open_object(brood_message *m, msgpack_unpacked *object, size_t *size)
{
    const brood_error *error = brood_message_error(m);
    if (error)
        return error->status;
    const unsigned char *bytes = brd_message_at(m) + m->position;
    size_t left = m->size - m->position, at = 0;
    if (!left)
        return BROOD_ETYPE;
    *size = brd_object_size(bytes, left);
    if (!*size)
        return BROOD_EPROTOCOL;
    switch (msgpack_unpack_next(object, (const char *)bytes, *size, &at)) {
    case MSGPACK_UNPACK_SUCCESS:
        return BROOD_OK;
    case MSGPACK_UNPACK_NOMEM_ERROR:
        return BROOD_ENOMEM;
    default:
        return BROOD_EPROTOCOL;
    }
}

// Reads values until the format ends; moves on only if all of them fit.
static int read_all(unpack_state *s)
{
    size_t before = s->message->position, size = 0;
    int status = BROOD_OK;
    msgpack_unpacked object;
    msgpack_unpacked_init(&object);
    while (!status && *s->format) {
        status = open_object(s->message, &object, &size);
        if (!status)
            status = read_value(s, &object.data);
        if (!status)
            s->message->position += size;
    }
    if (status)
        s->message->position = before;
    msgpack_unpacked_destroy(&object);
    return status;
}

int brood_vunpack(brood_message *message, const char *format, va_list outputs)
{
    if (!message || !format)
        return BROOD_EINVAL;
    unpack_state s;
    begin(&s, message, format);
    va_copy(s.outputs, outputs);
    int status = settle(&s, read_all(&s));
    va_end(s.outputs);
    return status;
}

int brood_unpack(brood_message *message, const char *format, ...)
{
    va_list outputs;
    va_start(outputs, format);
    int status = brood_vunpack(message, format, outputs);
    va_end(outputs);
    return status;
}

int brood_unpack_key(brood_message *message, const char *key, const char *format, ...)
{
    if (!message || !key || !format || !*format)
        return BROOD_EINVAL;
    unpack_state s;
    size_t size = 0;
    begin(&s, message, format);
    msgpack_unpacked object;
    msgpack_unpacked_init(&object);
    int status = open_object(message, &object, &size);
    if (!status && object.data.type != MSGPACK_OBJECT_MAP)
        status = BROOD_ETYPE;
    const msgpack_object *value = status ? NULL : find_key(&object.data, key);
    if (!status && !value)
        status = BROOD_ETYPE;
    va_start(s.outputs, format);
    if (!status)
        status = read_value(&s, value);
    va_end(s.outputs);
    if (!status && *s.format)
        status = BROOD_EINVAL;
    msgpack_unpacked_destroy(&object);
    return settle(&s, status);
}
