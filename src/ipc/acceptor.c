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
    MOST_PEERS = 64,
    MOST_OF_SOURCE = 8,          /* who talk */
    MOST_WAITING_OF_SOURCE = 32, /* who would; more than that may try again later */
    PATIENCE_MS = 10000,         /* for a whole handshake, unless it is told */
    YOUNG_MS = 1000,             /* so long one who talks is not dropped for another */
    MUTE_MS = 50,                /* so long more than their share of a source may say nothing */
    RETRY_MS = 100,              /* after the system could not accept */
    AT_ONCE = 4,                 /* taken in between two looks at those who are here */
    EVENTS = 32
};

/** One who has not passed yet. */
typedef struct peer {
    brd_chan *chan; /* NULL: nobody is here */
    brd_peer who;
    brd_time came;
    uint64_t number; /* in the order in which they came */
    bool talks;      /* it has begun to, and is listened to */
    bool waits;      /* it would, but as many of its source talk as may */
    unsigned want;   /* what the waiter watches the channel for */
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
    uint64_t last_number;
    peer peers[MOST_PEERS];

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

static bool is_silent(const peer *p)
{
    return p->handshake.state == BRD_SHAKING_HELLO;
}

static bool is_mute(const peer *p)
{
    return is_here(p) && !p->talks && !p->waits;
}

static bool is_older(const peer *p, brd_time now, int64_t ms)
{
    return now - p->came >= ms * BRD_MS;
}

// May it go so that another can come? One that has not said all of its hello, at once.
static bool can_go(const peer *p, brd_time now)
{
    return is_here(p) && ((is_silent(p) && !p->waits) || is_older(p, now, YOUNG_MS));
}

static bool same_source(const peer *p, const brd_peer *who)
{
    return memcmp(p->who.source, who->source, sizeof who->source) == 0;
}

static peer *empty_place(brd_acceptor *a)
{
    for (size_t i = 0; i < MOST_PEERS; i++)
        if (!is_here(&a->peers[i]))
            return &a->peers[i];
    return NULL;
}

// The oldest who can go; of those who talk and come from there, if `source`.
static peer *oldest(brd_acceptor *a, const brd_peer *source)
{
    brd_time now = brd_os_now();
    peer *found = NULL;
    for (peer *p = a->peers; p < a->peers + MOST_PEERS; p++)
        if (can_go(p, now) && (!source || (p->talks && same_source(p, source))) &&
            (!found || p->number < found->number))
            found = p;
    return found;
}

static peer *first_waiting(brd_acceptor *a, uint64_t after)
{
    peer *found = NULL;
    for (peer *p = a->peers; p < a->peers + MOST_PEERS; p++)
        if (is_here(p) && p->waits && p->number > after && (!found || p->number < found->number))
            found = p;
    return found;
}

static size_t count_talking(const brd_acceptor *a, const brd_peer *who)
{
    size_t count = 0;
    for (const peer *p = a->peers; p < a->peers + MOST_PEERS; p++)
        count += is_here(p) && p->talks && same_source(p, who);
    return count;
}

static size_t count_waiting(const brd_acceptor *a, const brd_peer *who)
{
    size_t count = 0;
    for (const peer *p = a->peers; p < a->peers + MOST_PEERS; p++)
        count += is_here(p) && p->waits && same_source(p, who);
    return count;
}

// Whether it says nothing, and so many younger ones of its source that it is one too many.
static bool is_surplus(const brd_acceptor *a, const peer *mute)
{
    size_t younger = 0;
    if (!a->terms.per_source || !is_mute(mute))
        return false;
    for (const peer *p = a->peers; p < a->peers + MOST_PEERS; p++)
        younger += is_mute(p) && p->number > mute->number && same_source(p, &mute->who);
    return younger >= MOST_OF_SOURCE;
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

// It has something to say: may it? One more of its source may have to go for that.
static bool may_talk(brd_acceptor *a, peer *p)
{
    if (!p->talks && a->terms.per_source && count_talking(a, &p->who) >= MOST_OF_SOURCE) {
        peer *other = oldest(a, &p->who);
        if (!other)
            return false;
        drop(a, other);
    }
    p->talks = true;
    p->waits = false;
    return true;
}

static void greet(brd_acceptor *a, peer *p, brd_chan *chan, const brd_peer *who)
{
    uint8_t nonce[BRD_NONCE_SIZE];
    *p = (peer){.chan = chan,
                .who = *who,
                .came = brd_os_now(),
                .number = ++a->last_number,
                .endpoint = a->terms.endpoint};
    if (!p->endpoint.size)
        brd_endpoint_of_tcp(&p->endpoint, who->here);
    const brd_secret secret = {a->terms.key, {p->endpoint.bytes, p->endpoint.size}};
    if (apr_generate_random_bytes(nonce, sizeof nonce) != APR_SUCCESS) {
        drop(a, p);
        return;
    }
    brd_handshake_begin(&p->handshake, BRD_SERVER, &secret, nonce);
    if (watch(a, p, BRD_READ))
        drop(a, p);
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
        peer *place = empty_place(a);
        peer *other = place ? NULL : oldest(a, NULL);
        if (!place && !other)
            return;
        int status = brd_os_name_accept(a->name, &chan, &who);
        if (status) {
            if (status != BROOD_EAGAIN)
                a->retry_at = brd_os_now() + RETRY_MS * BRD_MS;
            return;
        }
        if (other)
            drop(a, other);
        greet(a, place ? place : other, chan, &who);
    }
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
    if (!may_talk(a, p)) {
        // One source never has all the places: its clients come again.
        bool place = p->waits || count_waiting(a, &p->who) < MOST_WAITING_OF_SOURCE;
        p->waits = true;
        if (!place || watch(a, p, 0))
            drop(a, p);
        return;
    }
    int status = converse(p);
    if (status == BROOD_EAGAIN)
        status = watch(a, p, brd_handshake_words(&p->handshake, &words) ? BRD_WRITE : BRD_READ);
    if (status)
        drop(a, p);
    else if (p->handshake.state == BRD_SHAKING_DONE)
        pass(a, p);
}

static void attend_waiting(brd_acceptor *a)
{
    uint64_t last = 0;
    for (peer *p; (p = first_waiting(a, last));) {
        last = p->number;
        attend(a, p);
    }
}

static void drop_late(brd_acceptor *a)
{
    brd_time now = brd_os_now();
    for (peer *p = a->peers; p < a->peers + MOST_PEERS; p++)
        if (is_here(p) && (is_older(p, now, a->terms.patience) ||
                           (is_older(p, now, MUTE_MS) && is_surplus(a, p))))
            drop(a, p);
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

// When the peer is due for something that no event tells of.
static brd_time due(const brd_acceptor *a, const peer *p, brd_time now, bool crowded)
{
    brd_time grown = p->came + YOUNG_MS * BRD_MS;
    if (is_surplus(a, p))
        return p->came + MUTE_MS * BRD_MS;
    return crowded && grown > now ? grown : p->came + a->terms.patience * BRD_MS;
}

static brd_time next_time(brd_acceptor *a)
{
    brd_time now = brd_os_now(), next = BRD_FOREVER;
    bool crowded = first_waiting(a, 0) || !empty_place(a);
    for (const peer *p = a->peers; p < a->peers + MOST_PEERS; p++) {
        brd_time then = is_here(p) ? due(a, p, now, crowded) : BRD_FOREVER;
        next = then < next ? then : next;
    }
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
        watch_name(a, !full && brd_os_now() >= a->retry_at && (empty_place(a) || oldest(a, NULL)));
        int status = brd_os_waiter_wait(a->waiter, next_time(a), events, EVENTS, &count);
        if (status && status != BROOD_ETIMEDOUT)
            rest(a);
        for (size_t i = 0; i < count; i++) {
            if (events[i].tag == &a->name)
                came = true;
            else if (events[i].tag && is_here(events[i].tag)) // not dropped for another just now
                attend(a, events[i].tag);
        }
        drop_late(a);
        if (came)
            take_in(a); // last: until here no event is about somebody else in the same place
        attend_waiting(a);
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
    a->room = a->terms.backlog + MOST_PEERS; // who is here when it is full can still pass
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
    for (peer *p = a->peers; p < a->peers + MOST_PEERS; p++)
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
