/**
 * Items, as they come from users and as they travel.
 */
#include "pool/items.h"
#include "base/bytes.h"
#include "ipc/wire.h"
#include <stdlib.h>
#include <string.h>

brood_items brood_items_int32(const int32_t *values, size_t count)
{
    return (brood_items){
        .data = values, .count = count, .item_size = sizeof *values, .kind = BRD_ITEMS_INT32};
}

brood_items brood_items_strings(const char *const *values, size_t count)
{
    return (brood_items){
        .data = values, .count = count, .item_size = sizeof *values, .kind = BRD_ITEMS_STRINGS};
}

brood_items brood_items_structs(const void *base, size_t item_size, size_t count)
{
    return (brood_items){
        .data = base, .count = count, .item_size = item_size, .kind = BRD_ITEMS_STRUCTS};
}

brood_items brood_items_messages(const brood_message *messages, size_t count)
{
    return (brood_items){.data = messages,
                         .count = count,
                         .item_size = sizeof *messages,
                         .kind = BRD_ITEMS_MESSAGES};
}

brood_items brood_items_generator(brood_generator *next, void *baton)
{
    return (brood_items){.data = baton, .next = next, .item_size = 1, .kind = BRD_ITEMS_GENERATOR};
}

int brd_items_check(const brood_items *items)
{
    if (items->kind == BRD_ITEMS_GENERATOR)
        return items->next ? BROOD_OK : BROOD_EINVAL;
    if (items->count && (!items->data || !items->kind || !items->item_size))
        return BROOD_EINVAL;
    return items->kind > BRD_ITEMS_GENERATOR ? BROOD_EINVAL : BROOD_OK;
}

static int append_bytes(brood_message *out, const void *bytes, size_t size)
{
    void *room = brd_message_grow(out, size);
    if (!room)
        return BROOD_ENOMEM;
    if (size)
        memcpy(room, bytes, size);
    return BROOD_OK;
}

int brd_items_append(const brood_items *items, size_t i, brood_message *out)
{
    const brood_message *message;
    switch (items->kind) {
    case BRD_ITEMS_INT32:
        return brood_pack(out, "i", ((const int32_t *)items->data)[i]);
    case BRD_ITEMS_STRINGS:
        return brood_pack(out, "s", ((const char *const *)items->data)[i]);
    case BRD_ITEMS_STRUCTS:
        return append_bytes(out, (const unsigned char *)items->data + i * items->item_size,
                            items->item_size);
    default:
        message = (const brood_message *)items->data + i;
        if (brd_message_cargo(message))
            return BROOD_ENOTSUP; // items are bytes, side by side
        return append_bytes(out, brd_message_at(message), message->size);
    }
}

/* ----------------------------------------------------------------- copying */

void brd_items_drop(brood_items *items)
{
    // The pointer is const for users' sake; a copy is ours.
    void *data = (void *)(uintptr_t)items->data;
    if (items->kind == BRD_ITEMS_MESSAGES)
        for (size_t i = 0; i < items->count; i++)
            brood_message_clear((brood_message *)data + i);
    free(data);
    *items = (brood_items){0};
}

// One block: the pointers, then the texts.
static int copy_strings(brood_items *copy, const brood_items *items)
{
    const char *const *from = items->data;
    size_t bytes = items->count * sizeof *from;
    for (size_t i = 0; i < items->count; i++) {
        if (!from[i])
            return BROOD_EINVAL;
        bytes += strlen(from[i]) + 1;
    }
    const char **to = malloc(bytes ? bytes : 1);
    if (!to)
        return BROOD_ENOMEM;
    char *text = (char *)(to + items->count);
    for (size_t i = 0; i < items->count; i++) {
        size_t size = strlen(from[i]) + 1;
        to[i] = memcpy(text, from[i], size);
        text += size;
    }
    copy->data = to;
    return BROOD_OK;
}

static int copy_messages(brood_items *copy, const brood_items *items)
{
    brood_message *to = calloc(items->count ? items->count : 1, sizeof *to);
    int status = to ? BROOD_OK : BROOD_ENOMEM;
    copy->data = to;
    for (size_t i = 0; !status && i < items->count; i++)
        status = brd_message_copy(&to[i], (const brood_message *)items->data + i);
    if (status)
        brd_items_drop(copy);
    return status;
}

static int copy_bytes(brood_items *copy, const brood_items *items)
{
    size_t bytes = items->count * items->item_size;
    void *data = malloc(bytes ? bytes : 1);
    if (!data)
        return BROOD_ENOMEM;
    if (bytes)
        memcpy(data, items->data, bytes);
    copy->data = data;
    return BROOD_OK;
}

int brd_items_copy(brood_items *copy, const brood_items *items)
{
    int status;
    *copy = *items;
    copy->data = NULL;
    if (items->kind == BRD_ITEMS_STRINGS)
        status = copy_strings(copy, items);
    else if (items->kind == BRD_ITEMS_MESSAGES)
        status = copy_messages(copy, items);
    else
        status = copy_bytes(copy, items);
    if (status)
        *copy = (brood_items){0}; // nothing in it is ours
    return status;
}

int brd_items_collect(brood_items *all, const brood_items *generator)
{
    brood_message *made = NULL;
    size_t room = 0, count = 0;
    int status = BROOD_OK;
    while (!status) {
        if (count == room) {
            room = room ? room * 2 : 64;
            brood_message *more = realloc(made, room * sizeof *more);
            if (!more) {
                status = BROOD_ENOMEM;
                break;
            }
            made = more;
        }
        // Made outside of the array: the generator may keep its address only for the call.
        brood_message item = BROOD_MESSAGE_INIT;
        status = generator->next((void *)(uintptr_t)generator->data, &item);
        made[count] = (brood_message)BROOD_MESSAGE_INIT;
        if (!status)
            brd_message_move(&made[count++], &item);
        else
            brood_message_clear(&item);
    }
    *all = brood_items_messages(made, count);
    if (status == BROOD_EEND)
        return BROOD_OK;
    brd_items_drop(all);
    return status;
}

/* ----------------------------------------------------------------- packing */

static size_t table_size(uint32_t count)
{
    return sizeof(brd_items_head) + count * sizeof(uint64_t);
}

int brd_pack_begin(brood_message *out, uint32_t count)
{
    brood_message_clear(out);
    unsigned char *start = brd_message_grow(out, table_size(count));
    if (!start)
        return BROOD_ENOMEM;
    memset(start, 0, sizeof(brd_items_head)); // stride 0
    return BROOD_OK;
}

int brd_pack_item(brood_message *out, uint32_t i, size_t before)
{
    uint64_t size = out->size - before;
    size_t pad = brd_round_up(out->size, 8) - out->size;
    void *padding = brd_message_grow(out, pad);
    if (!padding)
        return BROOD_ENOMEM;
    memset(padding, 0, pad);
    memcpy(brd_message_at(out) + sizeof(brd_items_head) + i * sizeof size, &size, sizeof size);
    return BROOD_OK;
}

int brd_pack_array(brood_message *out, const brood_items *items, size_t first, uint32_t count)
{
    int status = brd_pack_begin(out, count);
    for (uint32_t i = 0; !status && i < count; i++) {
        size_t before = out->size;
        status = brd_items_append(items, first + i, out);
        if (!status)
            status = brd_pack_item(out, i, before);
    }
    return status;
}

size_t brd_pack_size(const brood_message *pack, uint32_t i)
{
    uint64_t size;
    memcpy(&size, brd_message_at(pack) + sizeof(brd_items_head) + i * sizeof size, sizeof size);
    return (size_t)size;
}

int brd_pack_slice(brood_message *pack, uint32_t total, uint32_t first, uint32_t count)
{
    brood_message part = BROOD_MESSAGE_INIT;
    const unsigned char *at = brd_message_at(pack) + table_size(total);
    int status = brd_pack_begin(&part, count);
    for (uint32_t i = 0; !status && i < first + count; i++) {
        size_t size = brd_pack_size(pack, i), before = part.size;
        if (i >= first)
            status = append_bytes(&part, at, size);
        if (i >= first && !status)
            status = brd_pack_item(&part, i - first, before);
        at += brd_round_up(size, 8);
    }
    if (!status)
        brd_message_move(pack, &part);
    brood_message_clear(&part);
    return status;
}
