/*
 * Crowds before a listener: more peers than it has places, who all begin well and then let
 * it wait, each kind in its own way, and who come again when they are hung up on. Honest
 * clients get in all the same, within a second each. The one thing to know: the crowd is
 * played by the thread of the test, between two honest clients, so it moves on only when
 * the test says so.
 */
#include <apr_network_io.h>
#include <apr_portable.h>

#include "fault/callers.h" // after the system's header files, which APR's include: its LONG

enum { PLACES = 64, CROWD = 150, SMALL_CROWD = 70, ROUNDS = 3, DEAF_TRIES = 8 };

/** One of a crowd. */
typedef struct stranger {
    brd_chan *chan;
    unsigned char heard[BRD_ANSWER_SIZE];
    size_t size; /* of what it has heard */
} stranger;

/** A kind of crowd. */
typedef struct manner {
    const transcript *recording; /* what somebody else said; NULL: a hello of its own */
    void (*speak)(const stranger *s, const transcript *recording);
} manner;

static bool has_time(void)
{
    return test_ms(1) < 10;
}

// Twice as many as there are places and more; or a few more.
static int crowd_size(void)
{
    return has_time() ? CROWD : SMALL_CROWD;
}

/** Somebody who dials from another address of this machine, if it has one. */
static brd_chan *dial_from(const place *p, const char *source)
{
    apr_pool_t *pool = NULL;
    apr_sockaddr_t *from = NULL, *to = NULL;
    apr_socket_t *s = NULL;
    apr_os_sock_t os;
    brd_address a;
    brd_chan *chan = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_address_parse(&a, place_address(p)), 0);
    CU_ASSERT_EQUAL_FATAL(apr_pool_create_unmanaged_ex(&pool, NULL, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(apr_sockaddr_info_get(&from, source, APR_INET, 0, 0, pool), 0);
    CU_ASSERT_EQUAL_FATAL(apr_sockaddr_info_get(&to, a.text, APR_INET, a.port, 0, pool), 0);
    CU_ASSERT_EQUAL_FATAL(apr_socket_create(&s, APR_INET, SOCK_STREAM, APR_PROTO_TCP, pool), 0);
    if (apr_socket_bind(s, from) == APR_SUCCESS && apr_socket_connect(s, to) == APR_SUCCESS &&
        apr_os_sock_get(&os, s) == APR_SUCCESS &&
        brd_os_chan_adopt(&chan, (brd_handle){(intptr_t)os}) == 0) {
        apr_os_sock_t none = (apr_os_sock_t)-1;
        (void)apr_os_sock_put(&s, &none, pool);
    } else {
        (void)apr_socket_close(s);
    }
    apr_pool_destroy(pool);
    return chan;
}

/* ----------------------------------------------------------------------- crowds */

static void come(const place *p, stranger *s, const manner *how)
{
    transcript t;
    *s = (stranger){.chan = dial(p, NULL)};
    if (!how->recording) {
        write_hello(s->chan, &t);
    } else {
        CU_ASSERT_EQUAL(test_write_all(s->chan, how->recording->hello, BRD_HELLO_SIZE), 0);
    }
}

// Says and hears what it can, without waiting, and comes again if it was hung up on.
static void move_on(const place *p, stranger *s, const manner *how)
{
    int status = BROOD_OK;
    while (!status && s->size < sizeof s->heard) {
        size_t got = 0;
        status = brd_os_chan_read(s->chan, s->heard + s->size, sizeof s->heard - s->size, &got);
        s->size += status ? 0 : got;
    }
    if (!status) {
        unsigned char more;
        size_t got;
        status = brd_os_chan_read(s->chan, &more, 1, &got);
        CU_ASSERT_NOT_EQUAL(status, BROOD_OK); // nobody of them is ever welcome
    }
    if (status == BROOD_EAGAIN) {
        how->speak(s, how->recording);
    } else {
        brd_os_chan_close(&s->chan);
        come(p, s, how);
    }
}

/** An honest client comes, and has to be in within a second. */
static bool gets_in(const place *p)
{
    ends e = {NULL, NULL};
    int status =
        brood_client_connect(&e.client, place_address(p), BROOD_CLIENT(KEY), test_ms(1000));
    if (!status)
        status = brood_listener_accept(p->listener, &e.server, LONG);
    bool good = !status && says(e.client, e.server, "here I am") && says(e.server, e.client, "in");
    part(&e);
    return good;
}

// Somebody of another address, who was there first and is slow, loses no place to the crowd.
static brd_chan *come_first(const place *p)
{
    transcript t;
    brd_chan *chan = p->tcp ? dial_from(p, "127.0.0.2") : NULL;
    if (chan) {
        write_hello(chan, &t);
        CU_ASSERT_EQUAL(test_read_all(chan, t.answer, sizeof t.answer), 0);
    }
    return chan;
}

static void crowd_before(const place *p, const manner *kinds, int nkinds)
{
    static stranger crowd[CROWD];
    int size = crowd_size();
    test_census_counts before, during;
    test_census(&before);
    brd_chan *first = come_first(p);
    for (int i = 0; i < size; i++)
        come(p, &crowd[i], &kinds[i % nkinds]);
    for (int round = 0; round < ROUNDS; round++) {
        CU_ASSERT(gets_in(p));
        for (int i = 0; i < size; i++)
            move_on(p, &crowd[i], &kinds[i % nkinds]);
    }
    test_census(&during);
    CU_ASSERT(during.threads - before.threads < 32); // what Windows waits with included
    CU_ASSERT(!first || is_silent(first));
    brd_os_chan_close(&first);
    for (int i = 0; i < size; i++)
        brd_os_chan_close(&crowd[i].chan);
    CU_ASSERT(gets_in(p));
    CU_ASSERT(nobody_passed(p));
}

static void beside_a_crowd(const manner *kinds, int nkinds)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        place p = place_open(tcp);
        crowd_before(&p, kinds, nkinds);
        brood_listener_destroy(p.listener);
    }
}

static void say_nothing(const stranger *s, const transcript *recording)
{
    (void)s;
    (void)recording;
}

static void say(const stranger *s, const void *bytes, size_t size)
{
    size_t moved;
    (void)brd_os_chan_write(s->chan, bytes, size, &moved); // the listener may have hung up
}

static void say_one_byte(const stranger *s, const transcript *recording)
{
    (void)recording;
    say(s, "?", 1);
}

static void say_what_it_heard(const stranger *s, const transcript *recording)
{
    (void)recording;
    if (s->size == sizeof s->heard)
        say(s, s->heard + BRD_HELLO_SIZE, BRD_PROOF_SIZE);
}

static void say_what_was_said(const stranger *s, const transcript *recording)
{
    if (s->size == sizeof s->heard)
        say(s, recording->proof, BRD_PROOF_SIZE);
}

// The first of those who take all places has to go while it still has a byte to say.
static void single_bytes_gain_no_time(void)
{
    static brd_chan *crowd[PLACES];
    place p = place_open(false);
    transcript t;
    size_t moved;
    int bytes = 0, status = BROOD_ETIMEDOUT;
    for (int i = 0; i < PLACES; i++) {
        crowd[i] = dial(&p, NULL);
        write_hello(crowd[i], &t);
        if (i == 0)
            CU_ASSERT_EQUAL(test_read_all(crowd[i], t.answer, sizeof t.answer), 0);
    }
    for (; bytes < BRD_PROOF_SIZE - 1 && status == BROOD_ETIMEDOUT; bytes++) {
        for (int i = 0; i < PLACES; i++)
            (void)brd_os_chan_write(crowd[i], "?", 1, &moved);
        status = brd_os_chan_wait(crowd[0], BRD_READ, test_deadline(12));
    }
    CU_ASSERT_EQUAL(status, BROOD_OK);
    CU_ASSERT(is_hung_up(crowd[0]));
    for (int i = 0; i < PLACES; i++)
        brd_os_chan_close(&crowd[i]);
    brood_listener_destroy(p.listener);
}

// What an honest client said to another listener that has the same key.
static void record(transcript *t)
{
    brd_seal seal;
    brood_pipe *pipe = NULL;
    place p = place_open(true);
    brd_chan *chan = pass(&p, t, &seal);
    ASSERT_OK(brood_listener_accept(p.listener, &pipe, LONG));
    brood_pipe_destroy(pipe);
    brd_os_chan_close(&chan);
    brood_listener_destroy(p.listener);
}

// All kinds at once, and where there is time for it each by itself. One test: after many
// waits the thread pool of Windows needs five seconds until all is as it was.
static void crowds_keep_nobody_out(void)
{
    transcript t;
    record(&t);
    const manner kinds[] = {{NULL, say_nothing},
                            {NULL, say_one_byte},
                            {NULL, say_what_it_heard},
                            {&t, say_what_was_said}};
    const int nkinds = sizeof kinds / sizeof *kinds;
    beside_a_crowd(kinds, nkinds);
    for (int i = 0; i < nkinds && has_time(); i++)
        beside_a_crowd(&kinds[i], 1);
}

/* -------------------------------------------------------------- who is hung up on */

/** A client in a thread, and the name of a listener that is played here. */
typedef struct caller {
    brd_thread thread;
    brd_name *name;
    brd_endpoint endpoint;
    char address[BRD_ADDRESS_SIZE];
    int64_t timeout;
    brood_pipe *pipe;
    int status;
} caller;

static void call(void *baton)
{
    caller *c = baton;
    c->status = brood_client_connect(&c->pipe, c->address, BROOD_CLIENT(KEY), c->timeout);
}

static void caller_start(caller *c, int64_t timeout)
{
    brd_address a = {.family = BRD_FAMILY_NAME};
    *c = (caller){.timeout = timeout};
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(a.text, sizeof a.text), 0);
    CU_ASSERT_EQUAL_FATAL(brd_endpoint_of_local(&c->endpoint, a.text), 0);
    CU_ASSERT_EQUAL_FATAL(brd_address_print(&a, c->address, sizeof c->address), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&c->name, a.text), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&c->thread, call, c), 0);
}

static void caller_end(caller *c)
{
    brd_os_name_close(&c->name);
    brood_pipe_destroy(c->pipe);
}

// Hears a message and says the next one, as the right listener.
static void answer(brd_handshake *h, brd_chan *chan)
{
    unsigned char *room;
    const unsigned char *words;
    size_t size = brd_handshake_room(h, &room);
    CU_ASSERT_EQUAL(test_read_all(chan, room, size), 0);
    CU_ASSERT_EQUAL(brd_handshake_took(h, size), 0);
    size = brd_handshake_words(h, &words);
    CU_ASSERT_EQUAL(test_write_all(chan, words, size), 0);
    brd_handshake_sent(h, size);
}

// The listener that hangs up after so many messages of its client, or lets it in after two.
static brd_chan *play_listener(caller *c, int messages)
{
    static const uint8_t nonce[BRD_NONCE_SIZE] = "not very random";
    const brd_secret secret = {{the_key, sizeof the_key - 1},
                               {c->endpoint.bytes, c->endpoint.size}};
    brd_handshake h;
    brd_chan *chan = wait_for_client(c->name);
    brd_handshake_begin(&h, BRD_SERVER, &secret, nonce);
    for (int i = 0; i < messages; i++)
        answer(&h, chan);
    if (messages < 2)
        brd_os_chan_close(&chan);
    brd_handshake_end(&h);
    return chan;
}

// Also when its proof was under way: it is not in before it was told.
static void who_was_answered_comes_again(void)
{
    caller c;
    caller_start(&c, LONG);
    for (int i = 0; i < DEAF_TRIES + 1; i++)
        CU_ASSERT_PTR_NULL(play_listener(&c, 1));
    brd_chan *chan = play_listener(&c, 2);
    brd_os_thread_join(&c.thread);
    CU_ASSERT_EQUAL(c.status, BROOD_OK);
    CU_ASSERT_EQUAL(test_write_all(chan, "", 1), 0);
    brd_os_chan_close(&chan);
    caller_end(&c);
}

static void who_hears_no_word_gives_up(void)
{
    caller c;
    caller_start(&c, LONG);
    for (int i = 0; i < DEAF_TRIES; i++)
        CU_ASSERT_PTR_NULL(play_listener(&c, 0));
    brd_os_thread_join(&c.thread); // and does not wait for a ninth
    CU_ASSERT_EQUAL(c.status, BROOD_ECLOSED);
    caller_end(&c);
}

static void without_a_listener_nobody_waits(void)
{
    caller c;
    caller_start(&c, LONG);
    CU_ASSERT_PTR_NULL(play_listener(&c, 1));
    brd_os_name_close(&c.name);
    brd_os_thread_join(&c.thread);
    CU_ASSERT_EQUAL(c.status, BROOD_ECLOSED);
    caller_end(&c);
}

static const test_case cases[] = {
    TEST_CASE(crowds_keep_nobody_out),          TEST_CASE(single_bytes_gain_no_time),
    TEST_CASE(who_was_answered_comes_again),    TEST_CASE(who_hears_no_word_gives_up),
    TEST_CASE(without_a_listener_nobody_waits), {0},
};

int main(int argc, char **argv)
{
    test_warm_up = places_warm_up;
    return test_main(argc, argv, "crowd", cases);
}
