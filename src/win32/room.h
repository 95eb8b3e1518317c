/* What the files of the Windows room share among themselves; nobody else includes
 * it. Text goes through here between UTF-8 and UTF-16, errors between the
 * system's codes and ours. The lock order is: waiter, notices, channel or name.
 */
#ifndef BRD_WIN32_ROOM_H
#define BRD_WIN32_ROOM_H

#include "os.h"

#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <wchar.h>
#include <winsock2.h>

static inline HANDLE brd_win32_handle(brd_handle h)
{
    return (HANDLE)h.os;
}

static inline brd_handle brd_win32_wrap(HANDLE h)
{
    return (brd_handle){(intptr_t)h};
}

/* ------------------------------------------------------------------- handle.c */

/** GetLastError() in the words of os.h. Never 0. */
int brd_win32_error(DWORD code);

/** Whether it is a socket, which wants to be duplicated and closed by functions of its own. */
bool brd_win32_is_socket(HANDLE h);

/** Sockets can be used here from now on. */
int brd_win32_sockets_start(void);

/** What the process `pid` needs to open the same socket. */
int brd_win32_socket_describe(HANDLE h, DWORD pid, WSAPROTOCOL_INFOW *out);

/** A socket of a description that was made for this process. *out is new. */
int brd_win32_socket_open(WSAPROTOCOL_INFOW *description, brd_handle *out);

/** Makes a socket of one that came as a plain handle, which is closed. *out is new. */
int brd_win32_socket_import(HANDLE raw, brd_handle *out);

/** Milliseconds until then, rounded up; INFINITE for BRD_FOREVER. */
DWORD brd_win32_ms(brd_time until);

/* ----------------------------------------------------------------- notice.c */

/** A wait of the thread pool. Zeroed means none; it stays where it is while it is open. */
typedef struct brd_notice {
    struct brd_notice *next;
    uintptr_t number;
    HANDLE registration;
    void (*told)(void *baton); /* when the handle is signalled; short, under the notices' lock */
    void *baton;
} brd_notice;

int brd_win32_notice_open(brd_notice *n, HANDLE handle, bool once, void (*told)(void *),
                          void *baton);

/** Tells nothing any more when this returns. The handle is closed later. Accepts none. */
void brd_win32_notice_close(brd_notice *n);

/* ---------------------------------------------------------------- cmdline.c */

/** The text in UTF-16. New: free(). Fails with: BROOD_EINVAL (not UTF-8). */
int brd_win32_wide(const char *text, wchar_t **out);

/** The text in UTF-8. Fails with: BROOD_EINVAL (it does not fit). */
int brd_win32_utf8(const wchar_t *text, char *buffer, size_t cap);

/** Path of a loaded module. New: free(). */
int brd_win32_module_path(HMODULE module, wchar_t **out);

/** The command line that the CRT takes apart into argv again. New: free(). */
int brd_win32_command_line(const char *const *argv, wchar_t **out);

/** The sorted environment block of CreateProcess; NULL of NULL. New: free(). */
int brd_win32_environment(const char *const *env, wchar_t **out);

/* ------------------------------------------------------------------- chan.c */

/** A TCP socket: connected, behind a channel; or listening, behind a name. */
typedef struct brd_sock brd_sock;

enum { BRD_WIN32_PIPE_BYTES = 65536 };

/** A channel of a pipe's end, which it owns on success. */
int brd_win32_chan_of(HANDLE pipe, brd_chan **out);

/** Nothing is ever written to this one. */
void brd_win32_chan_only_read(brd_chan *c);

/** No handles travel on this channel from now on: its peer may name any process's. */
void brd_win32_chan_estrange(brd_chan *c);

/** Whether none travel. */
bool brd_win32_chan_stranger(const brd_chan *c);

/** A channel of a connected socket, which it owns on success. */
int brd_win32_chan_of_sock(brd_sock *s, brd_chan **out);

/** What a waiter keeps of one thing that it watches. */
typedef struct brd_source brd_source;

/** The child at the other end, to the end that started it; else NULL. */
HANDLE brd_win32_chan_process(brd_chan *c);

/**
 * Tokens that were given and not written yet: one more (false: there are too many), and
 * the last one back (false: there are none). The writer's.
 */
enum { BRD_WIN32_GIVEN = 16 };
bool brd_win32_chan_note_given(brd_chan *c, uint64_t token);
bool brd_win32_chan_last_given(brd_chan *c, uint64_t *token);

/** Whether the peer is our parent. */
bool brd_win32_chan_trusted(brd_chan *c);

/** Tells the parent's end which process is its peer. Duplicates the handle. */
int brd_win32_chan_peer(brd_chan *c, HANDLE process);

/** From now on the channel stirs this source when something changes; NULL ends it. */
void brd_win32_chan_watch(brd_chan *c, brd_source *s);

/** Who watches the channel: a source or NULL. */
brd_source *brd_win32_chan_watcher(brd_chan *c);

/** What of `want` (or its end) is so just now; if nothing, its source will be stirred. */
unsigned brd_win32_chan_look(brd_chan *c, unsigned want);

/* ------------------------------------------------------------------- sock.c */

/** Owns the socket on success. Fails with: BROOD_EINVAL (it is no such socket). */
int brd_win32_sock_open(HANDLE socket, bool listens, brd_sock **out);

/** The same as of a channel. */
int brd_win32_sock_read(brd_sock *s, void *buffer, size_t cap, size_t *got);
int brd_win32_sock_write(brd_sock *s, const void *bytes, size_t size, size_t *put);
int brd_win32_sock_wait(brd_sock *s, unsigned want, brd_time until);
unsigned brd_win32_sock_look(brd_sock *s, unsigned want);
void brd_win32_sock_watch(brd_sock *s, brd_source *source);
brd_source *brd_win32_sock_watcher(brd_sock *s);

/** Who came to the one that listens. *out is new. Fails with: BROOD_EAGAIN. */
int brd_win32_sock_accept(brd_sock *s, brd_sock **out, brd_peer *peer);

/** Of one that is not bound yet: nobody else is to bind to the same address. */
int brd_win32_sock_protect(HANDLE socket);

/** Borrowed. */
HANDLE brd_win32_sock_handle(const brd_sock *s);

/** Closes the socket. Accepts none. */
void brd_win32_sock_close(brd_sock **sock);

/* ------------------------------------------------------------------- name.c */

/** The same as of a channel: a source is stirred when somebody may have come. */
void brd_win32_name_watch(brd_name *n, brd_source *s);
brd_source *brd_win32_name_watcher(brd_name *n);

/** Whether brd_os_name_accept has something to say; if not, its source will be stirred. */
bool brd_win32_name_look(brd_name *n);

/* ----------------------------------------------------------------- waiter.c */

/** Makes the waiter look at this source again. Takes no lock; any thread. */
void brd_win32_source_stir(brd_source *s);

/** What it watches is about to go: it shall not. */
void brd_win32_source_forget(brd_source *s);

#endif
