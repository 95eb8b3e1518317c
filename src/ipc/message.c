/**
 * A message's memory: inside the struct while short, on the heap when longer, or
 * a view of bytes that stay where they are (a record in a ring, a shared block).
 */
#include "ipc/message.h"
#include <stdlib.h>
#include <string.h>

enum { OWNED = 1 }; /* flags: `data` is on the heap and ours */

struct brd_scratch {
    struct brd_scratch *next;
    _Alignas(max_align_t) unsigned char bytes[];
};

_Static_assert(sizeof(brood_message) <= 128, "a message is a small value");

static void drop_data(brood_message *m)
{
    if (m->flags & OWNED)
        free(m->data);
    m->data = NULL;
    m->capacity = 0;
    m->flags = 0;
}

static void drop_extra(brood_message *m)
{
    if (!m->extra)
        return;
    while (m->extra->scratch) {
        struct brd_scratch *next = m->extra->scratch->next;
        free(m->extra->scratch);
        m->extra->scratch = next;
    }
    brd_cargo_free(&m->extra->cargo);
    free(m->extra->error);
    free(m->extra);
    m->extra = NULL;
}

static void restart(brood_message *m, size_t size)
{
    m->size = size;
    m->position = 0;
    drop_extra(m);
}

static brd_extra *extra_of(brood_message *m)
{
    if (!m->extra)
        m->extra = calloc(1, sizeof *m->extra);
    return m->extra;
}

void brood_message_clear(brood_message *m)
{
    drop_data(m);
    restart(m, 0);
}

void brd_message_view(brood_message *m, void *bytes, size_t size)
{
    drop_data(m);
    restart(m, size);
    m->data = bytes;
}

void brd_message_own(brood_message *m, void *bytes, size_t size, size_t capacity)
{
    m->data = bytes;
    m->size = size;
    m->capacity = capacity;
    m->flags = OWNED;
}

void *brood_message_reserve(brood_message *m, size_t size)
{
    bool fits = m->flags & OWNED ? size <= m->capacity : size <= sizeof m->inside;
    if (!fits) {
        void *bytes = malloc(size);
        if (!bytes)
            return NULL;
        drop_data(m);
        m->data = bytes;
        m->capacity = size;
        m->flags = OWNED;
    } else if (!(m->flags & OWNED)) {
        drop_data(m);
    }
    restart(m, size);
    return brd_message_at(m);
}

int brood_message_set(brood_message *m, const void *bytes, size_t size)
{
    if (size && !bytes)
        return BROOD_EINVAL;
    void *room = brood_message_reserve(m, size);
    if (!room)
        return BROOD_ENOMEM;
    if (size)
        memcpy(room, bytes, size);
    return BROOD_OK;
}

// The old bytes are kept, whoever owned them, so that a message can be appended to.
static bool make_room(brood_message *m, size_t need)
{
    size_t have = m->flags & OWNED ? m->capacity : m->data ? 0 : sizeof m->inside;
    if (need <= have)
        return true;
    size_t capacity = have * 2 > need ? have * 2 : need;
    void *bytes = malloc(capacity);
    if (!bytes)
        return false;
    memcpy(bytes, brd_message_at(m), m->size);
    drop_data(m);
    m->data = bytes;
    m->capacity = capacity;
    m->flags = OWNED;
    return true;
}

void *brd_message_grow(brood_message *m, size_t size)
{
    if (size > SIZE_MAX - m->size || !make_room(m, m->size + size))
        return NULL;
    void *room = brd_message_at(m) + m->size;
    m->size += size;
    return room;
}

const void *brood_message_bytes(const brood_message *m, size_t *size)
{
    if (size)
        *size = m->size;
    return brd_message_at(m);
}

void brood_message_rewind(brood_message *m)
{
    m->position = 0;
}

void *brd_message_scratch(brood_message *m, size_t size)
{
    if (size > SIZE_MAX / 2 || !extra_of(m))
        return NULL;
    struct brd_scratch *block = malloc(sizeof *block + size);
    if (!block)
        return NULL;
    block->next = m->extra->scratch;
    m->extra->scratch = block;
    return block->bytes;
}

const brood_error *brood_message_error(const brood_message *m)
{
    return m->extra ? m->extra->error : NULL;
}

int brd_message_prepare(brood_message *m)
{
    return extra_of(m) ? BROOD_OK : BROOD_ENOMEM;
}

int brd_message_load(brood_message *m, brd_cargo *cargo)
{
    if (!cargo)
        return BROOD_OK;
    if (!extra_of(m)) {
        brd_cargo_free(&cargo);
        return BROOD_ENOMEM;
    }
    brd_cargo_free(&m->extra->cargo);
    m->extra->cargo = cargo;
    return BROOD_OK;
}

int brd_message_add(brood_message *m, brd_handle handle, uint32_t *index)
{
    return extra_of(m) ? brd_cargo_add(&m->extra->cargo, handle, index) : BROOD_ENOMEM;
}

int brd_message_copy(brood_message *dst, const brood_message *src)
{
    brd_cargo *cargo = NULL;
    int status = brd_cargo_copy(&cargo, brd_message_cargo(src));
    if (status)
        return status;
    status = brood_message_set(dst, brd_message_at(src), src->size);
    if (!status)
        status = brd_message_load(dst, cargo);
    else
        brd_cargo_free(&cargo);
    if (!status && brood_message_error(src))
        status = brd_message_fail(dst, brood_message_error(src));
    return status;
}

void brd_message_move(brood_message *dst, brood_message *src)
{
    brood_message_clear(dst);
    *dst = *src;
    *src = (brood_message)BROOD_MESSAGE_INIT;
}

static size_t text_size(const char *text)
{
    enum { LONGEST = 4096 };
    const char *end = memchr(text, 0, LONGEST);
    return end ? (size_t)(end - text) : LONGEST;
}

brood_error *brd_error_copy(const brood_error *error)
{
    size_t text = text_size(error->text), function = text_size(error->function);
    size_t output = error->output ? error->output_size : 0;
    brood_error *copy = malloc(sizeof *copy + text + function + output + 3);
    if (!copy)
        return NULL;
    *copy = *error;
    char *at = (char *)(copy + 1);
    copy->text = memcpy(at, error->text, text);
    at[text] = 0;
    at += text + 1;
    copy->function = memcpy(at, error->function, function);
    at[function] = 0;
    if (!error->output)
        return copy;
    at += function + 1;
    copy->output = memcpy(at, error->output, output);
    at[output] = 0;
    return copy;
}

int brd_message_fail(brood_message *m, const brood_error *error)
{
    brood_error *copy = brd_error_copy(error);
    if (!copy)
        return BROOD_ENOMEM;
    brood_message_clear(m);
    if (!extra_of(m)) {
        free(copy);
        return BROOD_ENOMEM;
    }
    m->extra->error = copy;
    return BROOD_OK;
}
