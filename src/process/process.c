/**
 * Single processes: one function, one child, no thread of ours beside it.
 *
 * One of those who wait for the end waits in the waiter, without the lock; the end
 * itself is only ever taken under it, so that a kill cannot hit another process that
 * got the same id.
 */
#include "base/clock.h"
#include "base/fail.h"
#include "base/registry.h"
#include "ipc/message.h"
#include "process/active.h"
#include "process/at_hand.h"
#include "process/birth.h"
#include "process/forkserver.h"
#include <brood/process.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_GRACE_MS = 1000, FAILED = 1, THE_TASK = 1, PYTHON_UNKNOWN = 255 };

struct brood_process {
    brd_mutex lock;
    brd_cond changed;
    brd_waiter *waiter;
    unsigned generation; /* of the process that made it */
    bool started;
    bool ended;
    bool watched;    /* somebody is in the waiter */
    brd_child child; /* once it is started */
    brd_exit end;
    int64_t pid;
    brood_context *context;
    brd_place place;        /* of the function */
    const char *registered; /* its name, or "" */
    brood_message args;
    int64_t grace;
    brd_active active;
    char name[BRD_NAME_SIZE];
};

/** Whether this process made it: one that was forked since has a copy, and may not touch it. */
static bool is_ours(const brood_process *p)
{
    return p && p->generation == brd_generation();
}

/* --------------------------------------------------------------- in the child */

static int run(brood_function *function, const brd_work *work, const char *name)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    brd_message_view(&args, work->contents, (size_t)work->head->size);
    int status = work->cargo ? work->cargo->failed : BROOD_OK;
    if (!status)
        status = brd_message_load(&args, work->cargo);
    if (status) {
        fprintf(stderr, "brood: %s: %s\n", name, brood_status_text(status));
        return BRD_EXIT_REFUSED;
    }
    brd_fail_reset();
    brd_at_hand_set(THE_TASK, 0);
    int code = function(&args, &result);
    brd_at_hand_set(0, 0);
    if (code && *brd_fail_text()) {
        fprintf(stderr, "brood: %s: %s\n", name, brd_fail_text());
        code = FAILED;
    }
    if (code && !(code & 0xff))
        code = FAILED; // POSIX keeps 8 bits, and a failure must not look like success
    brood_message_clear(&args);
    brood_message_clear(&result);
    return code;
}

int brd_process_main(brd_port *port)
{
    brd_code code = {0};
    brd_work work;
    int status;
    brd_at_hand_open(port);
    while ((status = brd_port_next(port, &work)) == BROOD_OK && work.kind == BRD_RECORD_FUNCTION)
        if ((status = brd_child_learn(&code, work.function)) != BROOD_OK)
            break;
    brood_function *function =
        status ? NULL : brd_child_function(port, &code, work.head->function, &status);
    brd_code_clear(&code);
    if (function)
        return run(function, &work, brood_current_process().name);
    fprintf(stderr, "brood: %s: %s\n", brood_current_process().name, brood_status_text(status));
    return BRD_EXIT_REFUSED;
}

/* -------------------------------------------------------------------- making */

static int read_options(brood_process *p, const brood_process_options *options)
{
    static _Atomic unsigned number;
    brood_process_options o = BROOD_PROCESS_OPTIONS_INIT;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (o.grace < 0 || o.at_exit > BROOD_AT_EXIT_WAIT ||
        (o.name && strlen(o.name) >= sizeof p->name))
        return BROOD_EINVAL;
    p->grace = o.grace ? o.grace : DEFAULT_GRACE_MS;
    p->active = (brd_active){.process = p, .awaited = o.at_exit == BROOD_AT_EXIT_WAIT};
    p->context = o.context ? o.context : brd_context_default();
    if (o.name)
        memcpy(p->name, o.name, strlen(o.name));
    else
        (void)snprintf(p->name, sizeof p->name, "process-%u", atomic_fetch_add(&number, 1) + 1);
    return BROOD_OK;
}

int brood_process_create(brood_process **out, brood_function *function, const brood_message *args,
                         const brood_process_options *options)
{
    if (!out || !function)
        return BROOD_EINVAL;
    brood_process *p = calloc(1, sizeof *p);
    if (!p)
        return BROOD_ENOMEM;
    p->generation = brd_generation();
    const void *code;
    const char *registered = brd_registry_name(function);
    p->registered = registered ? registered : "";
    memcpy(&code, &function, sizeof code);
    int status = brd_os_mutex_init(&p->lock);
    if (!status)
        status = brd_os_cond_init(&p->changed);
    if (!status)
        status = brd_os_waiter_open(&p->waiter);
    if (!status)
        status = read_options(p, options);
    if (!status)
        status = brd_os_module_of(code, &p->place);
    if (!status && args)
        status = brd_message_copy(&p->args, args);
    if (status)
        brood_process_destroy(p);
    else
        *out = p;
    return status;
}

static int send_function(brood_process *p)
{
    brd_link *link = &p->child.link;
    size_t size;
    void *room = NULL;
    const void *bytes = brood_message_bytes(&p->args, &size);
    int status = brd_link_define(link, 0, &p->place, p->registered);
    if (!status)
        status = brd_link_begin(link, size, &room);
    if (status)
        return status;
    if (size)
        memcpy(room, bytes, size);
    brd_task_head head = {.id = THE_TASK, .count = 1};
    status = brd_link_carry(link, brd_message_cargo(&p->args), &head);
    if (status)
        return status;
    (void)brd_link_commit(link, &head);
    brd_link_flush(link);
    return BROOD_OK;
}

// Under the lock. The sentinel stays what it is until the process is destroyed.
static void note_end(brood_process *p)
{
    p->ended = true;
    brd_child_exited(&p->child);
    brd_os_cond_broadcast(&p->changed);
}

static int start(brood_process *p)
{
    brd_birth birth = {.entry = brd_process_main,
                       .role = BRD_ROLE_PROCESS,
                       .bell = brd_os_waiter_bell(p->waiter),
                       .name = p->name,
                       .alone = true};
    int status = brd_may_start(p->context);
    if (!status)
        status = brd_context_server(p->context, &birth.server);
    if (!status)
        status = brd_child_start(&p->child, p->context, &birth);
    if (status)
        return status;
    status = send_function(p);
    if (status) {
        (void)brd_os_proc_kill(&p->child.proc, true);
        (void)brd_os_proc_wait(&p->child.proc, BRD_FOREVER, &p->end);
        brd_child_exited(&p->child);
        brd_child_close(&p->child);
        return status;
    }
    p->started = true;
    p->pid = p->child.proc.pid;
    brood_message_clear(&p->args);
    return BROOD_OK;
}

int brood_process_start(brood_process *p)
{
    if (!is_ours(p))
        return BROOD_EINVAL;
    brd_os_mutex_lock(&p->lock);
    int status = p->started ? BROOD_EBUSY : start(p);
    brd_os_mutex_unlock(&p->lock);
    if (!status)
        brd_active_add(&p->active);
    return status;
}

int brood_process_call(brood_process **out, brood_function *function, const char *format, ...)
{
    brood_message args = BROOD_MESSAGE_INIT;
    brood_process *p = NULL;
    va_list values;
    if (!out)
        return BROOD_EINVAL;
    va_start(values, format);
    int status = brood_vpack(&args, format, values);
    va_end(values);
    if (!status)
        status = brood_process_create(&p, function, &args, NULL);
    if (!status)
        status = brood_process_start(p);
    brood_message_clear(&args);
    if (status)
        brood_process_destroy(p);
    else
        *out = p;
    return status;
}

/* ------------------------------------------------------------------- the end */

// Under the lock.
static bool has_ended(brood_process *p)
{
    if (p->started && !p->ended && !p->watched &&
        brd_os_proc_wait(&p->child.proc, 0, &p->end) == BROOD_OK)
        note_end(p);
    return p->ended;
}

// Under the lock, which is not held while it sleeps.
static void watch(brood_process *p, brd_time until)
{
    static char tag;
    brd_event event;
    size_t count;
    p->watched = true;
    int status = brd_os_waiter_proc(p->waiter, &p->child.proc, true, &tag);
    brd_os_mutex_unlock(&p->lock);
    if (!status)
        (void)brd_os_waiter_wait(p->waiter, until, &event, 1, &count);
    brd_os_mutex_lock(&p->lock);
    if (!status)
        (void)brd_os_waiter_proc(p->waiter, &p->child.proc, false, &tag);
    p->watched = false;
    brd_os_cond_broadcast(&p->changed); // another one watches if this one's time is over
}

static int join(brood_process *p, brd_time until)
{
    if (!p->started)
        return BROOD_EINVAL;
    while (!has_ended(p)) {
        if (until != BRD_FOREVER && brd_os_now() >= until)
            return BROOD_ETIMEDOUT;
        if (p->watched)
            (void)brd_os_cond_wait(&p->changed, &p->lock, until);
        else
            watch(p, until);
    }
    return BROOD_OK;
}

int brood_process_join(brood_process *p, int64_t timeout)
{
    if (!is_ours(p))
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    brd_os_mutex_lock(&p->lock);
    int status = join(p, until);
    brd_os_mutex_unlock(&p->lock);
    return status;
}

static int end(brood_process *p, bool force)
{
    if (!is_ours(p))
        return BROOD_EINVAL;
    int status = BROOD_OK;
    brd_os_mutex_lock(&p->lock);
    if (p->started && !has_ended(p))
        status = brd_os_proc_kill(&p->child.proc, force);
    brd_os_mutex_unlock(&p->lock);
    return status;
}

int brood_process_terminate(brood_process *p)
{
    return end(p, false);
}

int brood_process_kill(brood_process *p)
{
    return end(p, true);
}

int brood_process_interrupt(brood_process *p)
{
    if (!is_ours(p))
        return BROOD_EINVAL;
    brd_os_mutex_lock(&p->lock);
    if (p->started && !has_ended(p))
        brd_link_cancel(&p->child.link, THE_TASK, BRD_ALL_ITEMS);
    brd_os_mutex_unlock(&p->lock);
    return BROOD_OK;
}

int brood_process_is_alive(brood_process *p)
{
    if (!is_ours(p))
        return 0;
    brd_os_mutex_lock(&p->lock);
    int alive = p->started && !has_ended(p);
    brd_os_mutex_unlock(&p->lock);
    return alive;
}

// What nobody can say must not look like success.
static int python_code(const brd_exit *end)
{
    if (end->kind == BROOD_EXIT_UNKNOWN)
        return PYTHON_UNKNOWN;
    return (int)(end->kind == BROOD_EXIT_SIGNAL ? -end->code : end->code);
}

brood_exit brood_process_exit(brood_process *p)
{
    brood_exit e = {0};
    if (!is_ours(p))
        return e;
    brd_os_mutex_lock(&p->lock);
    if (has_ended(p)) {
        e.kind = p->end.kind;
        e.code = p->end.code;
        e.python = python_code(&p->end);
    }
    brd_os_mutex_unlock(&p->lock);
    return e;
}

void brood_process_destroy(brood_process *p)
{
    if (!is_ours(p))
        return;
    brd_active_remove(&p->active);
    brd_os_mutex_lock(&p->lock);
    bool runs = p->started && !has_ended(p);
    if (runs) {
        (void)brd_os_proc_kill(&p->child.proc, false);
        if (join(p, brd_until(p->grace))) {
            (void)brd_os_proc_kill(&p->child.proc, true);
            (void)join(p, BRD_FOREVER);
        }
    }
    brd_os_mutex_unlock(&p->lock);
    if (p->started)
        brd_child_close(&p->child);
    brd_os_waiter_close(&p->waiter);
    brood_message_clear(&p->args);
    brd_os_cond_clear(&p->changed);
    brd_os_mutex_clear(&p->lock);
    free(p);
}

/* --------------------------------------------------------------------- facts */

size_t brood_process_output(brood_process *p, char *buffer, size_t cap)
{
    int kept = -1;
    if (!is_ours(p) || (cap && !buffer))
        return 0;
    brd_os_mutex_lock(&p->lock);
    if (p->started) {
        (void)has_ended(p);
        kept = brd_output_tail(p->child.output, buffer, cap);
    }
    brd_os_mutex_unlock(&p->lock);
    if (kept < 0 && cap)
        *buffer = '\0';
    return kept < 0 ? 0 : (size_t)kept;
}

int64_t brood_process_pid(brood_process *p)
{
    if (!is_ours(p))
        return 0;
    brd_os_mutex_lock(&p->lock);
    int64_t pid = p->pid;
    brd_os_mutex_unlock(&p->lock);
    return pid;
}

const char *brood_process_name(const brood_process *p)
{
    return p ? p->name : "";
}

int brd_process_proc(brood_process *p, brd_proc **proc, bool *ended)
{
    if (!is_ours(p))
        return BROOD_EINVAL;
    brd_os_mutex_lock(&p->lock);
    bool started = p->started;
    *ended = has_ended(p);
    *proc = &p->child.proc;
    brd_os_mutex_unlock(&p->lock);
    return started ? BROOD_OK : BROOD_EINVAL;
}

intptr_t brood_process_sentinel(brood_process *p)
{
    intptr_t handle = -1;
    if (!is_ours(p))
        return handle;
    brd_os_mutex_lock(&p->lock);
    if (p->started && !brd_is_none(p->child.proc.life))
        handle = p->child.proc.life.os;
    brd_os_mutex_unlock(&p->lock);
    return handle;
}
