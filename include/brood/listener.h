/**
 * Listeners and clients: pipes between processes that did not start each other, on one
 * machine or two.
 *
 *     brood_listener *listener;
 *     status = brood_listener_create(&listener, "local:jobs", NULL);
 *     status = brood_listener_accept(listener, &pipe, BROOD_FOREVER);
 *
 *     status = brood_client_connect(&pipe, "local:jobs", NULL, 5000);    // another program
 *
 * Addresses, of both:
 *
 *     NULL or "local"    a fresh local name that nobody can guess; ask for it with
 *                        brood_listener_address()
 *     "local:WORD"       the local name WORD of this user: 1 to 64 of A-Z a-z 0-9 . _ -
 *     "tcp:HOST:PORT"    TCP; without a host 127.0.0.1 and never all interfaces, without a
 *                        port (or with 0) one that is free; IPv6 as "tcp:[::1]:5000"
 *
 * Whom to trust. A local name is for processes of one user: the system refuses all others,
 * so a key is optional. TCP is for whoever has the key, and
 * works only with one. Both sides prove that they have it, without telling it, and the
 * proof is worth nothing with a listener at another address, later, or sent back to whom it
 * came from. (Two machines have one address where that is 127.0.0.1: .endpoint tells them
 * apart.)
 * A machine that vanishes without a word is noticed after two minutes, if nothing was on its way
 * there; else when the system gives that up (Linux: after a quarter of an hour).
 * Over TCP every message is sealed with keys of that one connection: changed, repeated,
 * left out or strange ones end it. It is not secret what they say, and somebody in between
 * can end the connection at any moment; where that matters, go through ssh, TLS or
 * WireGuard. Who has the key can send any message, of any content, as long as the limit,
 * and nothing more: what it makes the program do is the program's decision.
 *
 * Any thread may call any function here, several at the same time; only destroy must be
 * the last.
 *
 * Python: multiprocessing.connection.Listener, Client.
 */
#ifndef BROOD_LISTENER_H
#define BROOD_LISTENER_H

#include <brood/export.h>
#include <brood/pipe.h>
#include <brood/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_listener brood_listener;

/** Bytes of a good key, and of the shortest that is accepted. */
#define BROOD_KEY_SIZE     32
#define BROOD_KEY_SIZE_MIN 16

/** Fills `key` with BROOD_KEY_SIZE random bytes. Fails with: the system's error. */
BROOD_API int brood_key_create(void *key);

/** Zero in a field means the default. */
typedef struct brood_listener_options {
    size_t struct_size;
    const void *key;      /**< what clients must have too; copied; NULL: local names only */
    size_t key_size;      /**< BROOD_KEY_SIZE_MIN to 4096 bytes */
    uint64_t limit;       /**< bytes of the longest message from a client; 64 MiB */
    uint32_t backlog;     /**< clients that may be ready before they are accepted, at most
                               4,096; 64. More wait, and so does their brood_client_connect */
    const char *endpoint; /**< what both sides call the listener, up to 255 bytes; needed if
                               clients reach it by another TCP address than it has itself,
                               as through a port forwarding; the address */
} brood_listener_options;

/** BROOD_LISTENER(.key = key, .key_size = 32): the fields named, the others default. */
#define BROOD_LISTENER(...)                                                                        \
    (&(brood_listener_options){.struct_size = sizeof(brood_listener_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_LISTENER_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(brood_listener_options), 0, 0, 0, 0, 0                                              \
    }

/**
 * Listens, with a thread of its own that holds the handshakes: who is silent, slow, wrong
 * or hostile keeps nobody else waiting and is never heard of. options may be NULL. *out
 * is new: brood_listener_destroy().
 * Fails with: BROOD_EINVAL (no such address or key, TCP without a key), BROOD_EBUSY
 * (somebody listens there), BROOD_ENOMEM, the system's error.
 * Python: Listener(address, authkey=).
 */
BROOD_API int brood_listener_create(brood_listener **out, const char *address,
                                    const brood_listener_options *options);

/**
 * The next client that has passed the handshake, waiting up to `timeout` milliseconds for
 * one. *out is new: brood_pipe_destroy(), also after the listener is gone.
 * Fails with: BROOD_ETIMEDOUT, BROOD_ENOMEM. What a peer does wrong is no failure.
 * Python: accept.
 */
BROOD_API int brood_listener_accept(brood_listener *listener, brood_pipe **out, int64_t timeout);

/**
 * What brood_client_connect() is to be given, with the port that was chosen. Lives as long
 * as the listener. Python: address.
 */
BROOD_API const char *brood_listener_address(const brood_listener *listener);

/**
 * What to poll in an event loop, or for brood_wait_many(): an fd (readable) or a Windows
 * HANDLE (an auto-reset event). It is signalled when a client is ready: accept with a
 * timeout of 0 until there is none. Borrowed from the listener.
 */
BROOD_API intptr_t brood_listener_handle(brood_listener *listener);

/**
 * Listens no longer. Clients that were not accepted are disconnected, pipes that were go
 * on. Accepts NULL. Python: close.
 */
BROOD_API void brood_listener_destroy(brood_listener *listener);

/** Zero in a field means the default. */
typedef struct brood_client_options {
    size_t struct_size;
    const void *key;      /**< the listener's; not kept */
    size_t key_size;      /**< BROOD_KEY_SIZE_MIN to 4096 bytes */
    uint64_t limit;       /**< bytes of the longest message from the listener; 64 MiB */
    const char *endpoint; /**< the same as the listener's */
} brood_client_options;

/** BROOD_CLIENT(.key = key, .key_size = 32): the fields named, the others default. */
#define BROOD_CLIENT(...)                                                                          \
    (&(brood_client_options){.struct_size = sizeof(brood_client_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_CLIENT_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(brood_client_options), 0, 0, 0, 0                                                   \
    }

/**
 * Connects to a listener and holds the handshake, all within `timeout` milliseconds (but
 * what the system takes to look up the name of a host). A listener with too many peers
 * hangs up on slow ones: then it is tried again until the time is over. options may be
 * NULL. *out is new: brood_pipe_destroy().
 * Fails with: BROOD_ECLOSED (nobody listens there, or who does hung up several times without
 * a word: it may speak another version), BROOD_EAUTH (it has another key, or none, or another
 * endpoint), BROOD_ETIMEDOUT, BROOD_EPROTOCOL (it is no listener), BROOD_EINVAL, BROOD_ENOMEM,
 * the system's error. Python: Client(address, authkey=).
 */
BROOD_API int brood_client_connect(brood_pipe **out, const char *address,
                                   const brood_client_options *options, int64_t timeout);

#ifdef __cplusplus
}
#endif

#endif
