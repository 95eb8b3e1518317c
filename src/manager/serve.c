/**
 * One connection: requests in, answers out, in a thread of its own.
 *
 * What a client sends is checked here and in the methods; what is no request ends its
 * connection, and nothing else.
 */
#include "manager/serve.h"
#include "base/clock.h"
#include "base/fail.h"
#include "ipc/message.h"
#include "manager/type.h"
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_MS = 10000, /* until the first request */
    STACK = 1 << 20      /* of a connection's thread, in which methods of users run */
};

typedef struct connection {
    brd_server *server;
    brood_pipe *pipe;
    brd_waiter_place place;
    brd_session *session;
    bool full;
} connection;

/** A request at work, and what becomes of it. */
typedef struct exchange {
    connection *c;
    brd_request request;
    brood_message args; /* a view of the request */
    brood_message answer;
    brd_call call; /* of BRD_ASK_CALL and BRD_ASK_CREATE */
    const brd_method *method;
    uint64_t referred; /* the object that the session refers to by this answer, or 0 */
    uint64_t ticket;   /* made for this answer, or 0 */
} exchange;

int brd_server_open(brd_server *server, const unsigned char id[BRD_SERVER_ID_SIZE], uint64_t limit)
{
    server->limit = limit;
    int status = brd_store_open(&server->store, id);
    return status ? status : brd_watcher_open(&server->watcher);
}

unsigned brd_server_connections(brd_server *server)
{
    return atomic_load(&server->connections);
}

/* ------------------------------------------------------------------ requests */

static int no_such_object(void)
{
    (void)brood_fail("the object is gone");
    return BROOD_EINVAL;
}

static int give_number(exchange *x, uint64_t number)
{
    return brood_pack(&x->answer, "t", number);
}

static void begin_call(exchange *x, brd_managed *object)
{
    brd_store *store = &x->c->server->store;
    x->call = (brd_call){.store = store,
                         .session = x->c->session,
                         .object = object,
                         .thread = x->request.thread,
                         .until = brd_until(x->request.timeout),
                         .args = &x->args,
                         .result = &x->answer,
                         .place = &x->c->place};
}

static brd_managed *make_object(const brd_type *type)
{
    brd_managed *object = calloc(1, sizeof *object);
    if (!object)
        return NULL;
    object->type = type;
    object->guard = &object->own;
    object->references = 1;
    object->state = calloc(1, type->size);
    if (!object->state || brd_os_mutex_init(&object->own)) {
        free(object->state);
        free(object);
        return NULL;
    }
    return object;
}

static int check_count(const brd_type *type, const brood_message *args)
{
    long count = type->least == BRD_ITEM ? BRD_ITEM : brd_call_count(args);
    if (count >= type->least &&
        (type->most == BRD_ANY || type->least == BRD_ITEM || count <= type->most))
        return BROOD_OK;
    (void)brood_fail("%s does not take that many values", type->name);
    return BROOD_ETYPE;
}

// The session has the object from now on, if it hears of it.
static int refer(exchange *x, brd_managed *object)
{
    int status = brd_session_refer(&x->c->server->store, x->c->session, object);
    if (!status)
        x->referred = object->id;
    return status;
}

static int create(exchange *x)
{
    brd_store *store = &x->c->server->store;
    const brd_type *type = brd_type_find(x->request.name);
    if (!type) {
        (void)brood_fail("the manager knows no type %s", x->request.name);
        return BROOD_EFUNCTION;
    }
    int status = check_count(type, &x->args);
    brd_managed *object = status ? NULL : make_object(type);
    if (!object)
        return status ? status : BROOD_ENOMEM;
    begin_call(x, object);
    status = type->create ? type->create(&x->call, object->state) : BROOD_OK;
    if (!status)
        status = brd_store_add(store, object);
    if (!status)
        status = refer(x, object);
    if (!status)
        status = give_number(x, object->id);
    brd_values_free(store, x->call.rubbish);
    brd_store_release(store, object);
    return status;
}

static int call(exchange *x)
{
    brd_store *store = &x->c->server->store;
    brd_managed *object = brd_store_get(store, x->request.object);
    if (!object)
        return no_such_object();
    begin_call(x, object); // which refers to the object until the answer has left
    brd_os_mutex_lock(object->guard);
    int status = brd_type_run(&x->call, x->request.name, &x->method);
    brd_os_mutex_unlock(object->guard);
    brd_values_free(store, x->call.rubbish);
    x->call.rubbish = NULL;
    x->call.status = status;
    return status;
}

static int make_ticket(exchange *x)
{
    brd_store *store = &x->c->server->store;
    brd_managed *object = brd_store_get(store, x->request.object);
    if (!object)
        return no_such_object();
    int status = brd_ticket_make(store, x->c->session, object, &x->ticket);
    brd_store_release(store, object);
    return status ? status : give_number(x, x->ticket);
}

// The object is the caller's reference to it; it is the session's afterwards.
static int hand_out(exchange *x, brd_managed *object)
{
    brd_store *store = &x->c->server->store;
    int status = refer(x, object);
    if (!status)
        status = brood_pack(&x->answer, "ts", object->id, object->type->name);
    brd_store_release(store, object);
    return status;
}

static int take(exchange *x)
{
    brd_store *store = &x->c->server->store;
    brd_managed *object = brd_store_get(store, x->request.object);
    if (!object)
        return no_such_object();
    int status = hand_out(x, object);
    if (!status)
        brd_ticket_end(store, x->request.ticket);
    return status;
}

static int publish(exchange *x)
{
    brd_store *store = &x->c->server->store;
    brd_managed *object = x->request.object ? brd_store_get(store, x->request.object) : NULL;
    if (x->request.object && !object)
        return no_such_object();
    int status = brd_store_publish(store, x->request.name, object);
    if (object)
        brd_store_release(store, object);
    return status;
}

static int find(exchange *x)
{
    brd_managed *object = brd_store_find(&x->c->server->store, x->request.name);
    if (object)
        return hand_out(x, object);
    (void)brood_fail("nothing has the name %s", x->request.name);
    return BROOD_EINVAL;
}

static int work(exchange *x)
{
    switch (x->request.ask) {
    case BRD_ASK_CREATE:
        return create(x);
    case BRD_ASK_CALL:
        return call(x);
    case BRD_ASK_TICKET:
        return make_ticket(x);
    case BRD_ASK_TAKE:
        return take(x);
    case BRD_ASK_DROP:
        return brd_session_drop(&x->c->server->store, x->c->session, x->request.object);
    case BRD_ASK_PUBLISH:
        return publish(x);
    case BRD_ASK_FIND:
        return find(x);
    default:
        return BROOD_ENOTSUP;
    }
}

/* --------------------------------------------------------------- connections */

// The session can be that of other connections, which would have these for good.
static void take_back(exchange *x)
{
    brd_store *store = &x->c->server->store;
    if (x->referred)
        (void)brd_session_drop(store, x->c->session, x->referred);
    if (x->ticket)
        brd_ticket_end(store, x->ticket);
}

// What the client does not get it has not taken. `done`: it was told so.
static void settle(exchange *x, bool delivered, bool done)
{
    brd_call *k = &x->call;
    if (!delivered || !done)
        take_back(x);
    brd_store_tidy(&x->c->server->store);
    if (x->request.ask != BRD_ASK_CALL || !k->object)
        return;
    if (!delivered && x->method && x->method->undo) {
        brd_os_mutex_lock(k->object->guard);
        x->method->undo(k, k->object->state);
        brd_os_mutex_unlock(k->object->guard);
    }
    brd_value_free(k->store, k->taken);
    brd_values_free(k->store, k->rubbish);
    brd_store_release(k->store, k->object);
}

static int answer(connection *c, brood_message *in)
{
    exchange x = {.c = c};
    int status = brd_request_read(in, &x.request, &x.args);
    if (status)
        return status;
    brd_fail_reset();
    status = brd_answer_begin(&x.answer);
    if (!status)
        status = work(&x);
    bool done = status == BROOD_OK;
    status = brd_answer_end(&x.answer, status, x.call.code, brd_fail_text());
    if (!status)
        status = brood_pipe_send(c->pipe, &x.answer, BROOD_FOREVER);
    settle(&x, status == BROOD_OK, done);
    brood_message_clear(&x.args);
    brood_message_clear(&x.answer);
    return status;
}

// A client that is one too many gets an answer, too: it can tell its user why.
static int join_session(connection *c, brood_message *in, brood_message *out)
{
    brd_store *store = &c->server->store;
    static const unsigned char any[BRD_SERVER_ID_SIZE];
    brd_hello_from hello;
    brd_request request;
    brood_message args = BROOD_MESSAGE_INIT;
    int status = brd_request_read(in, &request, &args);
    if (!status)
        status = brd_hello_read(&args, 0, &hello);
    if (status || request.ask != BRD_ASK_HELLO)
        return BROOD_EPROTOCOL;
    bool other = memcmp(hello.server, any, sizeof any) != 0 &&
                 memcmp(hello.server, store->id, sizeof any) != 0;
    if (!other && !c->full)
        status = brd_session_join(store, hello.session, &c->session);
    if (!status)
        status = brd_answer_begin(out);
    if (status)
        return status;
    if (other || c->full)
        return brd_answer_end(out, other ? BROOD_ECLOSED : BROOD_EBUSY, 0,
                              other ? "" : "the manager has as many connections as it takes");
    memcpy(hello.server, store->id, sizeof hello.server);
    hello.pid = brd_os_pid();
    hello.limit = c->server->limit;
    return brd_hello_write(out, &hello);
}

static int greet(connection *c)
{
    brood_message in = BROOD_MESSAGE_INIT, out = BROOD_MESSAGE_INIT;
    int status = brood_pipe_recv(c->pipe, &in, PATIENCE_MS);
    if (!status)
        status = join_session(c, &in, &out);
    if (!status)
        status = brood_pipe_send(c->pipe, &out, PATIENCE_MS);
    brood_message_clear(&in);
    brood_message_clear(&out);
    return status;
}

// In the watcher's thread, while a user's method runs: it may do so for ever, and its client
// is not there to release anything.
static void hang_up(void *baton)
{
    const connection *c = baton;
    brd_session_hang_up(&c->server->store, c->session);
}

static void serve(void *baton)
{
    connection *c = baton;
    brd_server *server = c->server;
    c->place.hung_up = hang_up;
    c->place.baton = c;
    brood_message in = BROOD_MESSAGE_INIT;
    int status = greet(c);
    while (!status && c->session) {
        status = brood_pipe_recv(c->pipe, &in, BROOD_FOREVER);
        if (!status)
            status = answer(c, &in);
        brood_message_clear(&in);
    }
    if (c->session)
        brd_session_leave(&server->store, c->session, c->place.told);
    brd_place_close(&c->place);
    brood_pipe_destroy(c->pipe);
    free(c);
    atomic_fetch_sub(&server->connections, 1);
}

int brd_server_begin(brd_server *server, brood_pipe *pipe, bool full)
{
    brd_thread thread;
    connection *c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_ENOMEM;
    *c = (connection){.server = server, .pipe = pipe, .full = full};
    int status = brd_place_open(&c->place, server->watcher, pipe);
    if (status) {
        free(c);
        return status;
    }
    atomic_fetch_add(&server->connections, 1);
    status = brd_os_thread_start_small(&thread, STACK, serve, c);
    if (status) {
        atomic_fetch_sub(&server->connections, 1);
        brd_place_close(&c->place);
        free(c);
        return status;
    }
    brd_os_thread_detach(&thread);
    return BROOD_OK;
}
