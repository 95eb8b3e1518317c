/**
 * The forkserver itself: it forks, hands over what it was given for the child, and tells
 * how each child ended. The one thing to know: it has one thread and holds no lock, so
 * every copy of it is fit to run anything.
 */
#include "ipc/message.h"
#include "process/birth.h"
#include "process/forkserver.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_INHERITED = 8,
    MOST_GIVEN = MOST_INHERITED + 3,
    MOST_BORN = MOST_INHERITED + 1,
    EVENTS = 16,
    WRITE_MS = 10000,
    KILL_MS = 1000
};

typedef struct nestling {
    struct nestling *next;
    brd_proc proc;
    brd_handle news;
    brd_handle line; /* where the system has no handles of processes: the child has its other end */
} nestling;

typedef struct server {
    brd_frames frames;
    brd_waiter *waiter;
    brd_proc parent;
    bool blind; /* the system has no handles of processes */
    nestling *nest;
} server;

/* ------------------------------------------------------------------- births */

static int answer(server *s, const nestling *n, int status)
{
    brd_frame frame = {.type = BRD_FRAME_FORKED, .b = (uint64_t)status};
    if (n) {
        brd_handle life = brd_is_none(n->proc.life) ? n->line : n->proc.life;
        frame.a = (uint64_t)n->proc.pid;
        if (!brd_is_none(life) && brd_os_chan_give(s->frames.chan, life, &frame.token))
            frame.token = 0;
    }
    return brd_frames_write(&s->frames, &frame, brd_os_now() + WRITE_MS * BRD_MS);
}

/** What came with a request. */
typedef struct request {
    brd_handle given[MOST_GIVEN];
    size_t count;                /* those that the child inherits; behind them: */
    brd_handle *output, *errors; /* NULL: it has those of the server */
    brd_handle *news;
    size_t taken; /* all of them */
} request;

// The line's end goes along, and is of no other use to the child.
static int fork_with(nestling *n, const request *r, brd_handle line)
{
    brd_handle born[MOST_BORN];
    brd_launch how = {
        .inherit = born, .ninherit = r->count, .output = r->output, .errors = r->errors};
    bool child = false;
    memcpy(born, r->given, r->count * sizeof *born);
    if (!brd_is_none(line))
        born[how.ninherit++] = line;
    int status = brd_os_proc_fork(&n->proc, &how, &child);
    if (child)
        brd_child_forked(born, r->count, 0, status);
    return status;
}

static int fork_one(server *s, nestling *n, const request *r)
{
    brd_handle line = BRD_NONE;
    int status = s->blind ? brd_os_news_open(&n->line, &line) : BROOD_OK;
    if (!status)
        status = fork_with(n, r, line);
    brd_os_close(&line); // so that the child's is the only one
    if (status)
        return status;
    status = brd_os_waiter_proc(s->waiter, &n->proc, true, n);
    if (status) { // nobody would hear of its end
        brd_exit ended;
        (void)brd_os_proc_kill(&n->proc, true);
        (void)brd_os_proc_wait(&n->proc, BRD_FOREVER, &ended);
        brd_os_proc_close(&n->proc);
    }
    return status;
}

// Keeps the handle for the news.
static int bear(server *s, request *r)
{
    nestling *n = calloc(1, sizeof *n);
    int status = n ? BROOD_OK : BROOD_ENOMEM;
    if (n)
        n->line = BRD_NONE;
    if (!status)
        status = fork_one(s, n, r);
    if (!status) {
        n->news = *r->news;
        *r->news = BRD_NONE;
        n->next = s->nest;
        s->nest = n;
    } else {
        if (n)
            brd_os_close(&n->line);
        free(n);
        n = NULL;
    }
    return answer(s, n, status);
}

static int on_frame(server *s, const brd_frame *frame)
{
    request r = {.count = (size_t)frame->a};
    int status = BROOD_OK;
    if (frame->type != BRD_FRAME_FORK || frame->a > MOST_INHERITED)
        return BROOD_EPROTOCOL;
    brd_handle *at = r.given + r.count;
    if (frame->b & BRD_FORK_OUTPUT)
        r.output = at++;
    if (frame->b & BRD_FORK_ERRORS)
        r.errors = at++;
    r.news = at++;
    for (; !status && r.given + r.taken < at; r.taken += !status)
        status = brd_os_chan_take(s->frames.chan, frame->token + r.taken, &r.given[r.taken]);
    if (!status)
        status = bear(s, &r);
    while (r.taken)
        brd_os_close(&r.given[--r.taken]);
    return status;
}

static int read_frames(server *s)
{
    brd_frame frame;
    int status;
    while ((status = brd_frames_read(&s->frames, &frame)) == BROOD_OK)
        if ((status = on_frame(s, &frame)) != BROOD_OK)
            return status;
    return status == BROOD_EAGAIN ? BROOD_OK : status;
}

/* --------------------------------------------------------------------- ends */

static void tell_end(server *s, nestling *n, const brd_exit *ended)
{
    nestling **at = &s->nest;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    (void)brd_os_waiter_proc(s->waiter, &n->proc, false, n);
    brd_os_news_tell(n->news, ended);
    brd_os_close(&n->news);
    brd_os_line_cut(&n->line); // whatever the child has left may hold the other end
    brd_os_proc_close(&n->proc);
    free(n);
}

static void look_at(server *s, nestling *n, brd_time until)
{
    brd_exit ended;
    if (brd_os_proc_wait(&n->proc, until, &ended) == BROOD_OK)
        tell_end(s, n, &ended);
}

static int serve(server *s)
{
    brd_event events[EVENTS];
    size_t count = 0;
    int status = brd_os_waiter_wait(s->waiter, BRD_FOREVER, events, EVENTS, &count);
    for (size_t i = 0; !status && i < count; i++) {
        if (events[i].tag == s)
            status = read_frames(s);
        else if (events[i].tag == &s->parent)
            status = BROOD_ECLOSED; // although somebody else may still hold its channel
        else if (events[i].tag)
            look_at(s, events[i].tag, 0);
    }
    return status;
}

static int preload(const brd_place *place, const char *name)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    brood_function *function = NULL;
    if (!place->offset)
        return BROOD_OK;
    int status = brd_child_find(place, name, &function);
    if (status)
        return status;
    status = function(&args, &result) ? BROOD_ETASK : BROOD_OK;
    (void)fflush(stdout); // or each child would write it once more
    (void)fflush(stderr);
    brood_message_clear(&args);
    brood_message_clear(&result);
    return status;
}

// Until here it ended with the thread that started it, which has waited.
static int watch_parent(server *s, int64_t parent)
{
    brd_os_child_stay();
    int status = brd_os_proc_parent(&s->parent, parent);
    s->blind = status == BROOD_ENOTSUP;
    if (s->blind)
        return BROOD_OK; // then the channel alone tells
    return status ? status : brd_os_waiter_proc(s->waiter, &s->parent, true, &s->parent);
}

_Noreturn void brd_forkserver_run(brd_chan *chan, const brd_startup *startup)
{
    server s = {.frames.chan = chan};
    int status = preload(&startup->entry, startup->function);
    if (!status && (brd_os_thread_foreign() > 1 || brd_os_thread_ours()))
        status = BROOD_ETHREADS;
    if (!status)
        status = brd_os_waiter_open(&s.waiter);
    if (!status)
        status = brd_os_waiter_chan(s.waiter, chan, BRD_READ, &s);
    if (!status)
        status = watch_parent(&s, startup->parent);
    if (status)
        brd_child_refuse(chan, status, BRD_FAILED_AT_START);
    status = answer(&s, NULL, BROOD_OK); // ready
    while (!status)
        status = serve(&s);
    // Whatever else went wrong is no reason to end anybody: they have their channels.
    if (status != BROOD_ECLOSED)
        brd_os_exit(BRD_EXIT_REFUSED);
    // The parent is gone, and nothing of it may stay.
    for (nestling *n = s.nest; n; n = n->next)
        (void)brd_os_proc_kill(&n->proc, true);
    brd_time until = brd_os_now() + KILL_MS * BRD_MS;
    for (nestling *n = s.nest, *next; n; n = next) {
        next = n->next;
        look_at(&s, n, until);
    }
    brd_os_exit(0);
}
