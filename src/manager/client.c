/**
 * Clients of managers. See client.h.
 *
 * All that this process has of one server is one session there, which lives as long as one of
 * its connections: so one that has to be given up is closed when it has a successor, not before.
 * A forked copy of this process begins anew, with sessions of its own.
 */
#include "manager/client.h"
#include "base/clock.h"
#include "base/generation.h"
#include "ipc/message.h"
#include <brood/listener.h>
#include <brood/process.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
    CONNECT_MS = 30000,
    PATIENCE_MS = 30000,
    SUCCESSOR_MS = 1000, /* to connect for a call that was given up */
    KEPT = 8,            /* connections on which nobody is calling */
    REMEMBERED = 4       /* clients that nobody refers to: the next task will */
};

#define NOBODYS (UINT_MAX - 1)

static const uint64_t longest_answer = UINT64_C(1) << 40; // it grows only with what comes

/** A connection on which nobody is calling. */
typedef struct idle {
    struct idle *next;
    brood_pipe *pipe;
} idle;

struct brd_client {
    brd_client *next;
    unsigned references;  /* under the lock of all */
    brd_hello_from hello; /* the server's and the session's ids */
    brd_mutex lock;
    idle *idle;
    unsigned nidle;
    idle *late; /* given up, and still the session's: there was no other one */
    bool gone;  /* the server: nobody waits for it any more */
    char *address;
    unsigned char *key;
    size_t key_size;
};

static brd_mutex lock; // the list, and references
static brd_client *all;
static _Atomic unsigned generation = NOBODYS; // of the process that these belong to

// In a copy that was forked the clients are its parent's, and so is what had the lock.
static void enter(void)
{
    if (brd_generation_claim(&generation)) {
        (void)brd_os_mutex_init(&lock);
        all = NULL;
        brd_generation_settle(&generation);
    }
    brd_os_mutex_lock(&lock);
}

static void leave(void)
{
    brd_os_mutex_unlock(&lock);
}

brd_time brd_client_patience(void)
{
    return brd_until(PATIENCE_MS);
}

uint64_t brd_client_thread(void)
{
    static _Atomic uint64_t last;
    static _Thread_local uint64_t mine;
    if (!mine)
        mine = atomic_fetch_add(&last, 1) + 1;
    return mine;
}

/* --------------------------------------------------------------- connections */

// Says hello, and learns who is there. The session in *hello is joined, or made if it is zeroed.
static int greet(brood_pipe *pipe, brd_hello_from *hello, brd_time until)
{
    brood_message args = BROOD_MESSAGE_INIT, words = BROOD_MESSAGE_INIT;
    brd_request request = {.ask = BRD_ASK_HELLO};
    int answered = BROOD_OK, code = 0;
    int status = brd_hello_write(&args, hello);
    if (!status)
        status = brd_request_write(&words, &request, &args);
    if (!status)
        status = brood_pipe_send(pipe, &words, brd_milliseconds_until(until));
    if (!status)
        status = brood_pipe_recv(pipe, &words, brd_milliseconds_until(until));
    if (!status)
        status = brd_answer_read(&words, &answered, &code);
    if (!status)
        status = answered;
    if (!status)
        status = brd_hello_read(&words, BRD_ANSWER_HEAD_SIZE, hello);
    brood_message_clear(&args);
    brood_message_clear(&words);
    return status;
}

static int connect_to(brood_pipe **out, const brd_server_place *place, brd_hello_from *hello,
                      brd_time until)
{
    brood_pipe *pipe = NULL;
    int status = brood_client_connect(
        &pipe, place->address,
        BROOD_CLIENT(.key = place->key, .key_size = place->key_size, .limit = longest_answer),
        brd_milliseconds_until(until));
    if (!status)
        status = greet(pipe, hello, until);
    if (status)
        brood_pipe_destroy(pipe);
    else
        *out = pipe;
    return status;
}

static void close_all(idle *list)
{
    while (list) {
        idle *next = list->next;
        brood_pipe_destroy(list->pipe);
        free(list);
        list = next;
    }
}

// With one more connection the session needs those no longer that were given up.
static int connect_more(brd_client *c, brood_pipe **out, brd_time until)
{
    brd_hello_from hello = c->hello;
    const brd_server_place place = {c->address, c->key, c->key_size, NULL};
    brd_time most = brd_until(CONNECT_MS);
    int status = connect_to(out, &place, &hello, until < most ? until : most);
    if (status == BROOD_ETIMEDOUT || status == BROOD_EBROKEN)
        return BROOD_EDEADLINE;
    if (status)
        return status == BROOD_EAUTH ? BROOD_ECLOSED : status; // another server is there now
    brd_os_mutex_lock(&c->lock);
    idle *late = c->late;
    c->late = NULL;
    brd_os_mutex_unlock(&c->lock);
    close_all(late);
    return BROOD_OK;
}

static int begin_call(brd_client *c, brood_pipe **out, brd_time until)
{
    brd_os_mutex_lock(&c->lock);
    bool gone = c->gone;
    idle *one = c->idle;
    if (one) {
        c->idle = one->next;
        c->nidle--;
    }
    brd_os_mutex_unlock(&c->lock);
    if (!one && gone)
        return BROOD_ECLOSED;
    if (!one)
        return connect_more(c, out, until);
    *out = one->pipe;
    free(one);
    return BROOD_OK;
}

// It can be used by the next one who calls, unless there are enough for that.
static void end_call(brd_client *c, brood_pipe *pipe)
{
    idle *one = malloc(sizeof *one);
    brd_os_mutex_lock(&c->lock);
    if (one && c->nidle < KEPT) {
        *one = (idle){.next = c->idle, .pipe = pipe};
        c->idle = one;
        c->nidle++;
        one = NULL;
        pipe = NULL;
    }
    brd_os_mutex_unlock(&c->lock);
    free(one);
    brood_pipe_destroy(pipe);
}

static bool has_idle(brd_client *c)
{
    brd_os_mutex_lock(&c->lock);
    bool has = c->idle != NULL;
    brd_os_mutex_unlock(&c->lock);
    return has;
}

// The answer did not come, or could not be taken in: the session must not end with that. Of a
// server that does not move there is no successor, and so the old one is kept for the time. One
// that has hung up may be there nevertheless: it had no memory for what was asked.
static void give_up(brd_client *c, brood_pipe *pipe, int status)
{
    brood_pipe *successor = NULL;
    bool closed = status == BROOD_ECLOSED;
    idle *one = closed ? NULL : malloc(sizeof *one);
    if ((closed || !has_idle(c)) &&
        connect_more(c, &successor, brd_until(SUCCESSOR_MS)) == BROOD_OK)
        end_call(c, successor);
    brd_os_mutex_lock(&c->lock);
    if (closed)
        c->gone = !successor;
    if (one && !successor && !c->idle) {
        *one = (idle){.next = c->late, .pipe = pipe};
        c->late = one;
        one = NULL;
        pipe = NULL;
    }
    brd_os_mutex_unlock(&c->lock);
    free(one);
    brood_pipe_destroy(pipe);
}

/* -------------------------------------------------------------------- clients */

static brd_client *find(const unsigned char id[BRD_SERVER_ID_SIZE])
{
    brd_client *c = all;
    while (c && memcmp(c->hello.server, id, BRD_SERVER_ID_SIZE) != 0)
        c = c->next;
    return c;
}

static void end(brd_client *c)
{
    close_all(c->idle);
    close_all(c->late);
    if (c->key)
        brd_os_wipe(c->key, c->key_size);
    free(c->key);
    free(c->address);
    brd_os_mutex_clear(&c->lock);
    free(c);
}

static int make_client(brd_client **out, const brd_server_place *place)
{
    brd_client *c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_ENOMEM;
    int status = brd_os_mutex_init(&c->lock);
    if (status) {
        free(c);
        return status;
    }
    c->references = 1;
    c->key_size = place->key_size;
    size_t size = strlen(place->address) + 1;
    c->address = malloc(size);
    c->key = place->key ? malloc(place->key_size) : NULL;
    if (!c->address || (place->key && !c->key)) {
        end(c);
        return BROOD_ENOMEM;
    }
    memcpy(c->address, place->address, size);
    if (c->key)
        memcpy(c->key, place->key, place->key_size);
    *out = c;
    return BROOD_OK;
}

int brd_client_open(brd_client **out, const brd_server_place *place, brd_time until)
{
    brd_client *c = NULL;
    brood_pipe *pipe = NULL;
    int status = make_client(&c, place);
    if (status)
        return status;
    if (place->id)
        memcpy(c->hello.server, place->id, sizeof c->hello.server);
    status = connect_to(&pipe, place, &c->hello, until);
    if (status) {
        end(c);
        return status;
    }
    end_call(c, pipe);
    enter();
    brd_client *other = find(c->hello.server); // another thread was faster, or by another way
    if (other) {
        other->references++;
    } else {
        c->next = all;
        all = c;
    }
    leave();
    if (other) {
        brd_os_mutex_lock(&other->lock);
        other->gone = false; // it was there just now
        brd_os_mutex_unlock(&other->lock);
        end(c);
    }
    *out = other ? other : c;
    return BROOD_OK;
}

int brd_client_of(brd_client **out, const unsigned char id[BRD_SERVER_ID_SIZE])
{
    char address[BRD_SERVER_ADDRESS_SIZE];
    enter();
    brd_client *c = find(id);
    if (c)
        c->references++;
    leave();
    if (c) {
        *out = c;
        return BROOD_OK;
    }
    brd_server_address(id, address);
    const brd_server_place place = {.address = address, .id = id};
    return brd_client_open(out, &place, brd_until(CONNECT_MS));
}

void brd_client_keep(brd_client *c)
{
    enter();
    c->references++;
    leave();
}

// The last one of those that nobody refers to, if there are more than that.
static brd_client *take_out(unsigned most)
{
    brd_client **last = NULL;
    unsigned count = 0;
    for (brd_client **at = &all; *at; at = &(*at)->next)
        if ((*at)->references == 0) {
            last = at;
            count++;
        }
    brd_client *c = count > most ? *last : NULL;
    if (c)
        *last = c->next;
    return c;
}

void brd_client_release(brd_client *c)
{
    if (!c)
        return;
    unsigned most = brood_current_process().depth ? REMEMBERED : 0;
    enter();
    c->references--;
    brd_client *over = take_out(most);
    leave();
    if (over)
        end(over);
}

const unsigned char *brd_client_server(const brd_client *c)
{
    return c->hello.server;
}

int64_t brd_client_pid(const brd_client *c)
{
    return c->hello.pid;
}

/* ------------------------------------------------------------------- requests */

static int exchange(brood_pipe *pipe, const brood_message *words, brood_message *answer,
                    brd_time until)
{
    int status = brood_pipe_send(pipe, words, brd_milliseconds_until(until));
    if (!status)
        status = brood_pipe_recv(pipe, answer, brd_milliseconds_until(until));
    if (status == BROOD_ETIMEDOUT || status == BROOD_EBROKEN)
        return BROOD_EDEADLINE;
    return status;
}

int brd_client_ask(brd_client *c, const brd_request *request, const brood_message *args,
                   brood_message *answer, brd_time until, int *code)
{
    brood_message words = BROOD_MESSAGE_INIT;
    brood_pipe *pipe = NULL;
    int answered = BROOD_OK, ignored;
    int status = brd_request_write(&words, request, args);
    if (!status && words.size > c->hello.limit)
        status = BROOD_EINVAL; // the server would hang up
    if (!status)
        status = begin_call(c, &pipe, until);
    if (!status) {
        status = exchange(pipe, &words, answer, until);
        if (status)
            give_up(c, pipe, status);
        else
            end_call(c, pipe);
    }
    if (!status)
        status = brd_answer_read(answer, &answered, code ? code : &ignored);
    brood_message_clear(&words);
    return status ? status : answered;
}
