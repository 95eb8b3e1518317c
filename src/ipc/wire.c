/**
 * Frames: whole ones out of a stream of bytes. A frame is short and rare, so one
 * that has begun is always finished before anything else is written.
 */
#include "ipc/wire.h"
#include "base/bytes.h"

enum { STEPS = 16 }; /* until a deadline is looked at although there is no need to wait */

// A peer that takes a little at a time must not hold us for ever.
static bool is_over(unsigned steps, brd_time until)
{
    return steps % STEPS == 0 && until != BRD_FOREVER && brd_os_now() >= until;
}

int brd_chan_write_some(brd_chan *c, const void *bytes, size_t size, brd_time until, bool *begun)
{
    const unsigned char *at = bytes;
    int status = BROOD_OK;
    for (unsigned steps = 1; !status && size; steps++) {
        size_t put = 0;
        status = brd_os_chan_write(c, at, size, &put);
        *begun = *begun || put;
        at += put;
        size -= put;
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(c, BRD_WRITE, until);
        if (!status && size && is_over(steps, until))
            status = BROOD_ETIMEDOUT;
    }
    return status;
}

int brd_chan_write_all(brd_chan *c, const void *bytes, size_t size, brd_time until)
{
    bool begun = false;
    return brd_chan_write_some(c, bytes, size, until, &begun);
}

int brd_chan_read_all(brd_chan *c, void *bytes, size_t size, brd_time until)
{
    unsigned char *at = bytes;
    int status = BROOD_OK;
    while (!status && size) {
        size_t got = 0;
        status = brd_os_chan_read(c, at, size, &got);
        at += got;
        size -= got;
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(c, BRD_READ, until);
    }
    return status;
}

int brd_frames_read(brd_frames *f, brd_frame *out)
{
    while (f->have < BRD_FRAME_SIZE) {
        size_t got = 0;
        int status = brd_os_chan_read(f->chan, f->buffer + f->have, BRD_FRAME_SIZE - f->have, &got);
        if (status)
            return status;
        f->have += got;
    }
    f->have = 0;
    *out = (brd_frame){.type = brd_get32(f->buffer),
                       .a = brd_get64(f->buffer + 8),
                       .b = brd_get64(f->buffer + 16),
                       .token = brd_get64(f->buffer + 24)};
    return out->type >= BRD_FRAME_BLOCK && out->type <= BRD_FRAME_HANDLE ? BROOD_OK
                                                                         : BROOD_EPROTOCOL;
}

void brd_frame_encode(const brd_frame *frame, unsigned char bytes[BRD_FRAME_SIZE])
{
    brd_put32(bytes, frame->type);
    brd_put32(bytes + 4, 0);
    brd_put64(bytes + 8, frame->a);
    brd_put64(bytes + 16, frame->b);
    brd_put64(bytes + 24, frame->token);
}

int brd_frames_write(brd_frames *f, const brd_frame *frame, brd_time until)
{
    unsigned char bytes[BRD_FRAME_SIZE];
    brd_frame_encode(frame, bytes);
    return brd_chan_write_all(f->chan, bytes, sizeof bytes, until);
}

int brd_frames_announce(brd_frames *f, uint64_t id, const brd_shm *shm, brd_time until)
{
    brd_frame frame = {.type = BRD_FRAME_BLOCK, .a = id, .b = shm->size};
    int status = brd_os_chan_give(f->chan, shm->segment, &frame.token);
    if (!status)
        status = brd_frames_write(f, &frame, until);
    return status;
}
