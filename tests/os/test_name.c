/*
 * Local names, as os.h promises them: who listens, who connects, what the two then have.
 * Run on every system from this one source. The one thing to know: other runs of this
 * suite go on at the same time, so it listens only at names that nobody can guess.
 */
#include "callers.h"

#include <stdio.h>

enum { MANY = 100, TOO_MANY = 140 };

/** A name of this suite alone, whoever else runs at the same time. */
static void make_name(char name[BRD_LOCAL_SIZE])
{
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(name, BRD_LOCAL_SIZE), 0);
}

static brd_name *listen_at(const char *local)
{
    brd_name *n = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&n, local), 0);
    return n;
}

static brd_chan *connect_to(const char *local)
{
    brd_chan *c = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_name_connect(&c, local, test_deadline(10000)), 0);
    return c;
}

/* -------------------------------------------------------------- local names */

static void brings_two_ends_together(void)
{
    static const brd_peer none = {0};
    char name[BRD_LOCAL_SIZE];
    brd_peer peer = {.pid = -1};
    brd_chan *server = NULL;
    make_name(name);
    brd_name *n = listen_at(name);
    CU_ASSERT_EQUAL(brd_os_name_accept(n, &server, &peer), BROOD_EAGAIN);
    CU_ASSERT_PTR_NULL(server);
    CU_ASSERT_EQUAL(peer.pid, -1);
    brd_chan *client = connect_to(name);
    server = accept_from(n, &peer);
    CU_ASSERT_EQUAL(peer.pid, brd_os_pid());
    CU_ASSERT_EQUAL(memcmp(peer.source, none.source, sizeof peer.source), 0);
    converse(client, server);
    // Whoever knows the name could otherwise name any process's handle.
    brd_handle handle = BRD_NONE;
    uint64_t token = 0;
    CU_ASSERT_EQUAL(brd_os_chan_give(client, brd_os_chan_handle(server), &token), BROOD_ENOTSUP);
    CU_ASSERT_EQUAL(brd_os_chan_take(server, (uint64_t)brd_os_pid() << 32 | 4, &handle),
                    BROOD_EPROTOCOL);
    // What is connected outlives the name.
    brd_os_name_close(&n);
    converse(server, client);
    part(&client, &server);
    brd_os_name_close(&n);
}

static void knows_one_word_from_another(void)
{
    static const char longest[] =
        "AZaz09._-4567890123456789012345678901234567890123456789012345678";
    static const char longer[] =
        "AZaz09._-45678901234567890123456789012345678901234567890123456789";
    char a[BRD_LOCAL_SIZE], b[BRD_LOCAL_SIZE];
    CU_ASSERT_EQUAL(brd_os_name_local("one", a, sizeof a), 0);
    CU_ASSERT_EQUAL(brd_os_name_local("one", b, sizeof b), 0);
    CU_ASSERT_STRING_EQUAL(a, b);
    CU_ASSERT_EQUAL(brd_os_name_local("other", b, sizeof b), 0);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    make_name(a);
    make_name(b);
    CU_ASSERT_STRING_NOT_EQUAL(a, b);
    // What could lead elsewhere in a file system, or is another name in some of them.
    CU_ASSERT_EQUAL(brd_os_name_local("", b, sizeof b), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_local(NULL, b, sizeof b), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_local("a/b", b, sizeof b), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_local("a\\b", b, sizeof b), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_local("a b", b, sizeof b), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_local("\xc3\xa4", b, sizeof b), BROOD_EINVAL);
    CU_ASSERT(strlen(longest) == 64 && strlen(longer) == 65);
    CU_ASSERT_EQUAL(brd_os_name_local(longest, b, sizeof b), 0);
    CU_ASSERT_EQUAL(brd_os_name_local(longer, b, sizeof b), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_local("word", b, 8), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_private(b, 8), BROOD_EINVAL);
}

static void listens_only_in_its_place(void)
{
    static const char *const strange[] = {
        NULL,
        "",
        "word",
        "@word",
        "/",
        "/tmp/brood-word",
        "/dev/null",
        "\\\\.\\pipe\\word",
        "\\\\server\\pipe\\brood-word",
    };
    brd_name *n = NULL;
    brd_chan *c = NULL;
    char none[] = {0, 'w', 'o', 'r', 'd', 0}; // where Linux has abstract names
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        CU_ASSERT_EQUAL(brd_os_name_listen(&n, strange[i]), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_listen(&n, none), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, none, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, NULL, 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, "word", 0), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, "\\\\server\\pipe\\brood-word", 0), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(n);
    CU_ASSERT_PTR_NULL(c);
}

static void refuses_a_second_listener(void)
{
    char name[BRD_LOCAL_SIZE], other[BRD_LOCAL_SIZE];
    brd_name *second = NULL;
    brd_chan *c = NULL;
    make_name(name);
    make_name(other);
    brd_name *n = listen_at(name);
    CU_ASSERT_EQUAL(brd_os_name_listen(&second, name), BROOD_EBUSY);
    CU_ASSERT_PTR_NULL(second);
    second = listen_at(other);
    // The refused one has taken nothing away.
    brd_chan *client = connect_to(name);
    brd_chan *server = accept_from(n, NULL);
    converse(client, server);
    part(&client, &server);
    brd_os_name_close(&second);
    brd_os_name_close(&n);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, name, test_deadline(10000)), BROOD_ECLOSED);
    n = listen_at(name);
    brd_os_name_close(&n);
}

static void closes_on_those_who_wait(void)
{
    char name[BRD_LOCAL_SIZE];
    char byte = 0;
    size_t size = 0;
    make_name(name);
    brd_name *n = listen_at(name);
    brd_chan *c = connect_to(name);
    brd_os_name_close(&n);
    CU_ASSERT_EQUAL(brd_os_chan_wait(c, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(c, &byte, 1, &size), BROOD_ECLOSED);
    brd_os_chan_close(&c);
}

/** Somebody who comes, says something and goes, before anybody looked. */
static void hears_who_has_gone(void)
{
    char name[BRD_LOCAL_SIZE];
    char got[4] = "";
    size_t size = 0;
    make_name(name);
    brd_name *n = listen_at(name);
    brd_chan *client = connect_to(name);
    CU_ASSERT_EQUAL(test_write_all(client, "bye", 4), 0);
    brd_os_chan_close(&client);
    brd_chan *server = accept_from(n, NULL);
    CU_ASSERT_EQUAL(test_read_all(server, got, 4), 0);
    CU_ASSERT_STRING_EQUAL(got, "bye");
    CU_ASSERT_EQUAL(brd_os_chan_wait(server, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(server, got, 1, &size), BROOD_ECLOSED);
    brd_os_chan_close(&server);
    brd_os_name_close(&n);
}

static void lets_many_wait(void)
{
    char name[BRD_LOCAL_SIZE];
    brd_chan *clients[MANY] = {0};
    brd_chan *servers[MANY] = {0};
    make_name(name);
    brd_name *n = listen_at(name);
    for (int i = 0; i < MANY; i++)
        clients[i] = connect_to(name);
    for (int i = 0; i < MANY; i++) {
        unsigned char number = (unsigned char)i;
        CU_ASSERT_EQUAL(test_write_all(clients[i], &number, 1), 0);
    }
    for (int i = 0; i < MANY; i++) {
        unsigned char number = 0;
        brd_chan *c = accept_from(n, NULL);
        CU_ASSERT_EQUAL(test_read_all(c, &number, 1), 0);
        CU_ASSERT_FATAL(number < MANY && !servers[number]);
        servers[number] = c;
    }
    // All at once, and each of them its own.
    for (int i = 0; i < MANY; i++)
        converse(clients[i], servers[i]);
    for (int i = 0; i < MANY; i++)
        part(&clients[i], &servers[i]);
    brd_os_name_close(&n);
}

/** Who finds no place may come later; those who wait lose nothing by it. */
static void lets_no_more_wait_than_it_can(void)
{
    char name[BRD_LOCAL_SIZE];
    brd_chan *clients[TOO_MANY + 1] = {0};
    size_t count = 0;
    int status = 0;
    make_name(name);
    brd_name *n = listen_at(name);
    while (count < TOO_MANY && status == 0) {
        status = brd_os_name_connect(&clients[count], name, test_deadline(100));
        count += status == 0;
    }
    // Some systems refuse at once, as if nobody listened.
    CU_ASSERT(status == 0 || status == BROOD_ETIMEDOUT || status == BROOD_ECLOSED);
    // One goes in, one more finds its place.
    brd_chan *first = accept_from(n, NULL);
    CU_ASSERT_EQUAL(brd_os_name_connect(&clients[count], name, test_deadline(10000)), 0);
    converse(clients[0], first);
    brd_os_chan_close(&first);
    for (size_t i = 1; i <= count; i++) {
        brd_chan *c = accept_from(n, NULL);
        brd_os_chan_close(&c);
    }
    CU_ASSERT_EQUAL(brd_os_name_accept(n, &first, NULL), BROOD_EAGAIN);
    for (size_t i = 0; i <= count; i++)
        brd_os_chan_close(&clients[i]);
    brd_os_name_close(&n);
}

/** What a thread is to listen at. */
typedef struct errand {
    char name[BRD_LOCAL_SIZE];
    brd_name *n;
} errand;

static void listen_and_end(void *baton)
{
    errand *e = baton;
    (void)brd_os_name_listen(&e->n, e->name);
}

/** Some systems end what a thread has begun together with the thread. */
static void outlives_the_thread_that_listened(void)
{
    errand e = {.n = NULL};
    brd_thread thread = {0};
    make_name(e.name);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, listen_and_end, &e), 0);
    brd_os_thread_join(&thread);
    CU_ASSERT_PTR_NOT_NULL_FATAL(e.n);
    for (int turn = 0; turn < 2; turn++) {
        brd_chan *client = connect_to(e.name);
        brd_chan *server = accept_from(e.n, NULL);
        converse(client, server);
        part(&client, &server);
    }
    brd_os_name_close(&e.n);
}

/* ---------------------------------------------------------------- the waiter */

static brd_chan *dial_local(const void *where)
{
    return connect_to(where);
}

static void reports_who_comes_by_name(void)
{
    char name[BRD_LOCAL_SIZE];
    make_name(name);
    brd_name *n = listen_at(name);
    check_name_events(n, dial_local, name);
    brd_os_name_close(&n);
}

/* ---------------------------------------------------------- other processes */

/** Listens at its first argument, says so, and stays until its parent has gone. */
static int child_listens(int argc, char **argv)
{
    brd_chan *parent = NULL;
    brd_name *n = NULL;
    char byte = 0;
    TEST_CHILD_CHECK(argc == 2);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&parent, test_handle(argv[1])) == 0);
    TEST_CHILD_CHECK(brd_os_name_listen(&n, argv[0]) == 0);
    TEST_CHILD_CHECK(test_write_all(parent, "!", 1) == 0);
    int status = test_read_all(parent, &byte, 1);
    brd_os_name_close(&n);
    brd_os_chan_close(&parent);
    return status ? 0 : 1;
}

/** Connects to its argument, and says what it hears there. */
static int child_calls(int argc, char **argv)
{
    brd_chan *c = NULL;
    char byte = 0;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_name_connect(&c, argv[0], test_deadline(10000)) == 0);
    TEST_CHILD_CHECK(test_read_all(c, &byte, 1) == 0);
    TEST_CHILD_CHECK(test_write_all(c, &byte, 1) == 0);
    brd_os_chan_close(&c);
    return byte;
}

static void frees_the_name_of_a_dead_listener(void)
{
    char name[BRD_LOCAL_SIZE];
    brd_proc child = {0};
    brd_chan *to_child = NULL, *c = NULL;
    brd_handle theirs = BRD_NONE;
    brd_name *n = NULL;
    char byte = 0;
    make_name(name);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&to_child, &theirs), 0);
    test_start how = {
        .child = "listens", .args = {name}, .inherit = &theirs, .ninherit = 1, .channel = to_child};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL_FATAL(test_read_all(to_child, &byte, 1), 0);
    CU_ASSERT_EQUAL(brd_os_name_listen(&n, name), BROOD_EBUSY);
    c = connect_to(name);
    brd_os_chan_close(&c);
    CU_ASSERT_EQUAL(brd_os_proc_kill(&child, true), 0);
    test_end(&child);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, name, test_deadline(10000)), BROOD_ECLOSED);
    n = listen_at(name);
    brd_chan *client = connect_to(name);
    brd_chan *server = accept_from(n, NULL);
    converse(client, server);
    part(&client, &server);
    brd_os_name_close(&n);
    brd_os_chan_close(&to_child);
}

static void knows_who_calls(void)
{
    char name[BRD_LOCAL_SIZE];
    brd_proc child = {0};
    brd_peer peer = {0};
    char byte = 0;
    make_name(name);
    brd_name *n = listen_at(name);
    test_start how = {.child = "calls", .args = {name}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    brd_chan *c = accept_from(n, &peer);
    CU_ASSERT_EQUAL(peer.pid, child.pid);
    CU_ASSERT_EQUAL(test_write_all(c, "\7", 1), 0);
    CU_ASSERT_EQUAL(test_read_all(c, &byte, 1), 0);
    CU_ASSERT_EQUAL(byte, 7);
    CU_ASSERT_EQUAL(test_end(&child), 7);
    brd_os_chan_close(&c);
    brd_os_name_close(&n);
}

static const test_case cases[] = {
    TEST_CASE(brings_two_ends_together),
    TEST_CASE(knows_one_word_from_another),
    TEST_CASE(listens_only_in_its_place),
    TEST_CASE(refuses_a_second_listener),
    TEST_CASE(closes_on_those_who_wait),
    TEST_CASE(hears_who_has_gone),
    TEST_CASE(lets_many_wait),
    TEST_CASE(lets_no_more_wait_than_it_can),
    TEST_CASE(outlives_the_thread_that_listened),
    TEST_CASE(reports_who_comes_by_name),
    TEST_CASE(frees_the_name_of_a_dead_listener),
    TEST_CASE(knows_who_calls),
    TEST_CHILD("listens", child_listens),
    TEST_CHILD("calls", child_calls),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "name", cases);
}
