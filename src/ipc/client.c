/**
 * Clients: connect, hold the handshake in one go, and have a pipe. The one thing to know:
 * a listener may hang up on an honest client that was one of too many, so until the
 * welcome has come that is no failure but a reason to try once more.
 */
#include "base/clock.h"
#include "ipc/connection.h"
#include "ipc/handshake.h"
#include "ipc/tcp.h"
#include <apr_general.h>
#include <brood/listener.h>
#include <string.h>

enum {
    DEAF_TRIES = 8, /* with a listener that has never answered */
    FIRST_PAUSE_MS = 2,
    LONGEST_PAUSE_MS = 256
};

/** How far a try came. */
typedef enum outcome {
    NOT_REACHED,
    REACHED, /* somebody, who may speak another version */
    ANSWERED /* as only a listener with the same key does */
} outcome;

// A host that listens everywhere is here, too; not every system takes that for an address.
static void dial_here(brd_address *a)
{
    if (strcmp(a->text, "0.0.0.0") == 0)
        memcpy(a->text, "127.0.0.1", sizeof "127.0.0.1");
    else if (strcmp(a->text, "::") == 0)
        memcpy(a->text, "::1", sizeof "::1");
}

static int reach(brd_chan **out, const brd_address *a, brd_endpoint *endpoint, brd_time until)
{
    char name[BRD_LOCAL_SIZE];
    uint8_t there[18];
    int status;
    if (a->family == BRD_FAMILY_TCP) {
        status = brd_tcp_connect(out, a, until, there);
        if (!status)
            brd_endpoint_of_tcp(endpoint, there);
        return status;
    }
    status = brd_connection_name(a, name);
    if (!status)
        status = brd_endpoint_of_local(endpoint, name);
    if (!status)
        status = brd_os_name_connect(out, name, until);
    return status;
}

// Moves what can be moved, or waits until it can.
static int step(brd_chan *chan, brd_handshake *h, brd_time until)
{
    const unsigned char *words;
    unsigned char *room;
    size_t moved = 0, size = brd_handshake_words(h, &words);
    unsigned want = size ? BRD_WRITE : BRD_READ;
    int status = size ? brd_os_chan_write(chan, words, size, &moved) : BROOD_OK;
    if (size && !status)
        brd_handshake_sent(h, moved);
    if (!size && (size = brd_handshake_room(h, &room)) != 0) {
        status = brd_os_chan_read(chan, room, size, &moved);
        if (!status)
            status = brd_handshake_took(h, moved);
    }
    if (!size)
        status = BROOD_EPROTOCOL; // nobody's turn: it has failed before
    return status == BROOD_EAGAIN ? brd_os_chan_wait(chan, want, until) : status;
}

static int shake_hands(brd_chan *chan, const brd_secret *secret, brd_time until, brd_seal *seal,
                       outcome *how)
{
    brd_handshake h;
    uint8_t nonce[BRD_NONCE_SIZE];
    int status = apr_generate_random_bytes(nonce, sizeof nonce);
    if (status)
        return status;
    brd_handshake_begin(&h, BRD_CLIENT, secret, nonce);
    while (!status && h.state != BRD_SHAKING_DONE) {
        status = step(chan, &h, until);
        if (h.state == BRD_SHAKING_PROOF || h.state == BRD_SHAKING_WELCOME)
            *how = ANSWERED;
    }
    if (!status)
        status = brd_handshake_seal(&h, seal);
    brd_handshake_end(&h);
    return status;
}

static int try_once(brood_pipe **out, const brd_address *a, const brood_client_options *o,
                    brd_time until, outcome *how)
{
    brd_chan *chan = NULL;
    brd_endpoint endpoint;
    brd_seal seal;
    *how = NOT_REACHED;
    int status = reach(&chan, a, &endpoint, until);
    if (!status && o->endpoint)
        status = brd_endpoint_of_label(&endpoint, o->endpoint);
    if (!status) {
        const brd_secret secret = {{o->key, o->key_size}, {endpoint.bytes, endpoint.size}};
        *how = REACHED;
        status = shake_hands(chan, &secret, until, &seal, how);
    }
    if (!status) {
        status =
            brd_connection_pipe(out, chan, a->family == BRD_FAMILY_TCP ? &seal : NULL, o->limit);
        brd_seal_clear(&seal);
    }
    if (status)
        brd_os_chan_close(&chan);
    return status;
}

static void pause_for(int64_t ms, brd_time until)
{
    brd_mutex mutex;
    brd_cond cond;
    brd_time end = brd_os_now() + ms * BRD_MS;
    if (brd_os_mutex_init(&mutex))
        return;
    if (!brd_os_cond_init(&cond)) {
        brd_os_mutex_lock(&mutex);
        while (brd_os_cond_wait(&cond, &mutex, end < until ? end : until) == BROOD_OK)
            ; // nobody signals
        brd_os_mutex_unlock(&mutex);
        brd_os_cond_clear(&cond);
    }
    brd_os_mutex_clear(&mutex);
}

// Half of the pause to all of it and a half: a crowd does not come again all at once.
static int64_t vary(int64_t ms)
{
    uint8_t random = 128;
    (void)apr_generate_random_bytes(&random, sizeof random);
    return ms / 2 + ms * random / 256;
}

/**
 * Tries until the listener lets us in, or the time is over. One that has answered as only
 * ours can and hangs up all the same has a crowd before it; one that never says a word may
 * be none of ours, and is not asked for ever.
 */
static int try_until(brood_pipe **out, const brd_address *a, const brood_client_options *o,
                     brd_time until)
{
    outcome how;
    int deaf = 0;
    int64_t pause = FIRST_PAUSE_MS;
    for (;;) {
        int status = try_once(out, a, o, until, &how);
        deaf = how == ANSWERED ? 0 : deaf + 1;
        if (status != BROOD_ECLOSED || how == NOT_REACHED || deaf == DEAF_TRIES)
            return status;
        if (brd_os_now() >= until)
            return how == ANSWERED ? BROOD_ETIMEDOUT : status;
        pause_for(vary(pause), until);
        pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
    }
}

int brood_client_connect(brood_pipe **out, const char *address, const brood_client_options *options,
                         int64_t timeout)
{
    brood_client_options o = BROOD_CLIENT_OPTIONS_INIT;
    brd_address a;
    brd_time until = brd_until(timeout);
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    int status = out ? brd_address_parse(&a, address) : BROOD_EINVAL;
    if (!status)
        status = brd_connection_check_key(o.key, o.key_size, &a);
    if (!status && (a.family == BRD_FAMILY_FRESH || (a.family == BRD_FAMILY_TCP && !a.port)))
        status = BROOD_EINVAL; // nobody can be there
    if (status)
        return status;
    if (a.family == BRD_FAMILY_TCP)
        dial_here(&a);
    return try_until(out, &a, &o, until);
}
