/*
 * Processes that another process started, and waits for: a forkserver's children. Called by
 * the process floor on both sides. The one thing to know: how such a one ended is told by
 * its parent, which may be stopped or gone; until it was waited for the system tells too,
 * and without a handle of the process a socket that only it holds tells that it has ended.
 */
#include "room.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#endif

enum { NEWS_MS = 500 };

#if defined(MSG_NOSIGNAL)
#define SEND_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT)
#else
#define SEND_FLAGS MSG_DONTWAIT // where nothing is adopted: see brd_os_can_fork
#endif

/** What is told of a process that somebody else waits for. */
typedef struct news_record {
    int64_t kind, code;
} news_record;

/** What the parent of an adopted process told. False: nothing, and it will not. */
static bool news_read(const brd_proc *p, brd_exit *out)
{
    struct pollfd told = {.fd = brd_fd_of(p->news), .events = POLLIN};
    news_record record;
    ssize_t got = 0;
    (void)brd_fd_poll(&told, 1, brd_os_now() + NEWS_MS * BRD_MS);
    do {
        got = read(told.fd, &record, sizeof record);
    } while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof record || record.kind == BROOD_EXIT_NONE ||
        record.kind > BROOD_EXIT_UNKNOWN)
        return false;
    *out = (brd_exit){(brood_exit_kind)record.kind, record.code};
    return true;
}

#if defined(SYS_pidfd_send_signal)

/** Fields of /proc/PID/stat behind the name; the manual counts from 1, and the name is 2. */
enum { AT_STATE = 3, AT_WCHAN = 35, AT_EXIT = 52 };

/**
 * How a process ended that nobody has waited for yet. To those who may not know, 0 is
 * written in place of its code and of where it waits, and that is not 0 of a dead one.
 */
static bool read_stat(const char *line, brd_exit *out)
{
    const char *at = strrchr(line, ')');
    long long values[AT_EXIT + 1] = {0};
    int ended = 0;
    if (!at || strncmp(at, ") Z ", 4) != 0)
        return false;
    at += 3;
    for (int i = AT_STATE + 1; i <= AT_EXIT; i++) {
        char *end = NULL;
        values[i] = strtoll(at, &end, 10);
        if (end == at)
            return false;
        at = end;
    }
    ended = (int)values[AT_EXIT];
    if (!ended && !values[AT_WCHAN])
        return false;
    *out = WIFSIGNALED(ended) ? (brd_exit){BROOD_EXIT_SIGNAL, WTERMSIG(ended)}
                              : (brd_exit){BROOD_EXIT_CODE, WEXITSTATUS(ended)};
    return true;
}

/**
 * The same before its parent has waited for it, which may be stopped. A process that can
 * be reached by its handle afterwards was there all the time, so its number was its own.
 */
static bool zombie_exit(const brd_proc *p, brd_exit *out)
{
    char name[64];
    char line[1024] = "";
    brd_exit read = {BROOD_EXIT_UNKNOWN, 0};
    FILE *file = NULL;
    if (p->blind)
        return false;
    (void)snprintf(name, sizeof name, "/proc/%lld/stat", (long long)p->pid);
    file = fopen(name, "re");
    bool known = file && fgets(line, sizeof line, file) && read_stat(line, &read);
    if (file)
        (void)fclose(file);
    if (!known || syscall(SYS_pidfd_send_signal, brd_fd_of(p->life), 0, NULL, 0) < 0)
        return false;
    // What it has started ends with it: its parent would see to that.
    (void)kill(-(pid_t)p->pid, SIGKILL);
    *out = read;
    return true;
}

#else

static bool zombie_exit(const brd_proc *p, brd_exit *out)
{
    (void)p, (void)out;
    return false;
}

#endif

bool brd_news_exit(const brd_proc *p, brd_exit *out)
{
    return zombie_exit(p, out) || news_read(p, out);
}

/** A line is a socket; a handle of the process is not. */
static bool is_line(brd_handle life)
{
    struct stat is;
    return fstat(brd_fd_of(life), &is) == 0 && S_ISSOCK(is.st_mode);
}

int brd_os_proc_adopt(brd_proc *out, int64_t pid, brd_handle life, brd_handle news)
{
    int copy = -1;
    bool blind = brd_is_none(life) || is_line(life);
    if (pid <= 1 || brd_is_none(news))
        return BROOD_EINVAL;
    if (brd_is_none(life)) {
        int status = brd_fd_duplicate(brd_fd_of(news), 3, &copy);
        if (status)
            return status;
        life = brd_fd_handle(copy);
    }
    *out = (brd_proc){.life = life, .group = BRD_NONE, .news = news, .pid = pid, .blind = blind};
    return 0;
}

int brd_os_proc_parent(brd_proc *out, int64_t parent)
{
    brd_proc p = brd_proc_of(parent);
    int status = 0;
    // After the handle was made: until then the number may have become another's.
    if (getppid() != (pid_t)parent)
        status = BROOD_ECLOSED;
    else if (brd_is_none(p.life))
        status = BROOD_ENOTSUP;
    if (status)
        brd_os_close(&p.life);
    else
        *out = p;
    return status;
}

// Sockets, because a write to a pipe that nobody reads is a signal.
int brd_os_news_open(brd_handle *reader, brd_handle *writer)
{
    int ends[2] = {-1, -1};
    int type = SOCK_STREAM;
#if defined(SOCK_CLOEXEC)
    type |= SOCK_CLOEXEC;
#endif
    if (socketpair(AF_UNIX, type, 0, ends) < 0)
        return brd_error(errno);
    int status = brd_fd_own(&ends[0]);
    if (!status)
        status = brd_fd_own(&ends[1]);
    if (!status)
        status = brd_fd_nonblocking(ends[0]);
    if (status) {
        brd_fd_close(&ends[0]);
        brd_fd_close(&ends[1]);
        return status;
    }
    *reader = brd_fd_handle(ends[0]);
    *writer = brd_fd_handle(ends[1]);
    return 0;
}

void brd_os_news_tell(brd_handle writer, const brd_exit *ended)
{
    const news_record record = {.kind = ended->kind, .code = ended->code};
    ssize_t put = 0;
    do {
        put = send(brd_fd_of(writer), &record, sizeof record, SEND_FLAGS);
    } while (put < 0 && errno == EINTR);
}

// Whoever holds the other end of it still: a copy that the process made of itself.
void brd_os_line_cut(brd_handle *reader)
{
    if (!brd_is_none(*reader))
        (void)shutdown(brd_fd_of(*reader), SHUT_RDWR);
    brd_os_close(reader);
}
