/**
 * The acceptor's thread. Called by listeners. The one thing to know: the thread alone
 * touches the peers and the name; what others share with it, behind the lock, is the
 * queue of those who have passed.
 */
#include "ipc/acceptor.h"
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACES = 64,         /* the last one is emptied again for who comes next */
    SHARE = 8,           /* a source with more peers than that is a crowd */
    CROWD_GRACE_MS = 15, /* how long one of a crowd may keep us waiting if places are short */
    FEW_GRACE_MS = 250,  /* and one of few, who may be on the other side of the world */
    PATIENCE_MS = 10000, /* for a whole handshake, unless it is told */
    RETRY_MS = 100,      /* after the system could not accept */
    AT_ONCE = 4,         /* taken in between two looks at those who are here */
    EVENTS = 32
};

/** One who has not passed yet. */
typedef struct peer {
    brd_chan *chan; /* NULL: nobody is here */
    brd_peer who;
    brd_time came;
    brd_time since; /* what it is to say next we have waited for since then */
    unsigned want;  /* what the waiter watches the channel for */
    brd_endpoint endpoint;
    brd_handshake handshake;
} peer;

struct brd_acceptor {
    brd_acceptor_terms terms;
    brd_thread thread;

    // The thread's.
    brd_waiter *waiter;
    brd_name *name;
    bool watches_name;
    brd_time retry_at;
    peer peers[PLACES];

    // Behind the lock.
    brd_mutex lock;
    brd_cond changed;
    bool quit;
    uint32_t first, count, room; /* of the queue */
    brd_accepted *queue;
    brd_waiter *bell; /* for who polls: rung while somebody is in the queue */
};

/* ------------------------------------------------------------------ who is here */

static bool is_here(const peer *p)
{
    return p->chan != NULL;
}

static peer *empty_place(brd_acceptor *a)
{
    for (peer *p = a->peers; p < a->peers + PLACES; p++)
        if (!is_here(p))
            return p;
    return NULL;
}

// An IPv6 host has a network of addresses to itself; what begins with 0 is mostly IPv4.
static bool same_source(const brd_peer *one, const brd_peer *other)
{
    return memcmp(one->source, other->source, one->source[0] ? 8 : 16) == 0;
}

static size_t count_of_source(const brd_acceptor *a, const peer *of)
{
    size_t count = 0;
    for (const peer *p = a->peers; p < a->peers + PLACES; p++)
        count += is_here(p) && same_source(&p->who, &of->who);
    return count;
}

/**
 * Who has to go if somebody does: of the source with most peers the one that has kept us
 * waiting longest. NULL: nobody is here. *from is when it may be sent away.
 */
static peer *first_to_go(brd_acceptor *a, brd_time *from)
{
    size_t most = 0;
    peer *first = NULL;
    for (peer *p = a->peers; p < a->peers + PLACES; p++) {
        size_t count = is_here(p) ? count_of_source(a, p) : 0;
        if (count > most || (first && count == most && p->since < first->since)) {
            most = count;
            first = p;
        }
    }
    if (first)
        *from = first->since + (most > SHARE ? CROWD_GRACE_MS : FEW_GRACE_MS) * BRD_MS;
    return first;
}

/* --------------------------------------------------------------- coming and going */

static void leave(brd_acceptor *a, peer *p)
{
    if (p->want)
        (void)brd_os_waiter_chan(a->waiter, p->chan, 0, p);
    p->want = 0;
    p->chan = NULL;
    brd_handshake_end(&p->handshake);
}

// Not a word about why.
static void drop(brd_acceptor *a, peer *p)
{
    brd_chan *chan = p->chan;
    leave(a, p);
    brd_os_chan_close(&chan);
}

static int watch(brd_acceptor *a, peer *p, unsigned want)
{
    if (want == p->want)
        return BROOD_OK;
    int status = brd_os_waiter_chan(a->waiter, p->chan, want, p);
    if (!status)
        p->want = want;
    return status;
}

/* ---------------------------------------------------------------- the handshakes */

static void pass(brd_acceptor *a, peer *p)
{
    brd_accepted one = {.chan = p->chan};
    if (brd_handshake_seal(&p->handshake, &one.seal)) {
        drop(a, p);
        return;
    }
    leave(a, p);
    brd_os_mutex_lock(&a->lock);
    bool room = a->count < a->room; // there always is: see take_in
    if (room) {
        a->queue[(a->first + a->count++) % a->room] = one;
        brd_os_cond_signal(&a->changed);
        brd_os_waiter_ring(a->bell);
    }
    brd_os_mutex_unlock(&a->lock);
    if (!room)
        brd_os_chan_close(&one.chan);
    brd_seal_clear(&one.seal);
}

// Moves what can be moved. Fails with: BROOD_EAGAIN, and what ends the handshake.
static int converse(peer *p)
{
    int status = BROOD_OK;
    while (!status && p->handshake.state != BRD_SHAKING_DONE) {
        const unsigned char *words;
        unsigned char *room;
        size_t moved = 0, size = brd_handshake_words(&p->handshake, &words);
        if (size) {
            status = brd_os_chan_write(p->chan, words, size, &moved);
            if (!status)
                brd_handshake_sent(&p->handshake, moved);
            continue;
        }
        size = brd_handshake_room(&p->handshake, &room);
        status = size ? brd_os_chan_read(p->chan, room, size, &moved) : BROOD_EPROTOCOL;
        if (!status)
            status = brd_handshake_took(&p->handshake, moved);
    }
    return status;
}

static void attend(brd_acceptor *a, peer *p)
{
    const unsigned char *words;
    brd_shaking before = p->handshake.state;
    int status = converse(p);
    // A message counts when it is whole: nobody gains time byte by byte.
    if (p->handshake.state != before)
        p->since = brd_os_now();
    if (status == BROOD_EAGAIN)
        status = watch(a, p, brd_handshake_words(&p->handshake, &words) ? BRD_WRITE : BRD_READ);
    if (status)
        drop(a, p);
    else if (p->handshake.state == BRD_SHAKING_DONE)
        pass(a, p);
}

static void drop_late(brd_acceptor *a)
{
    brd_time now = brd_os_now();
    for (peer *p = a->peers; p < a->peers + PLACES; p++)
        if (is_here(p) && now - p->came >= a->terms.patience * BRD_MS)
            drop(a, p);
}

// Empties a place if there is none and somebody can go.
static void make_room(brd_acceptor *a)
{
    brd_time from;
    peer *p;
    while (!empty_place(a) && (p = first_to_go(a, &from)) && from <= brd_os_now()) {
        brd_time since = p->since;
        attend(a, p); // what it was to say may have come while nobody looked
        if (is_here(p) && p->since == since)
            drop(a, p);
    }
}

/* ----------------------------------------------------------------- who comes */

static void greet(brd_acceptor *a, peer *p, brd_chan *chan, const brd_peer *who)
{
    uint8_t nonce[BRD_NONCE_SIZE];
    brd_time now = brd_os_now();
    *p =
        (peer){.chan = chan, .who = *who, .came = now, .since = now, .endpoint = a->terms.endpoint};
    if (!p->endpoint.size)
        brd_endpoint_of_tcp(&p->endpoint, who->here);
    const brd_secret secret = {a->terms.key, {p->endpoint.bytes, p->endpoint.size}};
    if (apr_generate_random_bytes(nonce, sizeof nonce) != APR_SUCCESS) {
        drop(a, p);
        return;
    }
    brd_handshake_begin(&p->handshake, BRD_SERVER, &secret, nonce);
    attend(a, p); // who had to wait has said hello meanwhile
}

// Of those who are here and those who have passed, all have room in the queue.
static bool is_full(brd_acceptor *a)
{
    brd_os_mutex_lock(&a->lock);
    bool full = a->count >= a->terms.backlog;
    brd_os_mutex_unlock(&a->lock);
    return full;
}

static void take_in(brd_acceptor *a)
{
    for (int i = 0; i < AT_ONCE && !is_full(a); i++) {
        brd_chan *chan = NULL;
        brd_peer who;
        make_room(a);
        peer *place = empty_place(a);
        if (!place)
            return;
        int status = brd_os_name_accept(a->name, &chan, &who);
        if (status) {
            if (status != BROOD_EAGAIN)
                a->retry_at = brd_os_now() + RETRY_MS * BRD_MS;
            return;
        }
        greet(a, place, chan, &who);
    }
}

/* --------------------------------------------------------------------- the thread */

static bool quits(brd_acceptor *a, bool *full)
{
    brd_os_mutex_lock(&a->lock);
    bool quit = a->quit;
    *full = a->count >= a->terms.backlog;
    brd_os_mutex_unlock(&a->lock);
    return quit;
}

static void watch_name(brd_acceptor *a, bool want)
{
    if (want == a->watches_name)
        return;
    if (brd_os_waiter_name(a->waiter, a->name, want, &a->name))
        a->retry_at = brd_os_now() + RETRY_MS * BRD_MS;
    else
        a->watches_name = want;
}

static brd_time next_time(brd_acceptor *a)
{
    brd_time now = brd_os_now(), next = BRD_FOREVER;
    for (const peer *p = a->peers; p < a->peers + PLACES; p++) {
        brd_time late = p->came + a->terms.patience * BRD_MS;
        if (is_here(p) && late < next)
            next = late;
    }
    brd_time room = BRD_FOREVER;
    if (!empty_place(a))
        (void)first_to_go(a, &room);
    next = room < next ? room : next;
    return a->retry_at > now && a->retry_at < next ? a->retry_at : next;
}

// The system is short of something: those who are here have time, and it may have more soon.
static void rest(brd_acceptor *a)
{
    brd_os_mutex_lock(&a->lock);
    if (!a->quit)
        (void)brd_os_cond_wait(&a->changed, &a->lock, brd_os_now() + RETRY_MS * BRD_MS);
    brd_os_mutex_unlock(&a->lock);
}

static void run(void *baton)
{
    brd_acceptor *a = baton;
    bool full;
    while (!quits(a, &full)) {
        brd_event events[EVENTS];
        size_t count = 0;
        bool came = false;
        make_room(a);
        watch_name(a, !full && brd_os_now() >= a->retry_at && empty_place(a));
        int status = brd_os_waiter_wait(a->waiter, next_time(a), events, EVENTS, &count);
        if (status && status != BROOD_ETIMEDOUT)
            rest(a);
        for (size_t i = 0; i < count; i++) {
            if (events[i].tag == &a->name)
                came = true;
            else if (events[i].tag && is_here(events[i].tag))
                attend(a, events[i].tag);
        }
        drop_late(a);
        if (came)
            take_in(a); // last: until here no event is about somebody else in the same place
    }
}

/* --------------------------------------------------------------- for the listener */

static int prepare(brd_acceptor *a)
{
    int status = brd_os_mutex_init(&a->lock);
    if (!status)
        status = brd_os_cond_init(&a->changed);
    if (!status)
        status = brd_os_waiter_open(&a->waiter);
    if (!status)
        status = brd_os_waiter_open(&a->bell);
    a->room = a->terms.backlog + PLACES; // who is here when it is full can still pass
    a->queue = calloc(a->room, sizeof *a->queue);
    if (!status && !a->queue)
        status = BROOD_ENOMEM;
    return status;
}

int brd_acceptor_open(brd_acceptor **out, brd_name *name, const brd_acceptor_terms *terms)
{
    brd_acceptor *a = calloc(1, sizeof *a);
    if (!a)
        return BROOD_ENOMEM;
    a->terms = *terms;
    if (!a->terms.patience)
        a->terms.patience = PATIENCE_MS;
    int status = prepare(a);
    if (!status) {
        a->name = name;
        status = brd_os_thread_start(&a->thread, run, a);
    }
    if (status) {
        a->name = NULL; // it stays the caller's
        brd_acceptor_close(&a);
        return status;
    }
    *out = a;
    return BROOD_OK;
}

int brd_acceptor_take(brd_acceptor *a, brd_accepted *out, brd_time until)
{
    brd_event event;
    size_t rings;
    int status = BROOD_OK;
    brd_os_mutex_lock(&a->lock);
    while (!a->count && !status)
        status = brd_os_cond_wait(&a->changed, &a->lock, until);
    (void)brd_os_waiter_wait(a->bell, 0, &event, 1, &rings);
    if (a->count) {
        *out = a->queue[a->first];
        brd_seal_clear(&a->queue[a->first].seal);
        a->first = (a->first + 1) % a->room;
        if (a->count-- == a->terms.backlog)
            brd_os_waiter_ring(a->waiter); // it may accept again
        status = BROOD_OK;
    }
    if (a->count)
        brd_os_waiter_ring(a->bell);
    brd_os_mutex_unlock(&a->lock);
    return status;
}

brd_handle brd_acceptor_handle(brd_acceptor *a)
{
    return brd_os_waiter_bell(a->bell);
}

static void end_thread(brd_acceptor *a)
{
    if (!a->thread.running)
        return;
    brd_os_mutex_lock(&a->lock);
    a->quit = true;
    brd_os_waiter_ring(a->waiter);
    brd_os_mutex_unlock(&a->lock);
    brd_os_thread_join(&a->thread);
}

void brd_acceptor_close(brd_acceptor **acceptor)
{
    brd_acceptor *a = *acceptor;
    *acceptor = NULL;
    if (!a)
        return;
    end_thread(a);
    if (a->name && a->watches_name)
        (void)brd_os_waiter_name(a->waiter, a->name, false, &a->name);
    brd_os_name_close(&a->name);
    for (peer *p = a->peers; p < a->peers + PLACES; p++)
        if (is_here(p))
            drop(a, p);
    for (; a->count; a->count--, a->first = (a->first + 1) % a->room)
        brd_os_chan_close(&a->queue[a->first].chan);
    brd_os_waiter_close(&a->waiter);
    brd_os_waiter_close(&a->bell);
    if (a->queue)
        brd_os_wipe(a->queue, a->room * sizeof *a->queue);
    free(a->queue);
    brd_os_cond_clear(&a->changed);
    brd_os_mutex_clear(&a->lock);
    free(a);
}
