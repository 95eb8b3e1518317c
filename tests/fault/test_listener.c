/*
 * Listeners among peers that are silent, slow, wrong, hostile or gone: whoever is honest is
 * served meanwhile, and nobody else is ever accepted. Every scene is played over a local
 * name and over TCP. The one thing to know: the peers are played here, byte by byte, so
 * that a scene has no race but the one that it is about.
 */
#include "fault/callers.h"
#include "ipc/acceptor.h"

enum { MANY = 300, PLACES = 64 };

/** Plays a scene in both families. */
static void play(void (*scene)(const place *))
{
    for (int tcp = 0; tcp < 2; tcp++) {
        place p = place_open(tcp);
        scene(&p);
        CU_ASSERT(nobody_passed(&p));
        serves_the_honest(&p);
        brood_listener_destroy(p.listener);
    }
}

/* ---------------------------------------------------------------- silent, slow */

// As many as promised; under Wine and sanitizers enough of them to fill all places twice.
static int many(void)
{
    return test_ms(1) < 10 ? MANY : 2 * PLACES + 2;
}

// Who has been silent longest goes first, and one place is left for whoever comes next: so
// it is known who of them is still there.
static void among_many(const place *p)
{
    static brd_chan *silent[MANY];
    test_census_counts before, during;
    int count = many(), gone = count - (PLACES - 1);
    test_census(&before);
    for (int i = 0; i < count; i++)
        silent[i] = dial(p, NULL);
    for (int i = 0; i < gone; i++)
        CU_ASSERT(is_hung_up(silent[i]));
    for (int i = gone; i < count; i++)
        CU_ASSERT(is_silent(silent[i]));
    test_census(&during);
    CU_ASSERT(during.threads - before.threads < 32); // what Windows needs for waiting included
    serves_the_honest(p);
    CU_ASSERT(is_silent(silent[count - 1]));
    for (int i = 0; i < count; i++)
        brd_os_chan_close(&silent[i]);
}

static void silent_peers_keep_nobody_waiting(void)
{
    play(among_many);
}

static void beside_the_slow(const place *p)
{
    brd_chan *slow[5];
    transcript t;
    for (int i = 0; i < 5; i++)
        slow[i] = dial(p, NULL);
    write_hello(slow[0], &t);
    CU_ASSERT_EQUAL(test_read_all(slow[0], t.answer, sizeof t.answer), 0);
    for (size_t at = 0; at < BRD_HELLO_SIZE; at++) {
        for (int i = 1; i < 5; i++)
            CU_ASSERT_EQUAL(test_write_all(slow[i], t.hello + at, 1), 0);
        if (at % 13 == 0)
            serves_the_honest(p);
    }
    for (int i = 1; i < 5; i++)
        CU_ASSERT_EQUAL(test_read_all(slow[i], t.answer, sizeof t.answer), 0);
    for (size_t at = 0; at < BRD_PROOF_SIZE - 1; at++)
        for (int i = 0; i < 5; i++)
            CU_ASSERT_EQUAL(test_write_all(slow[i], "?", 1), 0);
    serves_the_honest(p);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT(is_silent(slow[i]));
        brd_os_chan_close(&slow[i]);
    }
}

static void slow_peers_keep_nobody_waiting(void)
{
    play(beside_the_slow);
}

/* ---------------------------------------------------------------- wrong, hostile */

static void beside_garbage(const place *p)
{
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: somebody\r\n\r\n",
        "\026\003\001\002\000\001\000\001\374\003\003........................................",
        "brood\n\002C................................",
        "brood\n\001S................................"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        brd_chan *chan = dial(p, NULL);
        CU_ASSERT_EQUAL(test_write_all(chan, texts[i], BRD_HELLO_SIZE), 0);
        CU_ASSERT(is_hung_up(chan)); // and not a byte before
        brd_os_chan_close(&chan);
    }
}

static void garbage_gets_no_answer(void)
{
    play(beside_garbage);
}

/** What a peer without the key can try for a proof. */
static void try_proof(const place *p, const unsigned char *proof, bool reflected)
{
    transcript t;
    brd_chan *chan = dial(p, NULL);
    write_hello(chan, &t);
    CU_ASSERT_EQUAL(test_read_all(chan, t.answer, sizeof t.answer), 0);
    CU_ASSERT_EQUAL(
        test_write_all(chan, reflected ? t.answer + BRD_HELLO_SIZE : proof, BRD_PROOF_SIZE), 0);
    CU_ASSERT(is_hung_up(chan));
    brd_os_chan_close(&chan);
}

static void beside_those_without_key(const place *p)
{
    static const unsigned char zeros[BRD_PROOF_SIZE];
    static const char wrong[] = "another key, as long as that one";
    brood_pipe *pipe = NULL;
    CU_ASSERT_EQUAL(brood_client_connect(&pipe, place_address(p),
                                         BROOD_CLIENT(.key = wrong, .key_size = 32), LONG),
                    BROOD_EAUTH);
    if (!p->tcp)
        CU_ASSERT_EQUAL(brood_client_connect(&pipe, place_address(p), NULL, LONG), BROOD_EAUTH);
    CU_ASSERT_PTR_NULL(pipe);
    try_proof(p, zeros, false);
    try_proof(p, NULL, true);
}

static void who_has_no_key_does_not_pass(void)
{
    play(beside_those_without_key);
}

static void beside_a_recording(const place *p)
{
    transcript t, again;
    brd_seal seal;
    brood_pipe *pipe = NULL;
    brd_chan *chan = pass(p, &t, &seal);
    ASSERT_OK(brood_listener_accept(p->listener, &pipe, LONG));
    brood_pipe_destroy(pipe);
    brd_os_chan_close(&chan);
    // Word for word once more, as somebody who listened in could.
    chan = dial(p, NULL);
    CU_ASSERT_EQUAL(test_write_all(chan, t.hello, sizeof t.hello), 0);
    CU_ASSERT_EQUAL(test_read_all(chan, again.answer, sizeof again.answer), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(t.answer, again.answer, sizeof t.answer), 0);
    CU_ASSERT_EQUAL(test_write_all(chan, t.proof, sizeof t.proof), 0);
    CU_ASSERT(is_hung_up(chan));
    brd_os_chan_close(&chan);
    try_proof(p, t.proof, false);
}

static void a_recording_does_not_pass(void)
{
    play(beside_a_recording);
}

/* -------------------------------------------------------------------------- gone */

static void beside_those_who_go(const place *p)
{
    transcript t;
    for (int i = 0; i < 12; i++) {
        brd_chan *chan = dial(p, NULL);
        if (i % 4 == 1)
            CU_ASSERT_EQUAL(test_write_all(chan, "brood", 5), 0);
        if (i % 4 > 1)
            write_hello(chan, &t);
        if (i % 4 == 3) // what it does not read makes its end a reset
            CU_ASSERT_EQUAL(brd_os_chan_wait(chan, BRD_READ, test_deadline(20000)), 0);
        brd_os_chan_close(&chan);
        if (i % 4 == 3)
            serves_the_honest(p);
    }
}

static void a_reset_is_no_failure_of_accept(void)
{
    play(beside_those_who_go);
}

// Who has passed and goes before he is accepted was a client like others.
static void a_client_that_went_is_at_its_end(void)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        place p = place_open(tcp);
        brood_pipe *client = NULL, *server = NULL;
        char got[8];
        size_t size = 0;
        ASSERT_OK(brood_client_connect(&client, place_address(&p), BROOD_CLIENT(KEY), LONG));
        ASSERT_OK(brood_pipe_send_bytes(client, "bye", 3, LONG));
        brood_pipe_destroy(client);
        ASSERT_OK(brood_listener_accept(p.listener, &server, LONG));
        ASSERT_OK(brood_pipe_recv_bytes(server, got, sizeof got, &size, LONG));
        CU_ASSERT_EQUAL(size, 3);
        CU_ASSERT_EQUAL(brood_pipe_recv_bytes(server, got, sizeof got, &size, LONG), BROOD_ECLOSED);
        brood_pipe_destroy(server);
        brood_listener_destroy(p.listener);
    }
}

/* -------------------------------------------------------- with the key, and bad */

static void beside_who_announces_too_much(const place *p)
{
    static const unsigned char heads[][16] = {
        {'B', 'R', 'P', '1', [15] = 0x40},          // 2^62 bytes
        {'B', 'R', 'P', '1', [8] = 1, [11] = 4},    // 64 MiB and one
        {'B', 'R', 'P', '1', [4] = 1, [8] = 8},     // a handle
        {'B', 'R', 'P', '1', [4] = 255, [5] = 255}, // many
        {'G', 'E', 'T', ' ', '/'}};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        transcript t;
        brd_seal seal;
        brood_pipe *pipe = NULL;
        brood_message message = BROOD_MESSAGE_INIT;
        brd_chan *chan = pass(p, &t, &seal);
        ASSERT_OK(brood_listener_accept(p->listener, &pipe, LONG));
        CU_ASSERT_EQUAL(test_write_all(chan, heads[i], sizeof heads[i]), 0);
        CU_ASSERT_EQUAL(brood_pipe_recv(pipe, &message, LONG), BROOD_EPROTOCOL);
        CU_ASSERT_EQUAL(brood_pipe_recv(pipe, &message, LONG), BROOD_EPROTOCOL);
        brood_pipe_destroy(pipe);
        brd_os_chan_close(&chan);
    }
}

static void what_is_announced_is_not_believed(void)
{
    play(beside_who_announces_too_much);
}

static void beside_who_never_reads(const place *p)
{
    static char block[1 << 20];
    ends e = meet(p);
    int status = BROOD_OK;
    for (int i = 0; i < 64 && !status; i++)
        status = brood_pipe_send_bytes(e.server, block, sizeof block, 20);
    CU_ASSERT(status == BROOD_EBROKEN || status == BROOD_ETIMEDOUT);
    serves_the_honest(p);
    part(&e);
}

static void who_never_reads_keeps_nobody_waiting(void)
{
    play(beside_who_never_reads);
}

/* ------------------------------------------------------------------------- limits */

static void more_clients_than_are_accepted(void)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        brood_pipe *clients[PLACES + 8] = {0}, *server = NULL;
        place p = {.tcp = tcp};
        int came = 0, status = BROOD_OK;
        ASSERT_OK(brood_listener_create(&p.listener, tcp ? "tcp:" : NULL,
                                        BROOD_LISTENER(KEY, .backlog = 2)));
        // Those who are in their handshake when two have passed may pass too.
        while (came < PLACES + 8 && !status) {
            status = brood_client_connect(&clients[came], place_address(&p), BROOD_CLIENT(KEY),
                                          came < 2 ? LONG : test_ms(50));
            came += !status;
        }
        CU_ASSERT_EQUAL(status, BROOD_ETIMEDOUT);
        CU_ASSERT(came >= 2 && came <= PLACES + 2);
        for (int i = 0; i < came; i++) {
            ASSERT_OK(brood_listener_accept(p.listener, &server, LONG));
            CU_ASSERT(says(clients[i], server, "in turn"));
            brood_pipe_destroy(server);
            brood_pipe_destroy(clients[i]);
        }
        serves_the_honest(&p);
        brood_listener_destroy(p.listener);
    }
}

/** An acceptor of its own, with less patience. */
static void a_handshake_has_its_time(void)
{
    brd_acceptor_terms terms = {.key = {the_key, sizeof the_key - 1}, .backlog = 1, .patience = 30};
    brd_acceptor *acceptor = NULL;
    brd_accepted one;
    brd_name *name = NULL;
    brd_chan *mute = NULL, *half = NULL;
    char local[BRD_LOCAL_SIZE];
    transcript t;
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(local, sizeof local), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&name, local), 0);
    CU_ASSERT_EQUAL_FATAL(brd_acceptor_open(&acceptor, name, &terms), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_connect(&mute, local, test_deadline(20000)), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_connect(&half, local, test_deadline(20000)), 0);
    write_hello(half, &t);
    CU_ASSERT(is_hung_up(mute));
    // Whether its answer came in time or not, it ends.
    (void)brd_os_chan_wait(half, BRD_READ, test_deadline(20000));
    int status = BROOD_OK;
    while (!status) {
        size_t got;
        status = brd_os_chan_read(half, t.answer, sizeof t.answer, &got);
        if (status == BROOD_EAGAIN)
            status = brd_os_chan_wait(half, BRD_READ, test_deadline(20000));
    }
    CU_ASSERT_EQUAL(status, BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brd_acceptor_take(acceptor, &one, 0), BROOD_ETIMEDOUT);
    brd_os_chan_close(&mute);
    brd_os_chan_close(&half);
    brd_acceptor_close(&acceptor);
}

/** Threads that all connect at once. */
typedef struct crowd {
    const place *place;
    _Atomic int passed;
    _Atomic bool go;
} crowd;

static void connect_one(void *baton)
{
    crowd *c = baton;
    brood_pipe *pipe = NULL;
    char got[8];
    size_t size = 0;
    while (!atomic_load(&c->go))
        brd_os_yield();
    if (brood_client_connect(&pipe, place_address(c->place), BROOD_CLIENT(KEY), LONG) == BROOD_OK &&
        brood_pipe_recv_bytes(pipe, got, sizeof got, &size, LONG) == BROOD_OK)
        atomic_fetch_add(&c->passed, 1);
    brood_pipe_destroy(pipe);
}

// More than one address may have at once, but all of them honest.
static void a_crowd_of_honest_ones_passes(void)
{
    enum { CROWD = 60 };
    for (int tcp = 0; tcp < 2; tcp++) {
        place p = place_open(tcp);
        crowd c = {.place = &p};
        brd_thread threads[CROWD] = {0};
        for (int i = 0; i < CROWD; i++)
            CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], connect_one, &c), 0);
        atomic_store(&c.go, true);
        for (int i = 0; i < CROWD; i++) {
            brood_pipe *server = NULL;
            ASSERT_OK(brood_listener_accept(p.listener, &server, LONG));
            ASSERT_OK(brood_pipe_send_bytes(server, "welcome", 7, LONG));
            brood_pipe_destroy(server);
        }
        for (int i = 0; i < CROWD; i++)
            brd_os_thread_join(&threads[i]);
        CU_ASSERT_EQUAL(atomic_load(&c.passed), CROWD);
        brood_listener_destroy(p.listener);
    }
}

/* ------------------------------------------------------------------------- endings */

// In whatever state its peers are, a listener ends, and they notice.
static void a_listener_ends_among_peers(void)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        place p = place_open(tcp);
        transcript t;
        brood_pipe *passed = NULL;
        brood_message message = BROOD_MESSAGE_INIT;
        brd_chan *mute = dial(&p, NULL), *half = dial(&p, NULL), *answered = dial(&p, NULL);
        ASSERT_OK(brood_client_connect(&passed, place_address(&p), BROOD_CLIENT(KEY), LONG));
        CU_ASSERT_EQUAL(test_write_all(half, "bro", 3), 0);
        write_hello(answered, &t);
        CU_ASSERT_EQUAL(test_read_all(answered, t.answer, sizeof t.answer), 0);
        brood_listener_destroy(p.listener);
        CU_ASSERT(is_hung_up(mute));
        CU_ASSERT(is_hung_up(half));
        CU_ASSERT(is_hung_up(answered));
        CU_ASSERT_EQUAL(brood_pipe_recv(passed, &message, LONG), BROOD_ECLOSED);
        brood_pipe_destroy(passed);
        brd_os_chan_close(&mute);
        brd_os_chan_close(&half);
        brd_os_chan_close(&answered);
    }
}

static const test_case cases[] = {
    TEST_CASE(silent_peers_keep_nobody_waiting),
    TEST_CASE(slow_peers_keep_nobody_waiting),
    TEST_CASE(garbage_gets_no_answer),
    TEST_CASE(who_has_no_key_does_not_pass),
    TEST_CASE(a_recording_does_not_pass),
    TEST_CASE(a_reset_is_no_failure_of_accept),
    TEST_CASE(a_client_that_went_is_at_its_end),
    TEST_CASE(what_is_announced_is_not_believed),
    TEST_CASE(who_never_reads_keeps_nobody_waiting),
    TEST_CASE(more_clients_than_are_accepted),
    TEST_CASE(a_handshake_has_its_time),
    TEST_CASE(a_crowd_of_honest_ones_passes),
    TEST_CASE(a_listener_ends_among_peers),
    {0},
};

int main(int argc, char **argv)
{
    test_warm_up = places_warm_up;
    return test_main(argc, argv, "listener", cases);
}
