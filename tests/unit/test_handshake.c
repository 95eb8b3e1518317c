/*
 * The handshake, both sides played here, and every wrong step of a peer that this machine
 * knows. The one thing to know: bytes go from one side to the other only through `carry`,
 * so that a test can keep, change, cut or replay them.
 */
#include "harness.h"
#include "ipc/handshake.h"

#include <string.h>

static const uint8_t key[32] = "sixteen bytes or more of secret";
static const uint8_t other_key[32] = "sixteen bytes or more of secreT";

#define SPAN(array)                                                                                \
    {                                                                                              \
        (array), sizeof(array)                                                                     \
    }

static const brd_secret secret = {SPAN(key), {"here", 4}};

static void begin(brd_handshake *h, brd_side side, const brd_secret *s, uint8_t seed)
{
    uint8_t nonce[BRD_NONCE_SIZE];
    for (size_t i = 0; i < sizeof nonce; i++)
        nonce[i] = (uint8_t)(seed + i);
    brd_handshake_begin(h, side, s, nonce);
}

/** Takes what a side says next, at most so many bytes at a time. Returns how many. */
static size_t say(brd_handshake *h, unsigned char *to, size_t step)
{
    const unsigned char *words;
    size_t all = 0, size;
    brd_shaking state = h->state;
    while (h->state == state && (size = brd_handshake_words(h, &words)) != 0) {
        size = size < step ? size : step;
        memcpy(to + all, words, size);
        brd_handshake_sent(h, size);
        all += size;
    }
    return all;
}

/** Lets a side hear this, at most so many bytes at a time; what is not its to hear is left. */
static int hear(brd_handshake *h, const unsigned char *bytes, size_t size, size_t step)
{
    int status = 0;
    unsigned char *room;
    size_t fits;
    while (!status && size && (fits = brd_handshake_room(h, &room)) != 0) {
        fits = fits < step ? fits : step;
        fits = fits < size ? fits : size;
        memcpy(room, bytes, fits);
        status = brd_handshake_took(h, fits);
        bytes += fits;
        size -= fits;
    }
    return status;
}

static int carry(brd_handshake *from, brd_handshake *to, size_t step)
{
    unsigned char bytes[BRD_ANSWER_SIZE];
    size_t size = say(from, bytes, step);
    return hear(to, bytes, size, step);
}

/** The whole of it. The status of whoever noticed first. */
static int meet(brd_handshake *client, brd_handshake *server, size_t step)
{
    int status = carry(client, server, step);
    if (!status)
        status = carry(server, client, step);
    if (!status)
        status = carry(client, server, step);
    if (!status)
        status = carry(server, client, step);
    return status;
}

static bool says_nothing(const brd_handshake *h)
{
    const unsigned char *words;
    return brd_handshake_words(h, &words) == 0;
}

static void ends(brd_handshake *h)
{
    unsigned char *room;
    brd_seal seal;
    CU_ASSERT_EQUAL(h->state, BRD_SHAKING_FAILED);
    CU_ASSERT(says_nothing(h));
    CU_ASSERT_EQUAL(brd_handshake_room(h, &room), 0);
    CU_ASSERT_EQUAL(brd_handshake_seal(h, &seal), BROOD_EINVAL);
    brd_handshake_end(h);
}

/* ------------------------------------------------------------------------ good */

static void both_sides_agree(void)
{
    const size_t steps[] = {1000, 1, 7};
    for (size_t i = 0; i < 3; i++) {
        brd_handshake client, server;
        brd_seal of_client, of_server;
        begin(&client, BRD_CLIENT, &secret, 1);
        begin(&server, BRD_SERVER, &secret, 2);
        CU_ASSERT(says_nothing(&server)); // who comes speaks first
        CU_ASSERT_EQUAL(meet(&client, &server, steps[i]), 0);
        CU_ASSERT_EQUAL(client.state, BRD_SHAKING_DONE);
        CU_ASSERT_EQUAL(server.state, BRD_SHAKING_DONE);
        CU_ASSERT_EQUAL(brd_handshake_seal(&client, &of_client), 0);
        CU_ASSERT_EQUAL(brd_handshake_seal(&server, &of_server), 0);
        CU_ASSERT_EQUAL(memcmp(&of_client.in, &of_server.out, sizeof of_client.in), 0);
        CU_ASSERT_EQUAL(memcmp(&of_client.out, &of_server.in, sizeof of_client.in), 0);
        CU_ASSERT_NOT_EQUAL(memcmp(of_client.out.key, of_client.in.key, BRD_TAG_SIZE), 0);
        brd_handshake_end(&client);
        brd_handshake_end(&server);
    }
}

static void agrees_without_a_key(void)
{
    const brd_secret open = {{NULL, 0}, {"here", 4}};
    brd_handshake client, server;
    begin(&client, BRD_CLIENT, &open, 1);
    begin(&server, BRD_SERVER, &open, 2);
    CU_ASSERT_EQUAL(meet(&client, &server, 1000), 0);
    CU_ASSERT_EQUAL(server.state, BRD_SHAKING_DONE);
}

static void never_takes_what_comes_after(void)
{
    brd_handshake client, server;
    unsigned char bytes[200] = {0};
    unsigned char *room;
    begin(&client, BRD_CLIENT, &secret, 1);
    begin(&server, BRD_SERVER, &secret, 2);
    CU_ASSERT_EQUAL(brd_handshake_room(&server, &room), BRD_HELLO_SIZE);
    CU_ASSERT_EQUAL(brd_handshake_took(&server, BRD_HELLO_SIZE + 1), BROOD_EINVAL);
    CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
    CU_ASSERT_EQUAL(brd_handshake_room(&server, &room), 0); // not before it has answered
    CU_ASSERT_EQUAL(brd_handshake_took(&server, 1), BROOD_EINVAL);
    CU_ASSERT_EQUAL(carry(&server, &client, 1000), 0);
    size_t size = say(&client, bytes, 1000);
    CU_ASSERT_EQUAL(size, BRD_PROOF_SIZE);
    CU_ASSERT_EQUAL(brd_handshake_room(&server, &room), BRD_PROOF_SIZE);
    CU_ASSERT_EQUAL(hear(&server, bytes, sizeof bytes, 1000), 0);
    CU_ASSERT_EQUAL(brd_handshake_room(&server, &room), 0);
    size = say(&server, bytes, 1000);
    CU_ASSERT_EQUAL(size, BRD_WELCOME_SIZE);
    CU_ASSERT_EQUAL(server.state, BRD_SHAKING_DONE);
    CU_ASSERT_EQUAL(brd_handshake_room(&server, &room), 0);
    CU_ASSERT_EQUAL(brd_handshake_room(&client, &room), BRD_WELCOME_SIZE);
    CU_ASSERT_EQUAL(hear(&client, bytes, sizeof bytes, 1000), 0);
    CU_ASSERT_EQUAL(client.state, BRD_SHAKING_DONE);
    CU_ASSERT_EQUAL(brd_handshake_room(&client, &room), 0);
}

/* ----------------------------------------------------------------------- wrong */

static void notices_another_secret(void)
{
    static const uint8_t nothing[32];
    static const brd_secret others[] = {{SPAN(other_key), {"here", 4}},
                                        {{key, 30}, {"here", 4}},
                                        {{NULL, 0}, {"here", 4}},
                                        {SPAN(nothing), {"here", 4}},
                                        {SPAN(key), {"there", 5}},
                                        {SPAN(key), {"her", 3}},
                                        {SPAN(key), {"", 0}}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        brd_handshake client, server;
        begin(&client, BRD_CLIENT, &secret, 1);
        begin(&server, BRD_SERVER, &others[i], 2);
        CU_ASSERT_EQUAL(meet(&client, &server, 1000), BROOD_EAUTH);
        ends(&client);
        // The client can be the one that does not mind.
        begin(&client, BRD_CLIENT, &others[i], 1);
        begin(&server, BRD_SERVER, &secret, 2);
        CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
        CU_ASSERT_EQUAL(carry(&server, &client, 1000), BROOD_EAUTH);
        ends(&client);
    }
}

// No key is not the same as one of zeros, or of nothing.
static void no_key_is_no_key_of_zeros(void)
{
    static const uint8_t zeros[32];
    const brd_secret open = {{NULL, 0}, {"here", 4}}, zero = {SPAN(zeros), {"here", 4}};
    brd_handshake client, server;
    begin(&client, BRD_CLIENT, &open, 1);
    begin(&server, BRD_SERVER, &zero, 2);
    CU_ASSERT_EQUAL(meet(&client, &server, 1000), BROOD_EAUTH);
}

static void every_bit_counts(void)
{
    // Of the hello only what is not random can be wrong by itself; the nonces are in the tags.
    for (size_t i = 0; i < BRD_HELLO_SIZE * 8; i++) {
        brd_handshake client, server;
        unsigned char bytes[BRD_HELLO_SIZE];
        begin(&client, BRD_CLIENT, &secret, 1);
        begin(&server, BRD_SERVER, &secret, 2);
        (void)say(&client, bytes, 1000);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        int status = hear(&server, bytes, sizeof bytes, 1000);
        CU_ASSERT_EQUAL(status, i / 8 < 8 ? BROOD_EPROTOCOL : 0);
        if (!status)
            CU_ASSERT_EQUAL(carry(&server, &client, 1000), BROOD_EAUTH);
    }
    for (size_t i = 0; i < BRD_ANSWER_SIZE * 8; i++) {
        brd_handshake client, server;
        unsigned char bytes[BRD_ANSWER_SIZE];
        begin(&client, BRD_CLIENT, &secret, 1);
        begin(&server, BRD_SERVER, &secret, 2);
        CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
        (void)say(&server, bytes, 1000);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        CU_ASSERT_EQUAL(hear(&client, bytes, sizeof bytes, 1000),
                        i / 8 < 8 ? BROOD_EPROTOCOL : BROOD_EAUTH);
        ends(&client);
    }
    for (size_t i = 0; i < BRD_PROOF_SIZE * 8; i++) {
        brd_handshake client, server;
        unsigned char bytes[BRD_PROOF_SIZE];
        begin(&client, BRD_CLIENT, &secret, 1);
        begin(&server, BRD_SERVER, &secret, 2);
        CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
        CU_ASSERT_EQUAL(carry(&server, &client, 1000), 0);
        (void)say(&client, bytes, 1000);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        CU_ASSERT_EQUAL(hear(&server, bytes, sizeof bytes, 1000), BROOD_EAUTH);
        ends(&server);
    }
    for (size_t i = 0; i < BRD_WELCOME_SIZE * 8; i++) {
        brd_handshake client, server;
        unsigned char bytes[BRD_WELCOME_SIZE];
        begin(&client, BRD_CLIENT, &secret, 1);
        begin(&server, BRD_SERVER, &secret, 2);
        CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
        CU_ASSERT_EQUAL(carry(&server, &client, 1000), 0);
        CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
        (void)say(&server, bytes, 1000);
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        CU_ASSERT_EQUAL(hear(&client, bytes, sizeof bytes, 1000), BROOD_EAUTH);
        ends(&client);
    }
}

static void a_reflected_tag_is_refused(void)
{
    brd_handshake client, server;
    unsigned char answer[BRD_ANSWER_SIZE];
    // A peer without the key sends back what it got.
    begin(&client, BRD_CLIENT, &secret, 1);
    begin(&server, BRD_SERVER, &secret, 2);
    CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
    (void)say(&server, answer, 1000);
    CU_ASSERT_EQUAL(hear(&server, answer + BRD_HELLO_SIZE, BRD_TAG_SIZE, 1000), BROOD_EAUTH);
    ends(&server);
    // The same nonces on both sides make no difference.
    begin(&server, BRD_SERVER, &secret, 1);
    begin(&client, BRD_CLIENT, &secret, 1);
    CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
    (void)say(&server, answer, 1000);
    CU_ASSERT_EQUAL(hear(&server, answer + BRD_HELLO_SIZE, BRD_TAG_SIZE, 1000), BROOD_EAUTH);
    ends(&server);
}

// Somebody in between who keeps the proof for himself cannot make up the welcome.
static void other_tags_are_no_welcome(void)
{
    unsigned char answer[BRD_ANSWER_SIZE], proof[BRD_PROOF_SIZE];
    const unsigned char *const tags[] = {answer + BRD_HELLO_SIZE, proof};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++) {
        brd_handshake client, server;
        begin(&client, BRD_CLIENT, &secret, 1);
        begin(&server, BRD_SERVER, &secret, 2);
        CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
        (void)say(&server, answer, 1000);
        CU_ASSERT_EQUAL(hear(&client, answer, sizeof answer, 1000), 0);
        (void)say(&client, proof, 1000);
        CU_ASSERT_EQUAL(hear(&client, tags[i], BRD_TAG_SIZE, 1000), BROOD_EAUTH);
        ends(&client);
    }
}

// A listener as a machine that answers: its own question, asked of itself on a second
// connection, gives a tag that is good for nothing.
static void the_server_is_no_oracle(void)
{
    brd_handshake client, first, second;
    unsigned char hello[BRD_HELLO_SIZE], answer[BRD_ANSWER_SIZE], more[BRD_ANSWER_SIZE];
    begin(&client, BRD_CLIENT, &secret, 1);
    begin(&first, BRD_SERVER, &secret, 2);
    begin(&second, BRD_SERVER, &secret, 3);
    (void)say(&client, hello, 1000);
    CU_ASSERT_EQUAL(hear(&first, hello, sizeof hello, 1000), 0);
    (void)say(&first, answer, 1000);
    memcpy(hello + 8, answer + 8, BRD_NONCE_SIZE); // the nonce of the first as our own
    CU_ASSERT_EQUAL(hear(&second, hello, sizeof hello, 1000), 0);
    (void)say(&second, more, 1000);
    CU_ASSERT_EQUAL(hear(&first, more + BRD_HELLO_SIZE, BRD_TAG_SIZE, 1000), BROOD_EAUTH);
    ends(&first);
}

static void a_recording_is_refused(void)
{
    brd_handshake client, server;
    unsigned char hello[BRD_HELLO_SIZE], answer[BRD_ANSWER_SIZE], proof[BRD_PROOF_SIZE];
    begin(&client, BRD_CLIENT, &secret, 1);
    begin(&server, BRD_SERVER, &secret, 2);
    (void)say(&client, hello, 1000);
    CU_ASSERT_EQUAL(hear(&server, hello, sizeof hello, 1000), 0);
    (void)say(&server, answer, 1000);
    CU_ASSERT_EQUAL(hear(&client, answer, sizeof answer, 1000), 0);
    (void)say(&client, proof, 1000);
    CU_ASSERT_EQUAL(hear(&server, proof, sizeof proof, 1000), 0);
    // To a server once more, and to a client.
    begin(&server, BRD_SERVER, &secret, 3);
    CU_ASSERT_EQUAL(hear(&server, hello, sizeof hello, 1000), 0);
    unsigned char again[BRD_ANSWER_SIZE];
    (void)say(&server, again, 1000);
    CU_ASSERT_NOT_EQUAL(memcmp(again, answer, sizeof again), 0);
    CU_ASSERT_EQUAL(hear(&server, proof, sizeof proof, 1000), BROOD_EAUTH);
    ends(&server);
    begin(&client, BRD_CLIENT, &secret, 4);
    (void)say(&client, hello, 1000);
    CU_ASSERT_EQUAL(hear(&client, answer, sizeof answer, 1000), BROOD_EAUTH);
    ends(&client);
}

// Somebody in the middle hands everything on, word for word, to another listener.
static void a_relay_to_another_listener_is_refused(void)
{
    const brd_secret elsewhere = {SPAN(key), {"elsewhere", 9}};
    brd_handshake client, server;
    begin(&client, BRD_CLIENT, &secret, 1);
    begin(&server, BRD_SERVER, &elsewhere, 2);
    CU_ASSERT_EQUAL(carry(&client, &server, 1000), 0);
    CU_ASSERT_EQUAL(carry(&server, &client, 1000), BROOD_EAUTH);
    ends(&client);
}

// Two clients that reached each other, as a TCP socket can reach itself, and two servers.
static void refuses_its_own_role(void)
{
    brd_handshake one, other;
    unsigned char bytes[BRD_ANSWER_SIZE] = {0};
    begin(&one, BRD_CLIENT, &secret, 1);
    begin(&other, BRD_CLIENT, &secret, 2);
    (void)say(&one, bytes, 1000);
    (void)say(&other, bytes, 1000);
    CU_ASSERT_EQUAL(hear(&one, bytes, sizeof bytes, 1000), BROOD_EPROTOCOL);
    ends(&one);
    begin(&one, BRD_CLIENT, &secret, 1);
    begin(&other, BRD_SERVER, &secret, 2);
    CU_ASSERT_EQUAL(carry(&one, &other, 1000), 0);
    (void)say(&other, bytes, 1000);
    begin(&other, BRD_SERVER, &secret, 3);
    CU_ASSERT_EQUAL(hear(&other, bytes, sizeof bytes, 1000), BROOD_EPROTOCOL);
    ends(&other);
}

static void refuses_garbage_and_other_versions(void)
{
    static const char *const texts[] = {"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
                                        "brood\n\002C0123456789abcdef0123456789abcdef",
                                        "brood\n\001S0123456789abcdef0123456789abcdef",
                                        "Brood\n\001C0123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        brd_handshake server;
        begin(&server, BRD_SERVER, &secret, 1);
        CU_ASSERT_EQUAL(hear(&server, (const unsigned char *)texts[i], 40, 1000), BROOD_EPROTOCOL);
        ends(&server);
    }
}

static void waits_for_all_of_it(void)
{
    brd_handshake client, server;
    unsigned char hello[BRD_HELLO_SIZE];
    begin(&client, BRD_CLIENT, &secret, 1);
    begin(&server, BRD_SERVER, &secret, 2);
    (void)say(&client, hello, 1000);
    CU_ASSERT_EQUAL(hear(&server, hello, sizeof hello - 1, 1), 0);
    CU_ASSERT_EQUAL(server.state, BRD_SHAKING_HELLO);
    CU_ASSERT(says_nothing(&server));
    CU_ASSERT_EQUAL(hear(&server, hello + sizeof hello - 1, 1, 1), 0);
    CU_ASSERT_EQUAL(server.state, BRD_SHAKING_ANSWER);
}

/* ----------------------------------------------------------------------- seals */

static void a_seal_is_for_one_frame_in_one_place(void)
{
    brd_seal_way out = {.key = "a key of one direction"}, in = out;
    const brd_span head = {"head", 4}, body = {"body", 4}, other = {"bodY", 4};
    uint8_t first[BRD_SEAL_SIZE], second[BRD_SEAL_SIZE];
    CU_ASSERT_EQUAL(brd_seal_tag(&out, head, body, first), 0);
    CU_ASSERT_EQUAL(brd_seal_tag(&out, head, body, second), 0);
    CU_ASSERT_EQUAL(memcmp(first, second, sizeof first), 0); // it has not passed yet
    brd_seal_pass(&out);
    CU_ASSERT_EQUAL(brd_seal_tag(&out, head, body, second), 0);
    CU_ASSERT_NOT_EQUAL(memcmp(first, second, sizeof first), 0);
    CU_ASSERT_EQUAL(brd_seal_check(&in, head, body, second), BROOD_EPROTOCOL); // left out
    CU_ASSERT_EQUAL(brd_seal_check(&in, head, other, first), BROOD_EPROTOCOL); // changed
    CU_ASSERT_EQUAL(brd_seal_check(&in, head, body, first), 0);
    CU_ASSERT_EQUAL(brd_seal_check(&in, head, body, first), BROOD_EPROTOCOL); // repeated
    CU_ASSERT_EQUAL(brd_seal_check(&in, head, body, second), 0);
}

static void forgets_its_secrets(void)
{
    static const brd_handshake nothing = {.state = BRD_SHAKING_FAILED};
    brd_handshake client, server;
    begin(&client, BRD_CLIENT, &secret, 1);
    begin(&server, BRD_SERVER, &secret, 2);
    CU_ASSERT_EQUAL(meet(&client, &server, 1000), 0);
    brd_handshake_end(&server);
    CU_ASSERT_EQUAL(memcmp(server.buffer, nothing.buffer, sizeof nothing.buffer), 0);
    CU_ASSERT_EQUAL(memcmp(server.server_nonce, nothing.server_nonce, BRD_NONCE_SIZE), 0);
    CU_ASSERT_PTR_NULL(server.secret.key.bytes);
    ends(&server);
}

static const test_case cases[] = {
    TEST_CASE(both_sides_agree),
    TEST_CASE(agrees_without_a_key),
    TEST_CASE(never_takes_what_comes_after),
    TEST_CASE(notices_another_secret),
    TEST_CASE(no_key_is_no_key_of_zeros),
    TEST_CASE(every_bit_counts),
    TEST_CASE(a_reflected_tag_is_refused),
    TEST_CASE(other_tags_are_no_welcome),
    TEST_CASE(the_server_is_no_oracle),
    TEST_CASE(a_recording_is_refused),
    TEST_CASE(a_relay_to_another_listener_is_refused),
    TEST_CASE(refuses_its_own_role),
    TEST_CASE(refuses_garbage_and_other_versions),
    TEST_CASE(waits_for_all_of_it),
    TEST_CASE(a_seal_is_for_one_frame_in_one_place),
    TEST_CASE(forgets_its_secrets),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "handshake", cases);
}
