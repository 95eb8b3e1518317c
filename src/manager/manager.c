/**
 * Managers: the start of their process, and connecting to one.
 */
#include "base/clock.h"
#include "base/generation.h"
#include "ipc/message.h"
#include "manager/client.h"
#include "manager/proxy.h"
#include "manager/server.h"
#include "process/child.h"
#include <apr_general.h>
#include <brood/listener.h>
#include <brood/manager.h>
#include <brood/process.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_CLIENTS = 1000,
    DEFAULT_GRACE_MS = 1000,
    START_MS = 60000,
    ADDRESS_SIZE = 512,
    LEAST_LIMIT = 512 /* a greeting fits */
};

static const uint64_t default_limit = UINT64_C(64) << 20;

struct brood_manager {
    unsigned generation;
    brd_client *client;
    brd_mutex lock;         /* the end */
    brood_process *process; /* NULL: it is another program's, or has been shut down */
    brood_pipe *pipe;       /* tells it to end */
    bool started;           /* by this handle */
    int64_t grace;
    char address[ADDRESS_SIZE];
};

static bool is_ours(const brood_manager *m)
{
    return m && m->generation == brd_generation();
}

static int make(brood_manager **out)
{
    brood_manager *m = calloc(1, sizeof *m);
    if (!m)
        return BROOD_ENOMEM;
    m->generation = brd_generation();
    int status = brd_os_mutex_init(&m->lock);
    if (status)
        free(m);
    else
        *out = m;
    return status;
}

static int keep_address(brood_manager *m, const char *address)
{
    size_t size = strlen(address);
    if (size >= sizeof m->address)
        return BROOD_EINVAL;
    memcpy(m->address, address, size + 1);
    return BROOD_OK;
}

/* --------------------------------------------------------------------- start */

static int read_options(brood_manager_options *o, const brood_manager_options *options)
{
    *o = (brood_manager_options)BROOD_MANAGER_OPTIONS_INIT;
    if (options)
        memcpy(o, options, options->struct_size < sizeof *o ? options->struct_size : sizeof *o);
    if (o->clients > BRD_CLIENTS_MAX || o->grace < 0 || (!o->key && o->key_size) ||
        (o->key && !o->address) || (o->limit && o->limit < LEAST_LIMIT))
        return BROOD_EINVAL;
    o->clients = o->clients ? o->clients : DEFAULT_CLIENTS;
    o->limit = o->limit ? o->limit : default_limit;
    o->grace = o->grace ? o->grace : DEFAULT_GRACE_MS;
    return BROOD_OK;
}

static int start_process(brood_manager *m, const brood_manager_options *o,
                         const unsigned char id[BRD_SERVER_ID_SIZE])
{
    brood_message args = BROOD_MESSAGE_INIT;
    brood_pipe *theirs = NULL;
    int status = brd_child_name_own();
    if (!status)
        status = brood_pipe_create(&m->pipe, &theirs, NULL);
    if (!status)
        status = brood_pack(&args, "ayaystup", id, (size_t)BRD_SERVER_ID_SIZE, o->key, o->key_size,
                            o->address ? o->address : "", o->limit, o->clients, theirs);
    if (!status)
        status = brood_process_create(
            &m->process, brd_manager_serve, &args,
            BROOD_PROCESS(.name = "manager", .context = o->context, .grace = o->grace));
    if (!status)
        status = brood_process_start(m->process);
    brood_pipe_destroy(theirs);
    brd_os_wipe(brd_message_at(&args), args.size);
    brood_message_clear(&args);
    return status == BROOD_ECLOSED ? BROOD_EWORKERLOST : status; // it died before it had all that
}

// What it says when it listens, or why it does not.
static int hear(brood_manager *m)
{
    brood_message hello = BROOD_MESSAGE_INIT;
    brood_waitable things[] = {{.pipe = m->pipe}, {.process = m->process}};
    const char *address;
    int32_t said = BROOD_OK;
    int status = brood_wait_many(things, 2, START_MS);
    if (!status)
        status = brood_pipe_recv(m->pipe, &hello, things[0].ready ? START_MS : 0);
    if (status == BROOD_ECLOSED || (status == BROOD_ETIMEDOUT && things[1].ready))
        status = BROOD_EWORKERLOST;
    if (!status)
        status = brood_unpack(&hello, "is", &said, &address);
    if (!status)
        status = said ? said : keep_address(m, address);
    brood_message_clear(&hello);
    return status;
}

int brood_manager_start(brood_manager **out, const brood_manager_options *options)
{
    brood_manager_options o;
    brood_manager *m = NULL;
    unsigned char id[BRD_SERVER_ID_SIZE];
    char address[BRD_SERVER_ADDRESS_SIZE];
    int status = out ? read_options(&o, options) : BROOD_EINVAL;
    if (!status)
        status = make(&m);
    if (status)
        return status;
    m->started = true;
    status = apr_generate_random_bytes(id, sizeof id);
    if (!status)
        status = start_process(m, &o, id);
    if (!status)
        status = hear(m);
    brd_server_address(id, address);
    const brd_server_place place = {.address = address, .id = id};
    if (!status)
        status = brd_client_open(&m->client, &place, brd_until(START_MS));
    if (status)
        brood_manager_destroy(m);
    else
        *out = m;
    return status;
}

int brood_manager_connect(brood_manager **out, const char *address, const void *key,
                          size_t key_size, int64_t timeout)
{
    brood_manager *m = NULL;
    int status = out && address ? make(&m) : BROOD_EINVAL;
    if (status)
        return status;
    const brd_server_place place = {.address = address, .key = key, .key_size = key_size};
    status = keep_address(m, address);
    if (!status)
        status = brd_client_open(&m->client, &place, brd_until(timeout));
    if (status)
        brood_manager_destroy(m);
    else
        *out = m;
    return status;
}

/* ----------------------------------------------------------------------- end */

// Under the lock. It ends by itself when the pipe does, or is ended after the grace.
static void shut_down(brood_manager *m)
{
    brood_pipe_destroy(m->pipe);
    m->pipe = NULL;
    if (m->process)
        (void)brood_process_join(m->process, m->grace);
    brood_process_destroy(m->process);
    m->process = NULL;
}

int brood_manager_shutdown(brood_manager *m)
{
    if (!is_ours(m) || !m->started)
        return BROOD_EINVAL;
    brd_os_mutex_lock(&m->lock);
    shut_down(m);
    brd_os_mutex_unlock(&m->lock);
    return BROOD_OK;
}

void brood_manager_destroy(brood_manager *m)
{
    if (!is_ours(m))
        return;
    brd_client_release(m->client);
    shut_down(m);
    brd_os_mutex_clear(&m->lock);
    free(m);
}

const char *brood_manager_address(const brood_manager *m)
{
    return m ? m->address : "";
}

int64_t brood_manager_pid(brood_manager *m)
{
    if (!is_ours(m))
        return 0;
    brd_os_mutex_lock(&m->lock);
    int64_t pid = m->process ? brood_process_pid(m->process) : 0;
    brd_os_mutex_unlock(&m->lock);
    return pid;
}

/* ------------------------------------------------------------------- objects */

static int name_of(brd_request *request, const char *name)
{
    size_t size = name ? strlen(name) : 0;
    if (!size || size >= sizeof request->name)
        return BROOD_EINVAL;
    memcpy(request->name, name, size);
    return BROOD_OK;
}

int brood_manager_create(brood_manager *m, brood_proxy **out, const char *type,
                         const brood_message *args)
{
    brd_request request = {.ask = BRD_ASK_CREATE};
    brood_message answer = BROOD_MESSAGE_INIT;
    uint64_t object = 0;
    int status = is_ours(m) && out ? name_of(&request, type) : BROOD_EINVAL;
    if (!status && args && brd_message_cargo(args))
        status = BROOD_ENOTSUP;
    if (status)
        return status;
    status = brd_client_ask(m->client, &request, args, &answer, brd_client_patience(), NULL);
    answer.position = BRD_ANSWER_HEAD_SIZE;
    if (!status)
        status = brood_unpack(&answer, "t", &object);
    if (!status) {
        status = brd_proxy_make(out, m->client, object, type);
        if (status)
            brd_drop(m->client, object);
    }
    brood_message_clear(&answer);
    return status;
}

int brood_manager_publish(brood_manager *m, const char *name, brood_proxy *proxy)
{
    brd_request request = {.ask = BRD_ASK_PUBLISH};
    brood_message answer = BROOD_MESSAGE_INIT;
    int status = is_ours(m) ? name_of(&request, name) : BROOD_EINVAL;
    if (!status && proxy && brd_proxy_client(proxy) != m->client)
        status = BROOD_EINVAL;
    if (status)
        return status;
    request.object = brood_proxy_id(proxy);
    status = brd_client_ask(m->client, &request, NULL, &answer, brd_client_patience(), NULL);
    brood_message_clear(&answer);
    return status;
}

int brood_manager_find(brood_manager *m, brood_proxy **out, const char *name)
{
    brd_request request = {.ask = BRD_ASK_FIND};
    int status = is_ours(m) && out ? name_of(&request, name) : BROOD_EINVAL;
    return status ? status : brd_proxy_ask_for(out, m->client, &request);
}
