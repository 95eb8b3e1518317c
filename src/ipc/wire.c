/**
 * Frames: whole ones out of a stream of bytes. A frame is short and rare, so one
 * that has begun is always finished before anything else is written.
 */
#include "ipc/wire.h"
#include "base/bytes.h"

int brd_chan_write_all(brd_chan *c, const void *bytes, size_t size, brd_time until)
{
    const unsigned char *at = bytes;
    int status = BROOD_OK;
    while (!status && size) {
        size_t put = 0;
        status = brd_os_chan_write(c, at, size, &put);
        at += put;
        size -= put;
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(c, BRD_WRITE, until);
    }
    return status;
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

int brd_frames_write(brd_frames *f, const brd_frame *frame, brd_time until)
{
    unsigned char bytes[BRD_FRAME_SIZE] = {0};
    brd_put32(bytes, frame->type);
    brd_put64(bytes + 8, frame->a);
    brd_put64(bytes + 16, frame->b);
    brd_put64(bytes + 24, frame->token);
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
