/**
 * The side of a forkserver that asks. One question at a time; an answer that does not
 * come means that the server is of no use, and another one is started. Whoever does not
 * need the child any more neither waits for that nor for others who ask.
 */
#include "process/forkserver.h"
#include "base/registry.h"
#include "process/birth.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_MS = 10000, READY_MS = 60000, ENDING_MS = 1000, UNNEEDED_MS = 500, LOOK_MS = 20 };

struct brd_forkserver {
    brd_mutex lock;
    brd_cond changed;
    bool asked; /* what stands below is that thread's */
    brood_context *context;
    brd_proc proc; /* pid 0: none runs */
    brd_output *output;
    brd_frames frames;
};

/* ------------------------------------------------------------------ its life */

// Whatever the server did, its children live on; their channels come from us.
static void end_server(brd_forkserver *f, int64_t patience)
{
    brd_exit ended;
    if (!f->proc.pid)
        return;
    if (!patience)
        (void)brd_os_proc_kill(&f->proc, true); // before it sees that nobody asks any more
    brd_os_chan_close(&f->frames.chan);
    f->frames.have = 0;
    if (brd_os_proc_wait(&f->proc, brd_os_now() + patience * BRD_MS, &ended)) {
        (void)brd_os_proc_kill(&f->proc, true);
        (void)brd_os_proc_wait(&f->proc, BRD_FOREVER, &ended);
    }
    brd_os_proc_close(&f->proc);
    brd_output_close(&f->output);
}

static bool is_unneeded(const _Atomic bool *unneeded)
{
    return unneeded && atomic_load(unneeded);
}

static int read_answer(brd_forkserver *f, brd_frame *answer, int64_t patience,
                       const _Atomic bool *unneeded)
{
    brd_time until = brd_os_now() + patience * BRD_MS;
    int status = brd_frames_read(&f->frames, answer);
    while (status == BROOD_EAGAIN) {
        brd_time now = brd_os_now(), look = now + LOOK_MS * BRD_MS;
        if (is_unneeded(unneeded) && until > now + UNNEEDED_MS * BRD_MS)
            until = now + UNNEEDED_MS * BRD_MS;
        status = brd_os_chan_wait(f->frames.chan, BRD_READ, look < until ? look : until);
        if (!status || (status == BROOD_ETIMEDOUT && brd_os_now() < until))
            status = brd_frames_read(&f->frames, answer);
    }
    if (!status && answer->type == BRD_FRAME_FAILED)
        return answer->a ? (int)answer->a : BROOD_EPROTOCOL;
    return !status && answer->type != BRD_FRAME_FORKED ? BROOD_EPROTOCOL : status;
}

static int tell_preload(const brood_context *context, brd_startup *startup)
{
    const void *code;
    if (!context->preload)
        return BROOD_OK;
    const char *name = brd_registry_name(context->preload);
    if (name)
        memcpy(startup->function, name, strlen(name));
    memcpy(&code, &context->preload, sizeof code);
    return brd_os_module_of(code, &startup->entry);
}

static int start_server(brd_forkserver *f, const _Atomic bool *unneeded)
{
    brd_handle theirs = BRD_NONE;
    brd_startup startup;
    brd_frame ready;
    int status = brd_startup_begin(&startup, f->context);
    if (!status)
        status = tell_preload(f->context, &startup);
    if (!status)
        status = brd_os_chan_pair(&f->frames.chan, &theirs);
    if (status)
        return status;
    brd_launch how = {.inherit = &theirs, .ninherit = 1, .channel = f->frames.chan};
    startup.depth--; // its children are ours
    startup.server = true;
    startup.last_inherited = brd_os_proc_inherited(&how, 0);
    (void)snprintf(startup.name, sizeof startup.name, "forkserver");
    status = brd_output_open(&f->output, f->context->capture, startup.name, NULL, &how);
    if (!status)
        status = brd_give_life(&f->proc, f->context, &how);
    if (!status)
        status = brd_output_begin(f->output, f->proc.pid);
    brd_os_close(&theirs);
    if (!status)
        status = brd_startup_send(&startup, f->frames.chan);
    if (!status)
        status = read_answer(f, &ready, READY_MS, unneeded);
    if (status && f->proc.pid)
        end_server(f, 0);
    else if (status)
        brd_os_chan_close(&f->frames.chan);
    if (status)
        brd_output_close(&f->output);
    return status;
}

int brd_forkserver_open(brd_forkserver **out, brood_context *context)
{
    brd_forkserver *f = calloc(1, sizeof *f);
    if (!f)
        return BROOD_ENOMEM;
    f->context = context;
    int status = brd_os_mutex_init(&f->lock);
    if (!status)
        status = brd_os_cond_init(&f->changed);
    if (!status)
        status = start_server(f, NULL);
    if (status)
        brd_forkserver_close(&f);
    else
        *out = f;
    return status;
}

void brd_forkserver_close(brd_forkserver **server)
{
    brd_forkserver *f = *server;
    *server = NULL;
    if (!f)
        return;
    end_server(f, ENDING_MS);
    brd_os_cond_clear(&f->changed);
    brd_os_mutex_clear(&f->lock);
    free(f);
}

/* ------------------------------------------------------------------- asking */

static int ask(brd_forkserver *f, const brd_launch *how, brd_handle news, bool *asked)
{
    brd_frame frame = {.type = BRD_FRAME_FORK, .a = how->ninherit};
    uint64_t token;
    int status = BROOD_OK;
    frame.b = (how->output ? BRD_FORK_OUTPUT : 0U) | (how->errors ? BRD_FORK_ERRORS : 0U);
    for (size_t i = 0; !status && i < how->ninherit; i++)
        status = brd_os_chan_give(f->frames.chan, how->inherit[i], i ? &token : &frame.token);
    if (!status && how->output)
        status = brd_os_chan_give(f->frames.chan, *how->output, &token);
    if (!status && how->errors)
        status = brd_os_chan_give(f->frames.chan, *how->errors, &token);
    if (!status)
        status = brd_os_chan_give(f->frames.chan, news, &token);
    if (status) {
        brd_os_chan_take_back(f->frames.chan);
        return status;
    }
    *asked = true;
    return brd_frames_write(&f->frames, &frame, brd_os_now() + ANSWER_MS * BRD_MS);
}

static int bear(brd_forkserver *f, const brd_launch *how, const _Atomic bool *unneeded,
                brd_proc *out)
{
    brd_handle reader = BRD_NONE, writer = BRD_NONE, life = BRD_NONE;
    brd_frame answer = {0};
    bool asked = false;
    int status = brd_os_news_open(&reader, &writer);
    if (status)
        return status;
    status = ask(f, how, writer, &asked);
    brd_os_close(&writer); // so that the server's end is the only one
    if (!status)
        status = read_answer(f, &answer, ANSWER_MS, unneeded);
    if (!status && answer.token)
        status = brd_os_chan_take(f->frames.chan, answer.token, &life);
    if (!status && answer.b) {
        brd_os_close(&reader);
        return (int)answer.b; // the fork failed, the server is well
    }
    if (!status)
        status = brd_os_proc_adopt(out, (int64_t)answer.a, life, reader);
    if (!status)
        return BROOD_OK;
    brd_os_close(&life);
    brd_os_close(&reader);
    if (asked)
        end_server(f, 0); // its answer, if one comes, would be taken for the next one's
    return status;
}

// One thread asks at a time, without the lock.
static int enter(brd_forkserver *f, const _Atomic bool *unneeded)
{
    brd_os_mutex_lock(&f->lock);
    while (f->asked && !is_unneeded(unneeded))
        (void)brd_os_cond_wait(&f->changed, &f->lock, brd_os_now() + LOOK_MS * BRD_MS);
    int status = f->asked ? BROOD_ECANCELLED : BROOD_OK;
    f->asked = true;
    brd_os_mutex_unlock(&f->lock);
    return status;
}

static void leave(brd_forkserver *f)
{
    brd_os_mutex_lock(&f->lock);
    f->asked = false;
    brd_os_cond_broadcast(&f->changed);
    brd_os_mutex_unlock(&f->lock);
}

int brd_forkserver_bear(brd_forkserver *f, const brd_launch *how, const _Atomic bool *unneeded,
                        brd_proc *out)
{
    int status = enter(f, unneeded);
    if (status)
        return status;
    if (!f->proc.pid) // a copy of this process was for the moment in which it was made
        status = f->context->method == BROOD_FORK ? BROOD_EBROKEN : start_server(f, unneeded);
    if (!status)
        status = bear(f, how, unneeded, out);
    leave(f);
    return status;
}
