/**
 * The thread that reads what captured children print, and what it keeps.
 *
 * Bytes move under the capture's lock, from the pipe to the kept end and into a buffer;
 * on_line is called without it. Only the thread takes an output off its list, so it may
 * walk the list without the lock; an output is freed by whoever is the last to refer to
 * it, the thread or the child.
 */
#include "process/capture.h"
#include "process/self.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_SIZE = 8192, /* longer lines are told in pieces */
    CHUNK = 65536,    /* read of one stream before the others have their turn */
    MOST_TURNS = 16,  /* of a stream whose child has ended: more than a pipe holds */
    EVENTS = 16,
    STREAMS = 2
};

typedef struct stream {
    brd_output *output;
    brood_stream which;
    brd_handle theirs;   /* the child's end, until it is started */
    brd_chan *chan;      /* NULL: not captured, or it has ended */
    unsigned char *left; /* taken out at the child's end, and not told yet */
    size_t nleft;
    size_t have; /* the thread's alone: a line that has begun */
    char text[LINE_SIZE + 1];
} stream;

struct brd_output {
    brd_output *next;
    brd_capture *capture;
    bool listed; /* the thread refers to it */
    bool held;   /* the child does */
    bool ended;  /* the child has ended ... */
    bool due;    /* ... and the thread has not looked since */
    brd_link_words *words;
    uint64_t task, index; /* what it was at when it was read last */
    int64_t pid;
    char name[BRD_NAME_SIZE];
    stream streams[STREAMS];
    uint64_t printed; /* bytes to standard error; the last of them: */
    char tail[BRD_TAIL_SIZE];
};

struct brd_capture {
    brd_mutex lock;
    _Atomic unsigned generation; /* of the process that the rest belongs to */
    void (*on_line)(const brood_line *line, void *baton);
    void *baton;
    bool wanted[STREAMS];
    bool quit;
    bool emptied; /* the thread's alone: some stream has ended */
    brd_waiter *waiter;
    brd_thread thread;
    brd_output *first;
    unsigned char chunk[CHUNK]; /* the thread's alone */
};

/* -------------------------------------------------------------------- reading */

static void keep_tail(brd_output *o, const unsigned char *bytes, size_t size)
{
    if (size > BRD_TAIL_SIZE) {
        o->printed += size - BRD_TAIL_SIZE;
        bytes += size - BRD_TAIL_SIZE;
        size = BRD_TAIL_SIZE;
    }
    size_t at = (size_t)(o->printed % BRD_TAIL_SIZE);
    size_t first = size < BRD_TAIL_SIZE - at ? size : BRD_TAIL_SIZE - at;
    memcpy(o->tail + at, bytes, first);
    memcpy(o->tail, bytes + first, size - first);
    o->printed += size;
}

// Under the lock: what is read, is kept.
static int read_some(stream *s, unsigned char *to, size_t cap, size_t *got)
{
    brd_output *o = s->output;
    int status = brd_os_chan_read(s->chan, to, cap, got);
    if (!status && s->which == BROOD_STREAM_ERR)
        keep_tail(o, to, *got);
    if (o->words)
        brd_link_at_hand(o->words, &o->task, &o->index);
    return status;
}

// Under the lock. Others may still write to it: it is bounded. Without memory for all of
// it the thread reads the rest when it comes to it. True: the stream has ended.
static bool take_left(stream *s)
{
    int status = BROOD_OK;
    while (!status && s->nleft < (size_t)MOST_TURNS * CHUNK) {
        unsigned char *more = realloc(s->left, s->nleft + CHUNK);
        size_t got = 0;
        if (!more)
            break;
        s->left = more;
        status = read_some(s, s->left + s->nleft, CHUNK, &got);
        s->nleft += status ? 0 : got;
    }
    if (!s->nleft) {
        free(s->left);
        s->left = NULL;
    }
    return status && status != BROOD_EAGAIN;
}

/* -------------------------------------------------------------------- telling */

static void tell(brd_capture *c, stream *s, size_t size, bool cut, brood_line *line)
{
    s->text[size] = '\0';
    line->text = s->text;
    line->size = size;
    line->cut = cut;
    c->on_line(line, c->baton);
    s->have = 0;
}

// A piece ends only where more of its line is there: so none is empty but the last.
static void cut_lines(brd_capture *c, stream *s, const unsigned char *bytes, size_t size,
                      brood_line *line)
{
    while (size) {
        const unsigned char *end = memchr(bytes, '\n', size);
        size_t part = end ? (size_t)(end - bytes) : size, room = LINE_SIZE - s->have;
        part = part < room ? part : room;
        memcpy(s->text + s->have, bytes, part);
        s->have += part;
        bytes += part;
        size -= part;
        if (bytes == end) {
            tell(c, s, s->have - (s->have && s->text[s->have - 1] == '\r'), false, line);
            bytes++;
            size--;
        } else if (size) {
            tell(c, s, s->have, true, line);
        }
    }
}

// Under the lock.
static void close_stream(brd_capture *c, stream *s)
{
    (void)brd_os_waiter_chan(c->waiter, s->chan, 0, s);
    brd_os_chan_close(&s->chan);
}

static void end_stream(brd_capture *c, stream *s)
{
    close_stream(c, s);
    c->emptied = true;
}

// One portion of one stream. False: there is no more for now.
static bool serve(brd_capture *c, stream *s, bool closing)
{
    brd_output *o = s->output;
    unsigned char *left = NULL, *bytes = c->chunk;
    size_t size = 0;
    int status = BROOD_EAGAIN;
    brd_os_mutex_lock(&c->lock);
    if (s->left) { // it was taken out before what is in the pipe now was written
        bytes = left = s->left;
        size = s->nleft;
        s->left = NULL;
        s->nleft = 0;
        status = BROOD_OK;
    } else if (s->chan) {
        status = read_some(s, bytes, CHUNK, &size);
    }
    bool over = (status && status != BROOD_EAGAIN) || (closing && status);
    if (over && s->chan)
        end_stream(c, s);
    bool last = over || (o->ended && status);
    brood_line line = {.stream = s->which,
                       .worker = o->pid,
                       .name = o->name,
                       .task = o->task,
                       .index = (size_t)o->index};
    brd_os_mutex_unlock(&c->lock);
    if (c->on_line && size)
        cut_lines(c, s, bytes, size, &line);
    if (c->on_line && last && s->have)
        tell(c, s, s->have, false, &line);
    free(left);
    return !status;
}

/* ----------------------------------------------------------------- the thread */

static void output_free(brd_output *o)
{
    for (size_t i = 0; i < STREAMS; i++) {
        brd_os_close(&o->streams[i].theirs);
        brd_os_chan_close(&o->streams[i].chan);
        free(o->streams[i].left);
    }
    free(o);
}

static bool is_over(const brd_output *o)
{
    bool over = !o->due;
    for (size_t i = 0; i < STREAMS; i++)
        over = over && !o->streams[i].chan && !o->streams[i].left;
    return over;
}

static void drop_over(brd_capture *c)
{
    brd_os_mutex_lock(&c->lock);
    for (brd_output **at = &c->first, *o; (o = *at);) {
        if (!is_over(o)) {
            at = &o->next;
            continue;
        }
        *at = o->next;
        o->listed = false;
        if (!o->held)
            output_free(o);
    }
    brd_os_mutex_unlock(&c->lock);
    c->emptied = false;
}

static brd_output *first_output(brd_capture *c)
{
    brd_os_mutex_lock(&c->lock);
    brd_output *first = c->first;
    brd_os_mutex_unlock(&c->lock);
    return first;
}

static bool is_due(brd_capture *c, brd_output *o)
{
    brd_os_mutex_lock(&c->lock);
    bool due = o->due;
    o->due = false;
    brd_os_mutex_unlock(&c->lock);
    return due;
}

// Children that have ended: their last lines, whoever holds the streams now.
static void serve_ended(brd_capture *c)
{
    for (brd_output *o = first_output(c); o; o = o->next) {
        if (!is_due(c, o))
            continue;
        for (size_t i = 0; i < STREAMS; i++)
            for (int turns = 0; turns < MOST_TURNS && serve(c, &o->streams[i], false); turns++)
                ;
        c->emptied = true;
    }
}

// What others hold open and write to is closed now all the same.
static void close_all(brd_capture *c)
{
    for (brd_output *o = first_output(c); o; o = o->next) {
        for (size_t i = 0; i < STREAMS; i++) {
            for (int turns = 0; turns < MOST_TURNS && serve(c, &o->streams[i], true); turns++)
                ;
            brd_os_mutex_lock(&c->lock);
            if (o->streams[i].chan)
                end_stream(c, &o->streams[i]);
            brd_os_mutex_unlock(&c->lock);
        }
        (void)is_due(c, o);
    }
    drop_over(c);
}

static bool is_quitting(brd_capture *c)
{
    brd_os_mutex_lock(&c->lock);
    bool quit = c->quit;
    brd_os_mutex_unlock(&c->lock);
    return quit;
}

static void run(void *baton)
{
    brd_capture *c = baton;
    brd_event events[EVENTS];
    while (!is_quitting(c)) {
        bool rung = false;
        size_t count = 0;
        if (brd_os_waiter_wait(c->waiter, BRD_FOREVER, events, EVENTS, &count)) {
            count = 0; // out of memory, for the moment
            brd_os_yield();
        }
        for (size_t i = 0; i < count; i++) {
            rung = rung || !events[i].tag;
            if (events[i].tag)
                (void)serve(c, events[i].tag, false);
        }
        if (rung)
            serve_ended(c);
        if (c->emptied)
            drop_over(c);
    }
    close_all(c);
}

/* ------------------------------------------------------------- of the context */

int brd_capture_open(brd_capture **out, const brood_context_options *o)
{
    *out = NULL;
    if (o->out != BROOD_STDIO_CAPTURE && o->err != BROOD_STDIO_CAPTURE)
        return BROOD_OK;
    brd_capture *c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_ENOMEM;
    c->generation = brd_generation();
    c->on_line = o->on_line;
    c->baton = o->baton;
    c->wanted[0] = o->out == BROOD_STDIO_CAPTURE;
    c->wanted[1] = o->err == BROOD_STDIO_CAPTURE;
    int status = brd_os_mutex_init(&c->lock);
    if (status)
        free(c);
    else
        *out = c;
    return status;
}

void brd_capture_close(brd_capture **capture)
{
    brd_capture *c = *capture;
    *capture = NULL;
    if (!c)
        return;
    if (c->generation == brd_generation()) { // else thread and waiter are another process's
        if (c->thread.running) {
            brd_os_mutex_lock(&c->lock);
            c->quit = true;
            brd_os_mutex_unlock(&c->lock);
            brd_os_waiter_ring(c->waiter);
            brd_os_thread_join(&c->thread);
        }
        brd_os_waiter_close(&c->waiter);
        brd_os_mutex_clear(&c->lock);
    }
    free(c);
}

// A forked child that uses its parent's context has none of what that had running.
static int make_own(brd_capture *c)
{
    if (!brd_generation_claim(&c->generation))
        return BROOD_OK;
    int status = brd_os_mutex_init(&c->lock);
    c->waiter = NULL;
    c->thread = (brd_thread){0};
    c->first = NULL;
    brd_generation_settle(&c->generation);
    return status;
}

static int start_thread(brd_capture *c)
{
    int status = make_own(c);
    if (status)
        return status;
    brd_os_mutex_lock(&c->lock);
    if (!c->waiter)
        status = brd_os_waiter_open(&c->waiter);
    if (!status && !c->thread.running)
        status = brd_os_thread_start(&c->thread, run, c);
    brd_os_mutex_unlock(&c->lock);
    return status;
}

/* --------------------------------------------------------------- of the child */

static int open_streams(brd_output *o, brd_launch *how)
{
    static const brood_stream which[STREAMS] = {BROOD_STREAM_OUT, BROOD_STREAM_ERR};
    int status = BROOD_OK;
    for (size_t i = 0; i < STREAMS; i++) {
        stream *s = &o->streams[i];
        s->output = o;
        s->which = which[i];
        s->theirs = BRD_NONE;
    }
    for (size_t i = 0; !status && i < STREAMS; i++)
        if (o->capture->wanted[i])
            status = brd_os_chan_output(&o->streams[i].chan, &o->streams[i].theirs);
    if (status)
        return status;
    how->output = o->streams[0].chan ? &o->streams[0].theirs : NULL;
    how->errors = o->streams[1].chan ? &o->streams[1].theirs : NULL;
    return BROOD_OK;
}

int brd_output_open(brd_output **out, brd_capture *capture, const char *name, brd_link_words *words,
                    brd_launch *how)
{
    *out = NULL;
    if (!capture)
        return BROOD_OK;
    brd_output *o = calloc(1, sizeof *o);
    if (!o)
        return BROOD_ENOMEM;
    o->capture = capture;
    o->held = true;
    o->words = words;
    (void)snprintf(o->name, sizeof o->name, "%s", name);
    int status = open_streams(o, how);
    if (!status)
        status = start_thread(capture);
    if (status) {
        output_free(o);
        return status;
    }
    if (words)
        atomic_store(&words->captured,
                     (how->output ? BRD_CAPTURED_OUT : 0U) | (how->errors ? BRD_CAPTURED_ERR : 0U));
    *out = o;
    return BROOD_OK;
}

int brd_output_begin(brd_output *o, int64_t pid)
{
    int status = BROOD_OK;
    if (!o)
        return status;
    brd_capture *c = o->capture;
    brd_os_mutex_lock(&c->lock);
    o->pid = pid;
    o->listed = true;
    o->next = c->first;
    c->first = o;
    for (size_t i = 0; i < STREAMS; i++) {
        stream *s = &o->streams[i];
        brd_os_close(&s->theirs); // or it would never end
        if (s->chan && !status)
            status = brd_os_waiter_chan(c->waiter, s->chan, BRD_READ, s);
    }
    brd_os_mutex_unlock(&c->lock);
    return status;
}

void brd_output_end(brd_output *o)
{
    if (!o || o->ended)
        return;
    brd_capture *c = o->capture;
    brd_os_mutex_lock(&c->lock);
    // Now, and not when the thread comes to it: that may be long in on_line, and many
    // children end meanwhile.
    for (size_t i = 0; i < STREAMS; i++)
        if (o->listed && o->streams[i].chan && take_left(&o->streams[i]))
            close_stream(c, &o->streams[i]);
    if (o->words)
        brd_link_at_hand(o->words, &o->task, &o->index);
    o->ended = true;
    o->due = o->listed;
    brd_os_mutex_unlock(&c->lock);
    brd_os_waiter_ring(c->waiter);
}

int brd_output_tail(brd_output *o, char *text, size_t cap)
{
    if (!o || !o->capture->wanted[1])
        return -1;
    brd_os_mutex_lock(&o->capture->lock);
    size_t kept = o->printed < BRD_TAIL_SIZE ? (size_t)o->printed : BRD_TAIL_SIZE;
    size_t size = kept < cap ? kept : cap ? cap - 1 : 0;
    for (size_t i = 0; i < size; i++)
        text[i] = o->tail[(o->printed - size + i) % BRD_TAIL_SIZE];
    if (cap)
        text[size] = '\0';
    brd_os_mutex_unlock(&o->capture->lock);
    return (int)kept;
}

void brd_output_close(brd_output **output)
{
    brd_output *o = *output;
    *output = NULL;
    if (!o)
        return;
    brd_output_end(o);
    brd_os_mutex_lock(&o->capture->lock);
    o->held = false;
    o->words = NULL;
    bool mine = !o->listed;
    brd_os_mutex_unlock(&o->capture->lock);
    if (mine)
        output_free(o);
}
