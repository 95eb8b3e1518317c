/**
 * What methods of managed objects use: arguments in, results out. See type.h.
 */
#include "ipc/format.h"
#include "ipc/message.h"
#include "manager/type.h"
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- arguments */

long brd_call_count(const brood_message *args)
{
    long count = 0;
    for (size_t at = args->position; at < args->size; count++) {
        size_t size = brd_object_size(brd_message_at(args) + at, args->size - at);
        if (!size)
            return -1;
        at += size;
    }
    return count;
}

bool brd_call_has_more(const brd_call *call)
{
    return call->args->position < call->args->size;
}

int brd_call_take(brd_call *call, brd_value **out)
{
    const unsigned char *bytes = brd_message_at(call->args) + call->args->position;
    size_t size = brd_object_size(bytes, call->args->size - call->args->position);
    int status = size ? brd_value_make(call->store, bytes, size, true, out) : BROOD_ETYPE;
    if (!status)
        call->args->position += size;
    return status;
}

int brd_call_take_item(brd_call *call, brd_value **out)
{
    brood_message *args = call->args;
    bool vetted = brd_call_count(args) >= 0;
    const unsigned char *bytes = brd_message_at(args) + args->position;
    int status = brd_value_make(call->store, bytes, args->size - args->position, vetted, out);
    if (!status)
        args->position = args->size;
    return status;
}

int brd_call_key(brd_call *call, brd_value **out)
{
    int status = brd_call_take(call, out);
    if (!status)
        brd_call_discard(call, *out);
    return status;
}

int brd_call_integer(brd_call *call, int64_t *out)
{
    return brd_call_has_more(call) ? brood_unpack(call->args, "x", out) : BROOD_OK;
}

int brd_call_elements(brd_call *call, bool map, brd_elements *out)
{
    brd_packed_head head;
    brood_message *args = call->args;
    const unsigned char *bytes = brd_message_at(args) + args->position;
    size_t size = brd_object_size(bytes, args->size - args->position);
    if (!size || !brd_packed_read(bytes, size, &head) || !head.group)
        return BROOD_ETYPE;
    bool is_map = (bytes[0] & 0xf0) == 0x80 || bytes[0] == 0xde || bytes[0] == 0xdf;
    if (is_map != map)
        return BROOD_ETYPE;
    args->position += size;
    *out = (brd_elements){.at = bytes + head.size, .size = size - head.size, .left = head.inside};
    return BROOD_OK;
}

bool brd_elements_next(brd_elements *e, const unsigned char **bytes, size_t *size)
{
    if (!e->left)
        return false;
    *bytes = e->at;
    *size = brd_object_size(e->at, e->size);
    e->at += *size;
    e->size -= *size;
    e->left--;
    return true;
}

int brd_index(int64_t number, size_t count, size_t *out)
{
    if (number < 0)
        number += (int64_t)count;
    if (number < 0 || (uint64_t)number >= count)
        return BROOD_EINVAL;
    *out = (size_t)number;
    return BROOD_OK;
}

size_t brd_slice_end(int64_t number, size_t count)
{
    if (number < 0)
        number += (int64_t)count;
    if (number < 0)
        return 0;
    return (uint64_t)number > count ? count : (size_t)number;
}

/* ------------------------------------------------------------------ results */

int brd_call_give(brd_call *call, const brd_value *value)
{
    return brd_value_give(call->store, call->session, value, call->result);
}

int brd_call_give_integer(brd_call *call, int64_t value)
{
    return brood_pack(call->result, "x", value);
}

int brd_call_give_bool(brd_call *call, bool value)
{
    return brood_pack(call->result, "b", (int)value);
}

void brd_call_discard(brd_call *call, brd_value *value)
{
    if (!value)
        return;
    value->next = call->rubbish;
    call->rubbish = value;
}

static int give_head(brood_message *out, size_t count, unsigned char small, unsigned char large)
{
    enum { SMALL = 16 };
    if (count > UINT32_MAX)
        return BROOD_ENOMEM;
    unsigned char *at = brd_message_grow(out, count < SMALL ? 1 : 5);
    if (!at)
        return BROOD_ENOMEM;
    at[0] = count < SMALL ? (unsigned char)(small | count) : large;
    for (int i = 1; count >= SMALL && i < 5; i++)
        at[i] = (unsigned char)(count >> (8 * (4 - i)));
    return BROOD_OK;
}

int brd_give_array(brood_message *out, size_t count)
{
    return give_head(out, count, 0x90, 0xdd);
}

int brd_give_map(brood_message *out, size_t count)
{
    return give_head(out, count, 0x80, 0xdf);
}
