/**
 * The child's side of a birth.
 *
 * The program may be another one than its parent's. Then only what lies in shared
 * libraries has the same place in both; all else is found by role or by name.
 *
 * A program that carries the worker's argument but is not a worker (somebody typed
 * it) has no channel of that number, or one that does not speak: it prints one
 * line and ends. What else such a command line names, whoever typed it could have run.
 */
#include "process/child.h"
#include "base/fail.h"
#include "base/registry.h"
#include "process/active.h"
#include "process/context.h"
#include "process/forkserver.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STARTUP_PATIENCE_MS = 10000 };

static brd_port the_port; // one worker is one process
static bool is_watched;   // the watcher reads the channel
static bool is_copy;      // forked: the other streams are the parent's, and so is what is in them
static bool is_other;     // the main program is not the parent's

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

static int compare_programs(const brd_startup *s)
{
    uint8_t build[20];
    int status = brd_os_module_build(build);
    if (status)
        return status;
    is_other = memcmp(build, s->build, sizeof build) != 0;
    return is_other && !s->chosen ? BROOD_EBUILD : BROOD_OK;
}

// If the parent's is a library, we are the copy of brood in it: see hand_over.
static int resolve(const brd_startup *s, brd_child_entry **entry)
{
    void *code = NULL;
    if (is_other && !s->entry.module[0]) {
        *entry = s->role < BRD_ROLES ? brd_child_roles[s->role] : NULL;
        return *entry ? BROOD_OK : BROOD_EPROTOCOL;
    }
    int status = brd_os_module_at(&s->entry, &code);
    if (!status)
        memcpy(entry, &code, sizeof code);
    return status;
}

static int open_port(const brd_startup *s, brd_chan *chan)
{
    brd_shm shm = {.segment = BRD_NONE};
    if (s->segment_size != BRD_SEGMENT_SIZE)
        return BROOD_EPROTOCOL;
    int status = brd_os_shm_map(&shm, s->segment, (size_t)s->segment_size, false);
    if (!status)
        status = brd_port_open(&the_port, shm, chan, s->worker_bell, s->parent_bell, s->cpus);
    return status;
}

// From here on the end of the parent is the end of this process, whatever it is at.
static int open_link(const brd_startup *s, brd_chan *chan)
{
    brd_thread watcher;
    int status = open_port(s, chan);
    if (!status)
        status = brd_os_thread_start(&watcher, watch, &the_port);
    is_watched = !status;
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

_Noreturn void brd_child_refuse(brd_chan *chan, int status, uint64_t at)
{
    brd_frames frames = {.chan = chan};
    brd_frame frame = {.type = BRD_FRAME_FAILED, .a = (uint64_t)status, .b = at};
    brd_time until = brd_os_now() + STARTUP_PATIENCE_MS * BRD_MS;
    (void)brd_frames_write(&frames, &frame, until);
    if (is_watched)
        (void)brd_os_chan_wait(chan, BRD_WRITE, until); // it has left; the watcher still reads
    else
        brd_os_chan_close(&chan);
    if (at != BRD_FAILED_AT_START) // that was said where it was known
        end(BRD_EXIT_REFUSED);
    give_up(BRD_EXIT_REFUSED, brood_status_text(status));
}

int brd_child_find(const brd_place *place, const char *name, brood_function **out)
{
    brood_function *named = is_other && *name ? brd_registry_find(name) : NULL;
    if (named) {
        *out = named;
        return BROOD_OK;
    }
    if (is_other && !place->module[0])
        return BROOD_EFUNCTION;
    brd_loads(true);
    int status = brd_code_find(place, out);
    brd_loads(false);
    return status;
}

int brd_child_learn(brd_code *code, const brd_function_head *head)
{
    brd_sought sought = {.place.offset = head->offset};
    if (head->path_size >= sizeof sought.place.module || head->name_size >= sizeof sought.name)
        return BROOD_EPROTOCOL;
    memcpy(sought.place.module, head->path, head->path_size);
    memcpy(sought.place.build, head->build, sizeof sought.place.build);
    memcpy(sought.name, head->path + head->path_size, head->name_size);
    return brd_code_learn(code, head->index, &sought);
}

brood_function *brd_child_function(brd_port *port, brd_code *code, uint32_t index, int *why)
{
    const brd_sought *sought = brd_code_sought(code, index);
    if (sought) {
        brood_function *function = NULL;
        brd_port_loading(port, index + 1); // it may be the last that this process does
        int status = brd_child_find(&sought->place, sought->name, &function);
        brd_port_loading(port, 0);
        brd_code_settle(code, index, function, status);
    }
    return brd_code_at(code, index, why);
}

static int load_library(const char *path, void **init)
{
    char why[512] = "";
    int status = brd_os_module_load(path, "brood_module_init", init, why, sizeof why);
    if (status)
        fprintf(stderr, "brood: %s cannot be loaded: %s\n", path,
                *why ? why : brood_status_text(status));
    return status;
}

static int load_module(const char *path)
{
    void *code = NULL;
    int (*init)(void) = NULL;
    int status = load_library(path, &code);
    if (status || !code)
        return status;
    memcpy(&init, &code, sizeof code);
    brd_fail_reset();
    if (init() == 0)
        return BROOD_OK;
    fprintf(stderr, "brood: brood_module_init of %s failed%s%s\n", path,
            *brd_fail_text() ? ": " : "", brd_fail_text());
    return BROOD_ETASK;
}

/** What a command line has told, and what came of it. */
typedef struct orders {
    int argc;
    char **argv;
    brd_handle channel;
    int modules; /* the first argument that may name one */
    int status;  /* why this child cannot begin, and at what it failed */
    uint64_t at;
} orders;

static void load_modules(orders *o)
{
    char path[BRD_ARGUMENT_SIZE];
    for (int i = 0; !o->status; i++) {
        if (brd_arguments_get(o->argc, o->argv, o->modules + i, BRD_MODULE_ARGUMENT, path))
            break;
        o->status = load_module(path);
        o->at = BRD_FAILED_AT_MODULE + (uint64_t)i;
    }
}

// Another copy never comes back. It is of the parent's build, so their versions agree.
static void hand_over(orders *o, const char *text)
{
    void (*const own)(int, char **) = brd_child_main;
    void (*chosen)(int, char **) = NULL;
    brd_place place;
    void *code = NULL;
    brd_guard *guard = NULL;
    // Loading may take long. Without a guard it would only stay longer than its parent.
    (void)brd_os_child_guard(&guard, o->channel, BRD_EXIT_ORPHAN);
    o->status = brd_arguments_read_copy(text, &place);
    if (!o->status)
        o->status = load_library(place.module, &code);
    if (!o->status && (o->status = brd_os_module_at(&place, &code)) != BROOD_OK)
        fprintf(stderr, "brood: %s: %s\n", place.module, brood_status_text(o->status));
    o->at = BRD_FAILED_AT_COPY;
    brd_os_child_guard_end(&guard);
    if (o->status)
        return;
    memcpy(&chosen, &code, sizeof code);
    if (chosen == own)
        return;
    brd_begun(); // this copy is nobody's child: it may be asked for pools of its own
    chosen(o->argc, o->argv);
}

static void read_orders(orders *o)
{
    char text[BRD_ARGUMENT_SIZE];
    unsigned depth;
    if (brd_arguments_get(o->argc, o->argv, 1, BRD_WORKER_ARGUMENT, text) ||
        brd_arguments_read_worker(text, &o->channel, &depth))
        return;
    if (brd_arguments_get(o->argc, o->argv, o->modules, BRD_COPY_ARGUMENT, text) == BROOD_OK) {
        hand_over(o, text);
        o->modules++;
    }
}

// Whoever reads it wants each line when it is printed; a pipe would get them by the block.
static void open_output(void)
{
    static char buffer[BUFSIZ];
    if (brd_port_captured(&the_port) & BRD_CAPTURED_OUT) {
        (void)fflush(stdout);
        // With a buffer of ours: glibc would let a used one, as a copy has, go on as it was.
        (void)setvbuf(stdout, buffer, _IOLBF, sizeof buffer);
    }
    if (brd_port_captured(&the_port) & BRD_CAPTURED_ERR)
        (void)setvbuf(stderr, NULL, _IONBF, 0); // some systems keep what goes to a pipe
}

// What loads may take long, and the parent may be gone by then: so the watcher comes first. A
// forkserver has none, as it is to have one thread only; it ends with the thread that waits for it.
static int begin(brd_chan *chan, const brd_startup *startup, orders *o)
{
    int status = compare_programs(startup);
    if (!status && !startup->server)
        status = brd_os_child_limit(&startup->limits);
    if (!status && !startup->server)
        status = open_link(startup, chan);
    if (!status && o)
        load_modules(o);
    if (!status && o && o->status)
        brd_child_refuse(chan, o->status, o->at);
    brd_begun();
    return status;
}

// From here on all start methods are one. orders: NULL for a copy, which has its parent's modules.
static _Noreturn void live(brd_chan *chan, const brd_startup *startup, orders *o)
{
    brd_child_entry *entry = NULL;
    brd_set_self(startup);
    int status = begin(chan, startup, o);
    if (!status && startup->server)
        brd_forkserver_run(chan, startup);
    if (!status && is_other)
        status = brd_child_name_own();
    if (!status)
        status = resolve(startup, &entry);
    if (!status)
        status = say_hello(startup);
    if (status)
        brd_child_refuse(chan, status, BRD_FAILED_AT_START);
    open_output();
    int code = entry(&the_port);
    brd_active_await(); // brd_os_exit knows nothing of atexit
    end(code);
}

_Noreturn void brd_child_main(int argc, char **argv)
{
    static const char no_parent[] = "this program was started with the argument of a worker, "
                                    "but no parent is there to talk to; start it without";
    brd_chan *chan = NULL;
    brd_startup startup;
    orders o = {.argc = argc, .argv = argv, .channel = BRD_NONE, .modules = 2};
    brd_begin();
    read_orders(&o);
    if (brd_is_none(o.channel) || brd_os_chan_adopt(&chan, o.channel) ||
        read_startup(chan, &startup))
        give_up(BRD_EXIT_NO_PARENT, no_parent);
    brd_os_chan_trust(chan);
    if (brd_os_child_setup(startup.parent, startup.last_inherited, startup.alone))
        brd_os_exit(BRD_EXIT_ORPHAN);
    live(chan, &startup, &o);
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
        brd_child_refuse(chan, status, BRD_FAILED_AT_START);
    // The record has the numbers that an exec would have left.
    if (count > BRD_BORN_PARENT_BELL) {
        startup.segment = born[BRD_BORN_SEGMENT];
        startup.parent_bell = born[BRD_BORN_PARENT_BELL];
    }
    startup.worker_bell = count > BRD_BORN_WORKER_BELL ? born[BRD_BORN_WORKER_BELL] : BRD_NONE;
    live(chan, &startup, NULL);
}
