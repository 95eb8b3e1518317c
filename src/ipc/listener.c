/**
 * Listeners: a name of one of the two families, and an acceptor on it. The one thing to
 * know: peers are the acceptor's business; what is here is setting up and taking down.
 */
#include "base/clock.h"
#include "base/generation.h"
#include "ipc/acceptor.h"
#include "ipc/connection.h"
#include "ipc/tcp.h"
#include <apr_general.h>
#include <brood/listener.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_BACKLOG = 64, MOST_BACKLOG = 4096, SYSTEM_BACKLOG = 511 };

struct brood_listener {
    unsigned generation;
    brd_acceptor *acceptor;
    bool tcp;
    uint64_t limit;
    char address[BRD_ADDRESS_SIZE];
    size_t key_size;
    unsigned char key[]; /* key_size bytes */
};

int brood_key_create(void *key)
{
    if (!key)
        return BROOD_EINVAL;
    return apr_generate_random_bytes(key, BROOD_KEY_SIZE);
}

/* ------------------------------------------------------------------- listening */

static int listen_locally(brd_name **out, brd_address *a, brd_endpoint *endpoint)
{
    char name[BRD_LOCAL_SIZE];
    int status = BROOD_OK;
    if (a->family == BRD_FAMILY_FRESH)
        status = brd_os_name_private(name, sizeof name);
    else
        status = brd_connection_name(a, name);
    if (!status)
        status = brd_endpoint_of_local(endpoint, name);
    if (!status)
        status = brd_os_name_listen(out, name);
    if (!status && a->family == BRD_FAMILY_FRESH) {
        a->family = BRD_FAMILY_NAME;
        memcpy(a->text, name, sizeof name);
    }
    return status;
}

static int open_acceptor(brood_listener *l, brd_address *a, const brood_listener_options *o)
{
    brd_name *name = NULL;
    brd_acceptor_terms terms = {.key = {l->key, l->key_size},
                                .backlog = o->backlog ? o->backlog : DEFAULT_BACKLOG};
    int status = l->tcp ? brd_tcp_listen(&name, a, SYSTEM_BACKLOG, a)
                        : listen_locally(&name, a, &terms.endpoint);
    if (!status && o->endpoint)
        status = brd_endpoint_of_label(&terms.endpoint, o->endpoint);
    if (!status)
        status = brd_address_print(a, l->address, sizeof l->address);
    if (!status)
        status = brd_acceptor_open(&l->acceptor, name, &terms);
    if (status)
        brd_os_name_close(&name);
    return status;
}

static void end(brood_listener *l)
{
    brd_acceptor_close(&l->acceptor);
    brd_os_wipe(l->key, l->key_size);
    free(l);
}

int brood_listener_create(brood_listener **out, const char *address,
                          const brood_listener_options *options)
{
    brood_listener_options o = BROOD_LISTENER_OPTIONS_INIT;
    brd_address a;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    int status = out && o.backlog <= MOST_BACKLOG ? brd_address_parse(&a, address) : BROOD_EINVAL;
    if (!status)
        status = brd_connection_check_key(o.key, o.key_size, &a);
    if (status)
        return status;
    brood_listener *l = calloc(1, sizeof *l + o.key_size);
    if (!l)
        return BROOD_ENOMEM;
    l->generation = brd_generation();
    l->tcp = a.family == BRD_FAMILY_TCP;
    l->limit = o.limit;
    l->key_size = o.key_size;
    if (o.key_size)
        memcpy(l->key, o.key, o.key_size);
    status = open_acceptor(l, &a, &o);
    if (status)
        end(l);
    else
        *out = l;
    return status;
}

/* ------------------------------------------------------------------------- use */

/** Whether this process made it: in a copy that was forked since, its thread is not there. */
static bool is_ours(const brood_listener *l)
{
    return l && l->generation == brd_generation();
}

int brood_listener_accept(brood_listener *l, brood_pipe **out, int64_t timeout)
{
    brd_accepted one;
    if (!is_ours(l) || !out)
        return BROOD_EINVAL;
    int status = brd_acceptor_take(l->acceptor, &one, brd_until(timeout));
    if (status)
        return status;
    status = brd_connection_pipe(out, one.chan, l->tcp ? &one.seal : NULL, l->limit);
    if (status)
        brd_os_chan_close(&one.chan);
    brd_seal_clear(&one.seal);
    return status;
}

const char *brood_listener_address(const brood_listener *l)
{
    return l ? l->address : "";
}

intptr_t brood_listener_handle(brood_listener *l)
{
    return is_ours(l) ? brd_acceptor_handle(l->acceptor).os : -1;
}

void brood_listener_destroy(brood_listener *l)
{
    if (is_ours(l))
        end(l);
}
