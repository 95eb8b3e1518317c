/**
 * Handles that travel with messages. See cargo.h.
 */
#include "ipc/cargo.h"
#include <stdlib.h>

/* A peer that sends handles and never the task they belong to would use up ours. */
enum { MOST_WAITING = 256 };

static brd_cargo *make(void)
{
    return calloc(1, sizeof(brd_cargo));
}

int brd_cargo_add(brd_cargo **cargo, brd_handle handle, uint32_t *index)
{
    brd_cargo *c = *cargo ? *cargo : make();
    if (!c)
        return BROOD_ENOMEM;
    *cargo = c;
    if (c->count == BRD_CARGO_MAX)
        return BROOD_EINVAL;
    int status = brd_os_copy(handle, &c->handles[c->count]);
    if (!status)
        *index = c->count++;
    return status;
}

void brd_cargo_cut(brd_cargo *cargo, uint32_t count)
{
    while (cargo && cargo->count > count)
        brd_os_close(&cargo->handles[--cargo->count]);
}

int brd_cargo_copy(brd_cargo **out, const brd_cargo *cargo)
{
    brd_cargo *copy = NULL;
    int status = BROOD_OK;
    for (uint32_t i = 0; !status && cargo && i < cargo->count; i++) {
        uint32_t index;
        // One that was taken out must not move the others to new places.
        if (brd_is_none(cargo->handles[i]))
            status = BROOD_ETYPE;
        else
            status = brd_cargo_add(&copy, cargo->handles[i], &index);
    }
    if (status)
        brd_cargo_free(&copy);
    else
        *out = copy;
    return status;
}

void brd_cargo_free(brd_cargo **cargo)
{
    brd_cargo_cut(*cargo, 0);
    free(*cargo);
    *cargo = NULL;
}

int brd_cargo_send(const brd_cargo *cargo, brd_frames *frames, uint64_t id, brd_time until)
{
    uint64_t tokens[BRD_CARGO_MAX];
    int status = BROOD_OK;
    // All are given before the first is announced: a peer never waits for the rest.
    for (uint32_t i = 0; !status && i < cargo->count; i++)
        status = brd_os_chan_give(frames->chan, cargo->handles[i], &tokens[i]);
    if (status) {
        brd_os_chan_take_back(frames->chan);
        return status;
    }
    for (uint32_t i = 0; !status && i < cargo->count; i++) {
        const brd_frame frame = {
            .type = BRD_FRAME_HANDLE, .a = id, .b = cargo->count, .token = tokens[i]};
        status = brd_frames_write(frames, &frame, until);
    }
    return status ? BROOD_ECLOSED : BROOD_OK;
}

// The one that is to be completed, or the end of the list. A task that was taken back and
// sent once more is there twice.
static brd_cargo **find(brd_arrivals *a, uint64_t id)
{
    brd_cargo **at = &a->first;
    while (*at && ((*at)->id != id || (*at)->count == (*at)->expected))
        at = &(*at)->next;
    return at;
}

int brd_arrivals_put(brd_arrivals *a, const brd_frame *frame, brd_chan *chan)
{
    brd_cargo **at = find(a, frame->a);
    if (frame->b == 0 || frame->b > BRD_CARGO_MAX || a->handles == MOST_WAITING ||
        (*at && (*at)->expected != frame->b))
        return BROOD_EPROTOCOL;
    if (!*at) {
        *at = make();
        if (!*at)
            return BROOD_ENOMEM;
        (*at)->id = frame->a;
        (*at)->expected = (uint32_t)frame->b;
    }
    brd_cargo *c = *at;
    int status = brd_os_chan_take(chan, frame->token, &c->handles[c->count]);
    if (status)
        return status;
    c->count++;
    a->handles++;
    return BROOD_OK;
}

brd_cargo *brd_arrivals_fetch(brd_arrivals *a, uint64_t id)
{
    for (brd_cargo **at = &a->first; *at; at = &(*at)->next) {
        brd_cargo *c = *at;
        if (c->id != id || c->count < c->expected)
            continue;
        *at = c->next;
        c->next = NULL;
        a->handles -= c->count;
        return c;
    }
    return NULL;
}

void brd_arrivals_clear(brd_arrivals *a)
{
    while (a->first) {
        brd_cargo *next = a->first->next;
        brd_cargo_free(&a->first);
        a->first = next;
    }
    a->handles = 0;
}
