/**
 * Pipes: messages over a channel. See pipe.h for what goes over the wire.
 *
 * The channel is made of the handle when the end is first used here: until then it can be
 * passed on as it is. What has come of a message stays in the end from one call to the
 * next, so a timeout loses nothing; what was sent in part cannot be taken back, so that
 * ends the sending for good.
 */
#include "ipc/pipe.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/generation.h"
#include "ipc/message.h"
#include <stdlib.h>
#include <string.h>

enum {
    MAGIC = 0x31505242, /* "BRP1" */
    HEAD = 16,
    TOKEN = 8,
    HEAD_MAX = HEAD + TOKEN * BRD_CARGO_MAX,
    TOGETHER = 4096, /* head and bytes up to here are written as one */
    SMALLEST_ROOM = 4096,
    FIRST_ROOM = 64 * 1024, /* for what was announced and has not come yet */
    KEPT_ROOM = 64 * 1024,  /* from one message to the next */
    STEPS = 16,             /* reads until a deadline is looked at without need */
    NO_HANDLES = 1,         /* in the bytes that describe an end */
    NO_SEND = 2,
    NO_RECV = 4
};

/** The message that is coming in. */
typedef struct incoming {
    unsigned char head[HEAD_MAX];
    size_t have; /* of head and tokens */
    uint32_t handles;
    uint64_t size;
    unsigned char *bytes;
    size_t got, room;
    unsigned char tag[BRD_SEAL_SIZE];
    size_t tagged; /* of the tag */
    brd_cargo *cargo;
    int failed; /* why its handles are not all here, or 0 */
    bool complete;
    bool broken;
} incoming;

struct brood_pipe {
    unsigned generation;
    brd_mutex lock; /* the making of the channel */
    brd_chan *chan; /* NULL: not used yet */
    brd_handle raw; /* what it is made of */
    brd_pipe_terms terms;
    bool sealed;
    brd_seal seal;                   /* each way belongs to who sends, or receives */
    _Atomic bool sending, receiving; /* one thread each */
    const void *_Atomic holder;      /* who waits for it among many things */
    bool torn;                       /* a message went out in part */
    incoming in;
};

/* ------------------------------------------------------------------- making */

static int make(brood_pipe **out, brd_chan *chan, brd_handle raw, const brd_pipe_terms *terms)
{
    brood_pipe *p = calloc(1, sizeof *p);
    if (!p)
        return BROOD_ENOMEM;
    int status = brd_os_mutex_init(&p->lock);
    if (status) {
        free(p);
        return status;
    }
    p->generation = brd_generation();
    p->chan = chan;
    p->raw = raw;
    p->terms = *terms;
    p->terms.seal = NULL; // it was the caller's
    p->sealed = terms->seal != NULL;
    if (p->sealed)
        p->seal = *terms->seal;
    *out = p;
    return BROOD_OK;
}

int brd_pipe_of(brood_pipe **out, brd_chan *chan, const brd_pipe_terms *terms)
{
    return make(out, chan, BRD_NONE, terms);
}

int brood_pipe_create(brood_pipe **one, brood_pipe **other, const brood_pipe_options *options)
{
    brood_pipe_options o = BROOD_PIPE_OPTIONS_INIT;
    if (!one || !other)
        return BROOD_EINVAL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    brd_pipe_terms mine = {.limit = o.limit, .no_send = o.one_way != 0};
    brd_pipe_terms theirs = {.limit = o.limit, .no_recv = o.one_way != 0};
    brd_chan *chan = NULL;
    brd_handle handle = BRD_NONE;
    brood_pipe *first = NULL, *second = NULL;
    int status = brd_os_chan_pair(&chan, &handle);
    if (!status)
        status = make(&first, chan, BRD_NONE, &mine);
    if (!status)
        status = make(&second, NULL, handle, &theirs);
    if (status) {
        if (first)
            brood_pipe_destroy(first);
        else
            brd_os_chan_close(&chan);
        brd_os_close(&handle);
        return status;
    }
    *one = first;
    *other = second;
    return BROOD_OK;
}

/** Whether this process made it: a copy of it that was forked since may not touch it. */
static bool is_ours(const brood_pipe *p)
{
    return p && p->generation == brd_generation();
}

static int open_chan(brood_pipe *p)
{
    brd_os_mutex_lock(&p->lock);
    int status = p->chan ? BROOD_OK : brd_os_chan_adopt(&p->chan, p->raw);
    if (!status)
        p->raw = BRD_NONE;
    brd_os_mutex_unlock(&p->lock);
    return status;
}

static void forget_message(incoming *in)
{
    brd_cargo_free(&in->cargo);
    if (in->room > KEPT_ROOM) {
        free(in->bytes);
        in->bytes = NULL;
        in->room = 0;
    }
    in->have = in->got = in->tagged = 0;
    in->failed = BROOD_OK;
    in->complete = false;
}

void brood_pipe_destroy(brood_pipe *p)
{
    if (!is_ours(p))
        return;
    brd_os_chan_close(&p->chan);
    brd_os_close(&p->raw);
    forget_message(&p->in);
    free(p->in.bytes);
    brd_os_mutex_clear(&p->lock);
    brd_seal_clear(&p->seal);
    free(p);
}

int brood_pipe_can_send(const brood_pipe *p)
{
    return is_ours(p) && !p->terms.no_send;
}

int brood_pipe_can_recv(const brood_pipe *p)
{
    return is_ours(p) && !p->terms.no_recv;
}

/* ------------------------------------------------------------------ sending */

/** What goes out: tokens and all that is short stand in `first`, the rest in `rest`; a seal's
 * tag is at the end of either. */
typedef struct outgoing {
    unsigned char first[TOGETHER];
    size_t nfirst;
    const unsigned char *rest;
    size_t nrest;
    unsigned char tag[BRD_SEAL_SIZE];
    size_t ntag; /* behind rest */
} outgoing;

static int give_all(brd_chan *c, const brd_cargo *cargo, unsigned char *tokens)
{
    int status = BROOD_OK;
    for (uint32_t i = 0; !status && cargo && i < cargo->count; i++) {
        uint64_t token = 0;
        status = brd_os_chan_give(c, cargo->handles[i], &token);
        brd_put64(tokens + TOKEN * i, token);
    }
    if (status)
        brd_os_chan_take_back(c);
    return status;
}

static int prepare(brood_pipe *p, outgoing *out, const void *bytes, size_t size,
                   const brd_cargo *cargo)
{
    uint32_t handles = cargo ? cargo->count : 0;
    size_t ntag = p->sealed ? BRD_SEAL_SIZE : 0;
    int status = BROOD_OK;
    brd_put32(out->first, MAGIC);
    brd_put32(out->first + 4, handles);
    brd_put64(out->first + 8, size);
    if (p->sealed)
        status = brd_seal_tag(&p->seal.out, (brd_span){out->first, HEAD}, (brd_span){bytes, size},
                              out->tag);
    out->nfirst = HEAD + TOKEN * handles;
    out->rest = bytes;
    out->nrest = size;
    out->ntag = ntag;
    if (size + ntag <= sizeof out->first - out->nfirst) {
        if (size)
            memcpy(out->first + out->nfirst, bytes, size);
        memcpy(out->first + out->nfirst + size, out->tag, ntag);
        out->nfirst += size + ntag;
        out->nrest = out->ntag = 0;
    }
    return status ? status : give_all(p->chan, cargo, out->first + HEAD);
}

static int write_out(brood_pipe *p, const outgoing *out, brd_time until)
{
    bool begun = false;
    int status = brd_chan_write_some(p->chan, out->first, out->nfirst, until, &begun);
    if (!status)
        status = brd_chan_write_some(p->chan, out->rest, out->nrest, until, &begun);
    if (!status)
        status = brd_chan_write_some(p->chan, out->tag, out->ntag, until, &begun);
    if (!begun)
        brd_os_chan_take_back(p->chan);
    if (begun && p->sealed)
        brd_seal_pass(&p->seal.out);
    p->torn = begun && status;
    return p->torn && status == BROOD_ETIMEDOUT ? BROOD_EBROKEN : status;
}

static int send(brood_pipe *p, const void *bytes, size_t size, const brd_cargo *cargo,
                int64_t timeout)
{
    outgoing out;
    brd_time until = brd_until(timeout);
    if (p->terms.no_send || (cargo && p->terms.no_handles))
        return BROOD_ENOTSUP;
    if (atomic_exchange(&p->sending, true))
        return BROOD_EBUSY;
    int status = p->torn ? BROOD_EBROKEN : open_chan(p);
    if (!status)
        status = prepare(p, &out, bytes, size, cargo);
    if (!status)
        status = write_out(p, &out, until);
    atomic_store(&p->sending, false);
    return status;
}

int brood_pipe_send(brood_pipe *p, const brood_message *message, int64_t timeout)
{
    if (!is_ours(p) || !message || brood_message_error(message))
        return BROOD_EINVAL;
    const brd_cargo *cargo = brd_message_cargo(message);
    if (!brd_cargo_is_whole(cargo))
        return BROOD_EINVAL; // one was taken out
    return send(p, brd_message_at(message), message->size, cargo, timeout);
}

int brood_pipe_send_bytes(brood_pipe *p, const void *bytes, size_t size, int64_t timeout)
{
    if (!is_ours(p) || (size && !bytes))
        return BROOD_EINVAL;
    return send(p, bytes, size, NULL, timeout);
}

/* ---------------------------------------------------------------- receiving */

static int read_head(const brd_pipe_terms *terms, incoming *in)
{
    in->handles = brd_get32(in->head + 4);
    in->size = brd_get64(in->head + 8);
    if (brd_get32(in->head) != MAGIC || in->handles > BRD_CARGO_MAX || in->size > SIZE_MAX / 2 ||
        (in->handles && terms->no_handles) || (terms->limit && in->size > terms->limit))
        return BROOD_EPROTOCOL;
    return BROOD_OK;
}

// One that cannot be taken in fails its message, not the pipe.
static int take_all(brd_chan *c, incoming *in)
{
    if (!in->handles)
        return BROOD_OK;
    in->cargo = brd_cargo_make();
    for (uint32_t i = 0; i < in->handles; i++) {
        brd_handle handle = BRD_NONE;
        int status = brd_os_chan_take(c, brd_get64(in->head + HEAD + TOKEN * i), &handle);
        if (status == BROOD_EPROTOCOL)
            return status;
        if (!status && !in->cargo)
            status = BROOD_ENOMEM;
        in->failed = in->failed ? in->failed : status;
        if (in->cargo)
            in->cargo->handles[in->cargo->count++] = handle;
        else
            brd_os_close(&handle);
    }
    return BROOD_OK;
}

// Room for a part of what was announced: memory grows with what has really come.
static int make_room(incoming *in)
{
    if (in->got < in->room)
        return BROOD_OK;
    size_t room = in->room ? in->room * 2 : FIRST_ROOM;
    if (room > in->size)
        room = in->size > SMALLEST_ROOM ? (size_t)in->size : SMALLEST_ROOM;
    unsigned char *bytes = realloc(in->bytes, room);
    if (!bytes)
        return BROOD_ENOMEM;
    in->bytes = bytes;
    in->room = room;
    return BROOD_OK;
}

static int read_body(brd_chan *c, incoming *in)
{
    size_t got = 0;
    int status = make_room(in);
    size_t want =
        in->size - in->got < in->room - in->got ? (size_t)in->size - in->got : in->room - in->got;
    if (!status)
        status = brd_os_chan_read(c, in->bytes + in->got, want, &got);
    in->got += got;
    return status;
}

// What nobody but the peer can have sent is not complete before its tag says so.
static int read_tag(brood_pipe *p)
{
    incoming *in = &p->in;
    size_t left = sizeof in->tag - in->tagged, got = 0;
    int status = left ? brd_os_chan_read(p->chan, in->tag + in->tagged, left, &got) : BROOD_OK;
    in->tagged += got;
    if (status || in->tagged < sizeof in->tag)
        return status;
    return brd_seal_check(&p->seal.in, (brd_span){in->head, HEAD},
                          (brd_span){in->bytes, (size_t)in->size}, in->tag);
}

// One read, and what it completes.
static int step(brood_pipe *p)
{
    incoming *in = &p->in;
    size_t head = in->have < HEAD ? HEAD : HEAD + TOKEN * in->handles, got = 0;
    int status = BROOD_OK;
    if (in->have < head) {
        status = brd_os_chan_read(p->chan, in->head + in->have, head - in->have, &got);
        in->have += got;
        if (!status && in->have == HEAD && head == HEAD)
            status = read_head(&p->terms, in);
        if (!status && in->have == HEAD + TOKEN * (size_t)in->handles && in->have >= HEAD)
            status = take_all(p->chan, in);
    } else if (in->got < in->size) {
        status = read_body(p->chan, in);
    } else {
        status = read_tag(p);
    }
    in->complete = !status && in->have >= HEAD && in->have == HEAD + TOKEN * (size_t)in->handles &&
                   in->got == in->size && (!p->sealed || in->tagged == sizeof in->tag);
    in->broken = in->broken || status == BROOD_EPROTOCOL;
    return status;
}

static int receive(brood_pipe *p, brd_time until)
{
    int status = open_chan(p);
    for (unsigned steps = 1; !status && !p->in.complete; steps++) {
        status = p->in.broken ? BROOD_EPROTOCOL : step(p);
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(p->chan, BRD_READ, until);
        // A peer that never pauses is no reason to forget the time.
        if (!status && !p->in.complete && steps % STEPS == 0 && until != BRD_FOREVER &&
            brd_os_now() >= until)
            status = BROOD_ETIMEDOUT;
    }
    if (!status && p->in.failed) {
        status = p->in.failed;
        forget_message(&p->in);
    }
    return status;
}

static int begin_receiving(brood_pipe *p)
{
    if (!is_ours(p))
        return BROOD_EINVAL;
    if (p->terms.no_recv)
        return BROOD_ENOTSUP;
    return atomic_exchange(&p->receiving, true) ? BROOD_EBUSY : BROOD_OK;
}

// Only what comes first can fail: then the message is as before, and so is ours.
static int deliver(incoming *in, brood_message *message)
{
    brood_message out = BROOD_MESSAGE_INIT;
    int status = in->cargo ? brd_message_prepare(&out) : BROOD_OK;
    void *room = NULL;
    if (!status && in->room <= KEPT_ROOM && in->size) {
        room = brd_message_grow(&out, (size_t)in->size);
        status = room ? BROOD_OK : BROOD_ENOMEM;
    }
    if (status) {
        brood_message_clear(&out);
        return status;
    }
    if (room) {
        memcpy(room, in->bytes, (size_t)in->size);
    } else if (in->room > KEPT_ROOM) {
        brd_message_own(&out, in->bytes, (size_t)in->size, in->room);
        in->bytes = NULL;
        in->room = 0;
    }
    (void)brd_message_load(&out, in->cargo);
    in->cargo = NULL;
    brd_message_move(message, &out);
    forget_message(in);
    return BROOD_OK;
}

int brood_pipe_recv(brood_pipe *p, brood_message *message, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    int status = message ? begin_receiving(p) : BROOD_EINVAL;
    if (status)
        return status;
    status = receive(p, until);
    if (!status)
        status = deliver(&p->in, message);
    atomic_store(&p->receiving, false);
    return status;
}

int brood_pipe_recv_bytes(brood_pipe *p, void *buffer, size_t cap, size_t *size, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    int status = (buffer || !cap) && size ? begin_receiving(p) : BROOD_EINVAL;
    if (status)
        return status;
    status = receive(p, until);
    if (!status) {
        *size = (size_t)p->in.size;
        status = *size > cap ? BROOD_EINVAL : BROOD_OK;
    }
    if (!status) {
        if (*size)
            memcpy(buffer, p->in.bytes, *size);
        forget_message(&p->in);
    }
    atomic_store(&p->receiving, false);
    return status;
}

int brood_pipe_poll(brood_pipe *p, int64_t timeout)
{
    brd_time until = brd_until(timeout);
    int status = begin_receiving(p);
    if (status)
        return status;
    status = open_chan(p);
    if (!status && !p->in.complete && !p->in.broken)
        status = brd_os_chan_wait(p->chan, BRD_READ, until);
    atomic_store(&p->receiving, false);
    return status;
}

int brd_pipe_hold(brood_pipe *p, const void *holder, brd_chan **chan, bool *ready)
{
    if (!is_ours(p) || p->terms.no_recv)
        return BROOD_EINVAL;
    if (atomic_exchange(&p->receiving, true) && atomic_load(&p->holder) != holder)
        return BROOD_EBUSY;
    atomic_store(&p->holder, holder);
    int status = open_chan(p);
    if (!status) {
        *chan = p->chan;
        *ready = p->in.complete || p->in.broken;
    }
    return status;
}

void brd_pipe_let_go(brood_pipe *p, const void *holder)
{
    if (!p || atomic_load(&p->holder) != holder)
        return;
    atomic_store(&p->holder, NULL);
    atomic_store(&p->receiving, false);
}

/* ----------------------------------------------------------- to be passed on */

int brd_pipe_describe(brood_pipe *p, brd_handle *handle, unsigned char bytes[BRD_PIPE_SIZE])
{
    if (!is_ours(p))
        return BROOD_EINVAL;
    if (p->sealed)
        return BROOD_ENOTSUP; // two processes cannot count one stream's frames
    if (atomic_exchange(&p->receiving, true))
        return BROOD_EBUSY;
    bool in_part = p->in.have != 0;
    atomic_store(&p->receiving, false);
    if (atomic_exchange(&p->sending, true))
        return BROOD_EBUSY;
    bool torn = p->torn;
    atomic_store(&p->sending, false);
    if (in_part || torn)
        return torn ? BROOD_EBROKEN : BROOD_EBUSY;
    memset(bytes, 0, BRD_PIPE_SIZE);
    bytes[0] = (unsigned char)((p->terms.no_handles ? NO_HANDLES : 0) |
                               (p->terms.no_send ? NO_SEND : 0) | (p->terms.no_recv ? NO_RECV : 0));
    brd_put64(bytes + 8, p->terms.limit);
    brd_os_mutex_lock(&p->lock);
    *handle = p->chan ? brd_os_chan_handle(p->chan) : p->raw;
    brd_os_mutex_unlock(&p->lock);
    return BROOD_OK;
}

int brd_pipe_empty(brood_pipe **out, const unsigned char bytes[BRD_PIPE_SIZE])
{
    const brd_pipe_terms terms = {.limit = brd_get64(bytes + 8),
                                  .no_handles = bytes[0] & NO_HANDLES,
                                  .no_send = bytes[0] & NO_SEND,
                                  .no_recv = bytes[0] & NO_RECV};
    return make(out, NULL, BRD_NONE, &terms);
}

void brd_pipe_fill(brood_pipe *p, brd_handle *handle)
{
    p->raw = *handle;
    *handle = BRD_NONE;
}
