/**
 * The child's side of a birth.
 *
 * A program that carries the worker's argument but is not a worker (somebody typed
 * it) has no channel of that number, or one that does not speak: it prints one
 * line and ends, and can never start anything.
 */
#include "process/child.h"
#include "process/active.h"
#include "process/context.h"
#include "process/forkserver.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STARTUP_PATIENCE_MS = 10000 };

static brd_port the_port; // one worker is one process
static bool is_copy;      // forked: the other streams are the parent's, and so is what is in them

static _Noreturn void end(int code)
{
    (void)fflush(is_copy ? stdout : NULL);
    (void)fflush(stderr); // which is not always without a buffer
    brd_os_exit(code);
}

static _Noreturn void give_up(int code, const char *why)
{
    fprintf(stderr, "brood: %s\n", why);
    end(code);
}

// The watcher: all that comes over the channel, and the parent's death.
static void watch(void *baton)
{
    brd_port *port = baton;
    brd_frame frame;
    int status = BROOD_OK;
    while (!status || status == BROOD_EAGAIN) {
        status = brd_frames_read(&port->frames, &frame);
        if (!status)
            status = brd_port_on_frame(port, &frame);
        else if (status == BROOD_EAGAIN)
            (void)brd_os_chan_wait(port->frames.chan, BRD_READ, BRD_FOREVER);
    }
    brd_os_exit(BRD_EXIT_ORPHAN);
}

static int resolve(const brd_startup *s, brd_child_entry **entry)
{
    uint8_t build[20];
    void *code = NULL;
    int status = brd_os_module_build(build);
    if (!status && memcmp(build, s->build, sizeof build) != 0)
        status = BROOD_EBUILD;
    if (!status)
        status = brd_os_module_at(&s->entry, &code);
    if (!status)
        memcpy(entry, &code, sizeof code);
    return status;
}

static int open_port(const brd_startup *s, brd_chan *chan)
{
    brd_shm shm = {.segment = BRD_NONE};
    int status = brd_os_shm_map(&shm, s->segment, (size_t)s->segment_size, false);
    if (!status)
        status = brd_port_open(&the_port, shm, chan, s->worker_bell, s->parent_bell, s->cpus);
    return status;
}

static int say_hello(const brd_startup *s)
{
    brd_hello hello = {.protocol = BRD_PROTOCOL, .pid = brd_os_pid()};
    memcpy(hello.token, s->token, sizeof hello.token);
    memcpy(hello.build, s->build, sizeof hello.build);
    return brd_port_hello(&the_port, &hello);
}

static int read_startup(brd_chan *chan, brd_startup *s)
{
    unsigned char bytes[BRD_STARTUP_SIZE];
    brd_time until = brd_os_now() + STARTUP_PATIENCE_MS * BRD_MS;
    int status = brd_chan_read_all(chan, bytes, sizeof bytes, until);
    return status ? status : brd_startup_decode(s, bytes);
}

_Noreturn void brd_child_refuse(brd_chan *chan, int status)
{
    brd_frames frames = {.chan = chan};
    brd_frame frame = {.type = BRD_FRAME_FAILED, .a = (uint64_t)status};
    (void)brd_frames_write(&frames, &frame, brd_os_now() + STARTUP_PATIENCE_MS * BRD_MS);
    brd_os_chan_close(&chan);
    give_up(BRD_EXIT_REFUSED, brood_status_text(status));
}

int brd_child_learn(brd_code *code, const brd_function_head *head)
{
    brd_place place = {.offset = head->offset};
    if (head->path_size >= sizeof place.module)
        return BROOD_EPROTOCOL;
    memcpy(place.module, head->path, head->path_size);
    memcpy(place.build, head->build, sizeof place.build);
    return brd_code_learn(code, head->index, &place);
}

// From here on all start methods are one.
static _Noreturn void live(brd_chan *chan, const brd_startup *startup)
{
    brd_child_entry *entry = NULL;
    brd_thread watcher;
    brd_set_self(startup);
    if (startup->server)
        brd_forkserver_run(chan, startup);
    int status = brd_os_child_limit(&startup->limits);
    if (!status)
        status = resolve(startup, &entry);
    if (!status)
        status = open_port(startup, chan);
    if (!status)
        status = brd_os_thread_start(&watcher, watch, &the_port);
    if (!status)
        status = say_hello(startup);
    if (status)
        brd_child_refuse(chan, status);
    int code = entry(&the_port);
    brd_active_await(); // brd_os_exit knows nothing of atexit
    end(code);
}

_Noreturn void brd_child_main(const char *channel_number)
{
    static const char no_parent[] = "this program was started with the argument of a worker, "
                                    "but no parent is there to talk to; start it without";
    char *rest = NULL;
    long long number = strtoll(channel_number, &rest, 10);
    brd_chan *chan = NULL;
    brd_startup startup;
    if (rest == channel_number || *rest || number <= 2 ||
        brd_os_chan_adopt(&chan, (brd_handle){(intptr_t)number}) || read_startup(chan, &startup))
        give_up(BRD_EXIT_NO_PARENT, no_parent);
    brd_os_chan_trust(chan);
    if (brd_os_child_setup(startup.parent, startup.last_inherited, startup.alone))
        brd_os_exit(BRD_EXIT_ORPHAN);
    live(chan, &startup);
}

_Noreturn void brd_child_forked(const brd_handle *born, size_t count, int64_t parent, int status)
{
    brd_chan *chan = NULL;
    brd_startup startup;
    is_copy = true;
    brd_context_forget();
    if (brd_os_chan_adopt(&chan, born[BRD_BORN_CHANNEL]) || read_startup(chan, &startup) ||
        brd_os_child_setup(parent, BRD_NONE, startup.alone))
        brd_os_exit(BRD_EXIT_ORPHAN);
    if (status)
        brd_child_refuse(chan, status);
    // The record has the numbers that an exec would have left.
    if (count > BRD_BORN_PARENT_BELL) {
        startup.segment = born[BRD_BORN_SEGMENT];
        startup.parent_bell = born[BRD_BORN_PARENT_BELL];
    }
    startup.worker_bell = count > BRD_BORN_WORKER_BELL ? born[BRD_BORN_WORKER_BELL] : BRD_NONE;
    live(chan, &startup);
}
