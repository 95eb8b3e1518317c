/**
 * The worker loop. Runs in the child's main thread, entered from process/child.c
 * by its place in the startup record.
 */
#include "pool/worker.h"
#include "base/bytes.h"
#include "base/fail.h"
#include "base/function.h"
#include "process/at_hand.h"
#include "process/self.h"
#include <brood/task.h>
#include <stdio.h>
#include <string.h>

enum { REPORT_EVERY_MS = 10 };

/** What this worker is at; a worker is one process. */
static struct worker {
    brd_port *port;      /* NULL: this process is no worker */
    unsigned generation; /* of the process that wrote here */
    uint32_t captured;   /* which of its streams somebody reads */
    brd_time reported;   /* when the last report went out */
    void *state;
} self;

static _Thread_local bool runs_tasks; /* only this thread may write to the ring */

typedef struct run {
    brd_port *port;
    brood_function *function;
    uint64_t id;
    brd_cargo *cargo;       /* of the arguments, until they have it */
    uint64_t number, first; /* what users know it by */
    int refused;            /* why the function cannot run */
} run;

static int refuse(run *r, uint32_t index, int status)
{
    brd_result_head head = {.id = r->id, .index = index, .status = status, .flags = BRD_REFUSED};
    return brd_port_reply(r->port, &head, NULL, NULL);
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
    const brd_cargo *cargo = status ? NULL : brd_message_cargo(result);
    int sent = brd_port_reply(r->port, &head, bytes, cargo);
    // A result for which there is no room in the system fails its task, not the worker.
    return sent && sent != BROOD_ECLOSED ? refuse(r, index, sent) : sent;
}

static int run_one(run *r, uint32_t index, unsigned char *bytes, size_t size)
{
    if (!r->function)
        return refuse(r, index, r->refused);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    brd_message_view(&args, bytes, size);
    int status = r->cargo ? r->cargo->failed : BROOD_OK;
    if (!status) {
        status = brd_message_load(&args, r->cargo);
        r->cargo = NULL;
    }
    if (status)
        return refuse(r, index, status);
    brd_fail_reset();
    brd_at_hand_set(r->id, index);
    self.reported = 0;
    if (self.captured)
        brd_port_at_hand(r->port, r->number, r->first + index);
    int failed = r->function(&args, &result);
    brd_at_hand_set(0, 0);
    if (self.captured & BRD_CAPTURED_OUT)
        (void)fflush(stdout); // where it has no buffer by the line
    status = reply(r, index, failed, &result);
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
        status = brd_at_hand_cancelled(r->id, i) ? refuse(r, i, BROOD_ECANCELLED)
                                                 : run_one(r, i, item, (size_t)size);
        item += head.stride ? head.stride : brd_round_up((size_t)size, sizeof(uint64_t));
    }
    return status;
}

static int run_task(brd_port *port, brd_code *code, const brd_work *work)
{
    run r = {.port = port,
             .id = work->head->id,
             .cargo = work->cargo,
             .number = work->head->number,
             .first = work->head->first};
    r.function = brd_child_function(port, code, work->head->function, &r.refused);
    int status;
    if (work->head->flags & BRD_ITEMS)
        status = run_items(&r, work->contents, work->head->count);
    else
        status = run_one(&r, 0, work->contents, (size_t)work->head->size);
    brd_cargo_free(&r.cargo); // of a function that is not there
    brd_port_finished(port);
    return status;
}

// A process that a task forked has inherited what its parent was at.
static void forget(void)
{
    self.port = NULL;
    self.state = NULL;
    self.captured = 0;
    self.generation = brd_generation();
}

int brd_worker_main(brd_port *port)
{
    brd_code code = {0};
    brd_work work;
    int status;
    forget();
    brd_at_hand_open(port);
    self.port = port;
    self.captured = brd_port_captured(port);
    runs_tasks = true;
    while ((status = brd_port_next(port, &work)) == BROOD_OK) {
        status = work.kind == BRD_RECORD_FUNCTION ? brd_child_learn(&code, work.function)
                                                  : run_task(port, &code, &work);
        if (status)
            break;
    }
    brd_code_clear(&code);
    return status == BROOD_ECLOSED ? 0 : BRD_EXIT_REFUSED;
}

/* -------------------------------------------------------- inside of a task */

int brood_report(uint64_t done, uint64_t total, const char *text)
{
    uint32_t item = 0;
    uint64_t id = brd_at_hand(&item);
    if (!runs_tasks || !id || !self.port || self.generation != brd_generation())
        return BROOD_EINVAL;
    brd_time now = brd_os_now();
    if (self.reported && done != total && now - self.reported < REPORT_EVERY_MS * BRD_MS)
        return BROOD_OK;
    self.reported = now;
    size_t size = text ? strlen(text) : 0;
    if (size > BRD_REPORT_TEXT)
        size = BRD_REPORT_TEXT;
    brd_report_head head = {
        .id = id, .done = done, .total = total, .index = item, .size = (uint32_t)size};
    brd_port_report(self.port, &head, text);
    return BROOD_OK;
}

void brood_set_worker_state(void *state)
{
    if (self.generation != brd_generation())
        forget();
    self.state = state;
}

void *brood_worker_state(void)
{
    return self.generation == brd_generation() ? self.state : NULL;
}
