/**
 * Handles that travel with messages. See cargo.h.
 */
#include "ipc/cargo.h"
#include "base/generation.h"
#include <stdlib.h>

brd_cargo *brd_cargo_make(void)
{
    brd_cargo *c = calloc(1, sizeof *c);
    if (c)
        c->generation = brd_generation();
    return c;
}

int brd_cargo_add(brd_cargo **cargo, brd_handle handle, uint32_t *index)
{
    brd_cargo *c = *cargo ? *cargo : brd_cargo_make();
    if (!c)
        return BROOD_ENOMEM;
    *cargo = c;
    if (c->count == BRD_CARGO_MAX || c->generation != brd_generation())
        return BROOD_EINVAL;
    int status = brd_os_copy(handle, &c->handles[c->count]);
    if (!status)
        *index = c->count++;
    return status;
}

// What was copied by a fork are only numbers: the handles stayed with the parent.
void brd_cargo_cut(brd_cargo *cargo, uint32_t count)
{
    while (cargo && cargo->count > count) {
        cargo->count--;
        if (cargo->generation == brd_generation())
            brd_os_close(&cargo->handles[cargo->count]);
    }
}

bool brd_cargo_has(const brd_cargo *cargo, uint32_t index)
{
    return cargo && index < cargo->count && !brd_is_none(cargo->handles[index]) &&
           cargo->generation == brd_generation();
}

bool brd_cargo_is_whole(const brd_cargo *cargo)
{
    for (uint32_t i = 0; cargo && i < cargo->count; i++)
        if (!brd_cargo_has(cargo, i))
            return false;
    return true;
}

int brd_cargo_copy(brd_cargo **out, const brd_cargo *cargo)
{
    brd_cargo *copy = NULL;
    // One that was taken out must not move the others to new places.
    int status = brd_cargo_is_whole(cargo) ? BROOD_OK : BROOD_EINVAL;
    for (uint32_t i = 0; !status && cargo && i < cargo->count; i++) {
        uint32_t index;
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

// All frames at once: before the first byte has left, nothing has happened yet.
static int write_frames(brd_frames *frames, const unsigned char *bytes, size_t size, brd_time until)
{
    bool begun = false;
    int status = brd_chan_write_some(frames->chan, bytes, size, until, &begun);
    if (begun && status)
        return BROOD_ECLOSED;
    if (status)
        brd_os_chan_take_back(frames->chan);
    return status == BROOD_ETIMEDOUT ? BROOD_ECLOSED : status;
}

int brd_cargo_send(const brd_cargo *cargo, brd_frames *frames, uint64_t id, brd_time until)
{
    unsigned char bytes[BRD_CARGO_MAX * BRD_FRAME_SIZE];
    int status = brd_cargo_is_whole(cargo) ? BROOD_OK : BROOD_EINVAL;
    for (uint32_t i = 0; !status && i < cargo->count; i++) {
        brd_frame frame = {.type = BRD_FRAME_HANDLE, .a = id, .b = cargo->count};
        status = brd_os_chan_give(frames->chan, cargo->handles[i], &frame.token);
        brd_frame_encode(&frame, bytes + i * BRD_FRAME_SIZE);
    }
    if (status)
        brd_os_chan_take_back(frames->chan);
    else
        status = write_frames(frames, bytes, cargo->count * BRD_FRAME_SIZE, until);
    return status;
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

int brd_arrivals_put(brd_arrivals *a, const brd_frame *frame, brd_chan *chan, uint32_t most)
{
    brd_cargo **at = find(a, frame->a);
    if (frame->b == 0 || frame->b > BRD_CARGO_MAX || a->handles >= most ||
        (*at && (*at)->expected != frame->b))
        return BROOD_EPROTOCOL;
    if (!*at) {
        *at = brd_cargo_make();
        if (!*at)
            return BROOD_ENOMEM;
        (*at)->id = frame->a;
        (*at)->expected = (uint32_t)frame->b;
    }
    brd_cargo *c = *at;
    c->handles[c->count] = BRD_NONE;
    int status = brd_os_chan_take(chan, frame->token, &c->handles[c->count]);
    if (status == BROOD_EPROTOCOL)
        return status;
    c->failed = c->failed ? c->failed : status; // that is the task's trouble, not the link's
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
