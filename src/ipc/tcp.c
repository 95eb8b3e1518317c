/**
 * TCP through APR, which knows names, families and connecting with a time limit. The one
 * thing to know: a socket has one owner, so it is taken out of APR's hands the moment the
 * door has it.
 */
#include "ipc/tcp.h"
#include "base/apr.h"
#include <apr_general.h>
#include <apr_network_io.h>
#include <apr_portable.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { WINSOCK_IN_USE = 720000 + 10048 }; // WSAEADDRINUSE, which no test of APR's knows

static int status_of(apr_status_t status)
{
    if (APR_STATUS_IS_ENOMEM(status))
        return BROOD_ENOMEM;
    if (APR_STATUS_IS_TIMEUP(status) || APR_STATUS_IS_ETIMEDOUT(status))
        return BROOD_ETIMEDOUT;
    if (APR_STATUS_IS_ECONNREFUSED(status))
        return BROOD_ECLOSED;
    if (status == APR_FROM_OS_ERROR(EADDRINUSE) || status == WINSOCK_IN_USE)
        return BROOD_EBUSY;
    return status;
}

static int make_pool(apr_pool_t **out)
{
    apr_pool_t *pool = NULL;
    brd_apr_start();
    // Not below APR's root: its lock could be held elsewhere while this process is forked.
    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL) != APR_SUCCESS)
        return BROOD_ENOMEM;
    *out = pool;
    return BROOD_OK;
}

static int look_up(apr_sockaddr_t **out, const brd_address *a, apr_pool_t *pool)
{
    return status_of(apr_sockaddr_info_get(out, a->text, APR_UNSPEC, a->port, 0, pool));
}

static brd_handle handle_of(apr_socket_t *s)
{
    brd_handle handle = BRD_NONE;
    apr_os_sock_t os;
    if (apr_os_sock_get(&os, s) == APR_SUCCESS)
        handle.os = (intptr_t)os;
    return handle;
}

// The door has it now: APR is to close nothing.
static void let_go(apr_socket_t *s, apr_pool_t *pool)
{
    apr_os_sock_t none = (apr_os_sock_t)-1;
    (void)apr_os_sock_put(&s, &none, pool);
}

// It is ours at once: a worker that is forked meanwhile must not keep it.
static int open_socket(apr_socket_t **out, const apr_sockaddr_t *at, apr_pool_t *pool)
{
    int status = status_of(apr_socket_create(out, at->family, SOCK_STREAM, APR_PROTO_TCP, pool));
    if (!status)
        brd_os_keep(handle_of(*out));
    return status;
}

static void close_socket(apr_socket_t *s)
{
    brd_handle handle = s ? handle_of(s) : BRD_NONE;
    (void)brd_os_hand_over(&handle);
    if (s)
        (void)apr_socket_close(s);
}

/* ------------------------------------------------------------------- listening */

static int numbers_of(apr_socket_t *s, brd_address *out)
{
    brd_address a = {.family = BRD_FAMILY_TCP};
    apr_sockaddr_t *at = NULL;
    apr_status_t status = apr_socket_addr_get(&at, APR_LOCAL, s);
    if (status == APR_SUCCESS)
        status = apr_sockaddr_ip_getbuf(a.text, sizeof a.text, at);
    if (status == APR_SUCCESS) {
        a.port = at->port;
        *out = a;
    }
    return status_of(status);
}

static int listen_at(brd_name **out, apr_sockaddr_t *at, uint32_t backlog, brd_address *bound,
                     apr_pool_t *pool)
{
    apr_socket_t *s = NULL;
    brd_address numbers = {.family = BRD_FAMILY_TCP};
    int status = open_socket(&s, at, pool);
    if (!status)
        status = brd_os_name_protect(handle_of(s));
    if (!status)
        status = status_of(apr_socket_bind(s, at));
    if (!status)
        status = status_of(apr_socket_listen(s, (apr_int32_t)backlog));
    if (!status)
        status = numbers_of(s, &numbers);
    if (!status)
        status = brd_os_name_adopt(out, handle_of(s));
    if (!status) {
        let_go(s, pool);
        *bound = numbers;
    } else {
        close_socket(s);
    }
    return status;
}

int brd_tcp_listen(brd_name **out, const brd_address *at, uint32_t backlog, brd_address *bound)
{
    apr_pool_t *pool = NULL;
    apr_sockaddr_t *found = NULL;
    int status = make_pool(&pool);
    if (status)
        return status;
    status = look_up(&found, at, pool);
    if (!status)
        status = BROOD_EINVAL; // of a name without an address
    for (; found; found = found->next) {
        status = listen_at(out, found, backlog, bound, pool);
        if (!status || status == BROOD_EBUSY) // who listens there would get half of the clients
            break;
    }
    apr_pool_destroy(pool);
    return status;
}

/* ------------------------------------------------------------------ connecting */

// An IPv6 address, or IPv4 as ::ffff:a.b.c.d, and the port.
static int write_address(uint8_t out[18], const apr_sockaddr_t *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (a->ipaddr_len == 16) {
        memcpy(out, a->ipaddr_ptr, 16);
    } else if (a->ipaddr_len == 4) {
        memcpy(out, mapped, 12);
        memcpy(out + 12, a->ipaddr_ptr, 4);
    } else {
        return BROOD_ENOTSUP;
    }
    out[16] = (uint8_t)(a->port >> 8);
    out[17] = (uint8_t)a->port;
    return BROOD_OK;
}

static int connect_to(brd_chan **out, apr_sockaddr_t *to, brd_time until, uint8_t there[18],
                      apr_pool_t *pool)
{
    apr_socket_t *s = NULL;
    apr_sockaddr_t *reached = NULL;
    int status = open_socket(&s, to, pool);
    brd_time left = until == BRD_FOREVER ? -1 : until - brd_os_now();
    if (!status && until != BRD_FOREVER && (until <= 0 || left <= 0))
        status = BROOD_ETIMEDOUT;
    if (!status)
        status = status_of(apr_socket_timeout_set(s, left < 0 ? -1 : left / 1000 + 1));
    if (!status)
        status = status_of(apr_socket_connect(s, to));
    if (!status) // what was dialled may stand for another, as 0.0.0.0 does
        status = status_of(apr_socket_addr_get(&reached, APR_REMOTE, s));
    if (!status)
        status = write_address(there, reached);
    if (!status)
        status = brd_os_chan_adopt(out, handle_of(s));
    if (!status)
        let_go(s, pool);
    else
        close_socket(s);
    return status;
}

int brd_tcp_connect(brd_chan **out, const brd_address *to, brd_time until, uint8_t there[18])
{
    apr_pool_t *pool = NULL;
    apr_sockaddr_t *found = NULL;
    int status = make_pool(&pool);
    if (status)
        return status;
    status = look_up(&found, to, pool);
    if (!status)
        status = BROOD_EINVAL;
    for (; found && status && status != BROOD_ETIMEDOUT; found = found->next)
        status = connect_to(out, found, until, there, pool);
    apr_pool_destroy(pool);
    return status;
}
