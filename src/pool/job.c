/**
 * A map in progress. Chunks are how items travel, nothing more: each item has its
 * own outcome.
 */
#include "pool/job.h"
#include "base/bytes.h"
#include <stdlib.h>
#include <string.h>

enum { ITEMS_INT32 = 1, ITEMS_STRINGS, ITEMS_STRUCTS, ITEMS_MESSAGES };

brood_items brood_items_int32(const int32_t *values, size_t count)
{
    return (brood_items){
        .data = values, .count = count, .item_size = sizeof *values, .kind = ITEMS_INT32};
}

brood_items brood_items_strings(const char *const *values, size_t count)
{
    return (brood_items){
        .data = values, .count = count, .item_size = sizeof *values, .kind = ITEMS_STRINGS};
}

brood_items brood_items_structs(const void *base, size_t item_size, size_t count)
{
    return (brood_items){
        .data = base, .count = count, .item_size = item_size, .kind = ITEMS_STRUCTS};
}

brood_items brood_items_messages(const brood_message *messages, size_t count)
{
    return (brood_items){
        .data = messages, .count = count, .item_size = sizeof *messages, .kind = ITEMS_MESSAGES};
}

brd_task *brd_job_cut(brd_job *job, brd_tasks *tasks)
{
    brd_task *task = brd_tasks_get(tasks);
    if (!task)
        return NULL;
    size_t left = job->items.count - job->sent;
    task->job = job;
    task->function = job->function;
    task->order = job->order;
    task->first = job->sent;
    task->count = left < job->chunk ? (uint32_t)left : job->chunk;
    job->sent += task->count;
    return task;
}

// Puts one item's contents at the end of a message.
static int append_item(const brd_job *job, size_t i, brood_message *out)
{
    const brood_message *message;
    void *room;
    switch (job->items.kind) {
    case ITEMS_INT32:
        return brood_pack(out, "i", ((const int32_t *)job->items.data)[i]);
    case ITEMS_STRINGS:
        return brood_pack(out, "s", ((const char *const *)job->items.data)[i]);
    default: // ITEMS_MESSAGES: structs are never put together
        message = (const brood_message *)job->items.data + i;
        room = brd_message_grow(out, message->size);
        if (!room)
            return BROOD_ENOMEM;
        if (message->size)
            memcpy(room, brd_message_at(message), message->size);
        return BROOD_OK;
    }
}

// head | lengths | items, each at a multiple of 8.
static int put_together(brd_job *job, size_t first, uint32_t count)
{
    brood_message *out = &job->scratch;
    size_t table = sizeof(brd_items_head);
    brood_message_clear(out);
    unsigned char *start = brd_message_grow(out, table + count * sizeof(uint64_t));
    if (!start)
        return BROOD_ENOMEM;
    memset(start, 0, table); // stride 0
    int status = BROOD_OK;
    for (uint32_t i = 0; !status && i < count; i++) {
        size_t before = out->size;
        status = append_item(job, first + i, out);
        uint64_t size = out->size - before;
        size_t pad = brd_round_up(out->size, 8) - out->size;
        void *padding = status ? NULL : brd_message_grow(out, pad);
        if (!status && !padding)
            status = BROOD_ENOMEM;
        if (status)
            break;
        memset(padding, 0, pad);
        memcpy(brd_message_at(out) + table + i * sizeof size, &size, sizeof size);
    }
    return status;
}

static int send_structs(brd_job *job, brd_link *link, brd_task *task, brd_task_head *head,
                        size_t first)
{
    size_t bytes = head->count * job->items.item_size;
    brd_items_head items = {.stride = job->items.item_size};
    bool chunk = head->count > 1;
    void *room = NULL;
    int status = brd_link_begin(link, bytes + (chunk ? sizeof items : 0), &room);
    if (status)
        return status;
    if (chunk) {
        memcpy(room, &items, sizeof items);
        room = (unsigned char *)room + sizeof items;
        head->flags = BRD_ITEMS;
    }
    memcpy(room, (const unsigned char *)job->items.data + first * job->items.item_size, bytes);
    task->claim = brd_link_commit(link, head);
    return BROOD_OK;
}

static int send_together(brd_job *job, brd_link *link, brd_task *task, brd_task_head *head,
                         size_t first)
{
    void *room = NULL;
    int status = put_together(job, first, head->count);
    if (!status)
        status = brd_link_begin(link, job->scratch.size, &room);
    if (status)
        return status;
    memcpy(room, brd_message_at(&job->scratch), job->scratch.size);
    head->flags = BRD_ITEMS;
    task->claim = brd_link_commit(link, head);
    return BROOD_OK;
}

int brd_job_send(brd_job *job, brd_link *link, brd_task *task)
{
    brd_task_head head = {.function = task->function, .id = task->id, .count = task->count};
    if (job->items.kind == ITEMS_STRUCTS && job->items.item_size)
        return send_structs(job, link, task, &head, task->first);
    return send_together(job, link, task, &head, task->first);
}

static brd_outcome *end_item(brd_job *job, size_t item)
{
    brd_outcome *o = &job->results->outcomes[item];
    job->ended++;
    o->ended = 1;
    return o;
}

int brd_job_result(brd_job *job, size_t item, const unsigned char *bytes, size_t size)
{
    brd_outcome *o = end_item(job, item);
    unsigned char *room = o->u.inside;
    o->size = size;
    if (size > sizeof o->u.inside) {
        room = o->u.bytes = malloc(size);
        if (!room) {
            o->status = BROOD_ENOMEM;
            return BROOD_ENOMEM;
        }
    }
    if (size)
        memcpy(room, bytes, size);
    return BROOD_OK;
}

void brd_job_error(brd_job *job, size_t item, const brood_error *error)
{
    brd_outcome *o = end_item(job, item);
    o->status = error->status;
    o->u.error = brd_error_copy(error); // without memory, the status alone must do
}
