/**
 * The worker loop. Runs in the child's main thread, entered from process/child.c
 * by its place in the startup record.
 */
#include "pool/worker.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/function.h"
#include <string.h>

static int learn(brd_code *code, const brd_function_head *head)
{
    brd_place place = {.offset = head->offset};
    if (head->path_size >= sizeof place.module)
        return BROOD_EPROTOCOL;
    memcpy(place.module, head->path, head->path_size);
    memcpy(place.build, head->build, sizeof place.build);
    return brd_code_learn(code, head->index, &place);
}

typedef struct run {
    brd_port *port;
    brood_function *function;
    uint64_t id;
    int refused; /* why the function cannot run */
} run;

static int refuse(run *r, uint32_t index, int status)
{
    brd_result_head head = {.id = r->id, .index = index, .status = status, .flags = BRD_REFUSED};
    return brd_port_reply(r->port, &head, NULL);
}

static int reply(run *r, uint32_t index, int status, const brood_message *result)
{
    brd_result_head head = {.id = r->id, .index = index, .status = status};
    const void *bytes = brd_message_at(result);
    head.size = result->size;
    if (status) {
        const char *text = brd_fail_text();
        head.flags = BRD_TEXT;
        head.size = strlen(text);
        bytes = text;
    }
    int sent = brd_port_reply(r->port, &head, bytes);
    // A result for which there is no room in the system fails its task, not the worker.
    return sent && sent != BROOD_ECLOSED ? refuse(r, index, sent) : sent;
}

static int run_one(run *r, uint32_t index, unsigned char *bytes, size_t size)
{
    if (!r->function)
        return refuse(r, index, r->refused);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    brd_message_view(&args, bytes, size);
    brd_fail_reset();
    int status = reply(r, index, r->function(&args, &result), &result);
    brood_message_clear(&args);
    brood_message_clear(&result);
    return status;
}

static int run_items(run *r, unsigned char *contents, uint32_t count)
{
    brd_items_head head;
    memcpy(&head, contents, sizeof head);
    unsigned char *sizes = contents + sizeof head;
    unsigned char *item = sizes + (head.stride ? 0 : count * sizeof(uint64_t));
    int status = BROOD_OK;
    for (uint32_t i = 0; !status && i < count; i++) {
        uint64_t size = head.stride;
        if (!size)
            memcpy(&size, sizes + i * sizeof size, sizeof size);
        status = run_one(r, i, item, (size_t)size);
        item += head.stride ? head.stride : brd_round_up((size_t)size, sizeof(uint64_t));
    }
    return status;
}

static int run_task(brd_port *port, const brd_code *code, const brd_work *work)
{
    run r = {.port = port, .id = work->head->id};
    r.function = brd_code_at(code, work->head->function, &r.refused);
    int status;
    if (work->head->flags & BRD_ITEMS)
        status = run_items(&r, work->contents, work->head->count);
    else
        status = run_one(&r, 0, work->contents, (size_t)work->head->size);
    brd_port_finished(port);
    return status;
}

int brd_worker_main(brd_port *port)
{
    brd_code code = {0};
    brd_work work;
    int status;
    while ((status = brd_port_next(port, &work)) == BROOD_OK) {
        status = work.kind == BRD_RECORD_FUNCTION ? learn(&code, work.function)
                                                  : run_task(port, &code, &work);
        if (status)
            break;
    }
    brd_code_clear(&code);
    return status == BROOD_ECLOSED ? 0 : BRD_EXIT_REFUSED;
}
