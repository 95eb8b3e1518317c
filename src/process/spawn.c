/**
 * The parent's side of a birth, by spawn: our own program, started again, with one
 * argument and four handles.
 */
#include "process/spawn.h"
#include <apr_general.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

static void child_enter(brd_child *c, brd_child_state next)
{
    static const bool allowed[4][4] = {
        [BRD_CHILD_NEW] = {[BRD_CHILD_STARTING] = true},
        [BRD_CHILD_STARTING] = {[BRD_CHILD_RUNNING] = true, [BRD_CHILD_EXITED] = true},
        [BRD_CHILD_RUNNING] = {[BRD_CHILD_EXITED] = true},
        [BRD_CHILD_EXITED] = {[BRD_CHILD_NEW] = true},
    };
    assert(allowed[c->state][next]);
    (void)allowed;
    c->state = next;
}

enum { CHANNEL, SEGMENT, PARENT_BELL, WORKER_BELL, INHERITED };

static int fill_startup(brd_child *c, brd_startup *s, const brd_launch *how, const brd_birth *birth)
{
    const void *code;
    memcpy(&code, &birth->entry, sizeof code);
    *s = (brd_startup){.depth = brd_depth() + 1,
                       .cpus = brd_os_cpu_count(),
                       .parent = brd_os_pid(),
                       .segment = brd_os_proc_inherited(how, SEGMENT),
                       .segment_size = BRD_SEGMENT_SIZE,
                       .parent_bell = brd_os_proc_inherited(how, PARENT_BELL),
                       .worker_bell = how->ninherit > WORKER_BELL
                                          ? brd_os_proc_inherited(how, WORKER_BELL)
                                          : BRD_NONE,
                       .last_inherited = brd_os_proc_inherited(how, how->ninherit - 1),
                       .alone = birth->alone};
    (void)snprintf(s->name, sizeof s->name, "%s", birth->name);
    memcpy(s->token, c->token, sizeof s->token);
    memcpy(s->build, c->build, sizeof s->build);
    return brd_os_module_of(code, &s->entry);
}

static int identify(brd_child *c)
{
    if (apr_generate_random_bytes(c->token, sizeof c->token) != APR_SUCCESS)
        return BROOD_ENOTSUP;
    return brd_os_module_build(c->build);
}

static int start_process(brd_child *c, const brood_context *context, brd_launch *how)
{
    char program[4096], argument[64];
    const char *argv[] = {program, argument, NULL};
    int status = BROOD_OK;
    if (context->executable) {
        if (strlen(context->executable) >= sizeof program)
            return BROOD_EINVAL;
        memcpy(program, context->executable, strlen(context->executable) + 1);
    } else {
        status = brd_os_self_path(program, sizeof program);
    }
    (void)snprintf(argument, sizeof argument, BRD_WORKER_ARGUMENT "%lld",
                   (long long)brd_os_proc_inherited(how, CHANNEL).os);
    how->program = program;
    how->argv = argv;
    if (!status)
        status = brd_os_proc_start(&c->proc, how);
    how->program = NULL;
    how->argv = NULL;
    return status;
}

int brd_child_start(brd_child *c, const brood_context *context, const brd_birth *birth)
{
    *c = (brd_child){.state = BRD_CHILD_NEW};
    int status = brd_link_open(&c->link);
    if (status)
        return status;
    brd_link *link = &c->link;
    brd_handle inherit[INHERITED] = {[CHANNEL] = link->theirs,
                                     [SEGMENT] = link->shm.segment,
                                     [PARENT_BELL] = birth->bell,
                                     [WORKER_BELL] = link->worker_bell.handle};
    bool has_bell = !brd_is_none(link->worker_bell.handle);
    brd_launch how = {.inherit = inherit,
                      .ninherit = has_bell ? INHERITED : INHERITED - 1,
                      .channel = link->frames.chan};
    brd_startup startup;
    unsigned char bytes[BRD_STARTUP_SIZE];
    status = identify(c);
    if (!status)
        status = fill_startup(c, &startup, &how, birth);
    if (!status)
        status = start_process(c, context, &how);
    if (!status) {
        // An empty channel takes this much at once: nothing here waits for the child.
        brd_startup_encode(&startup, bytes);
        status = brd_chan_write_all(link->frames.chan, bytes, sizeof bytes,
                                    brd_os_now() + 1000 * BRD_MS);
        child_enter(c, BRD_CHILD_STARTING);
    }
    brd_os_close(&link->theirs);
    if (status && c->state == BRD_CHILD_STARTING) {
        (void)brd_os_proc_kill(&c->proc, true);
        brd_exit ended;
        (void)brd_os_proc_wait(&c->proc, BRD_FOREVER, &ended);
        brd_child_exited(c);
    }
    if (status)
        brd_child_close(c);
    return status;
}

int brd_child_hello(brd_child *c, const brd_hello *hello)
{
    if (c->state != BRD_CHILD_STARTING || hello->protocol != BRD_PROTOCOL ||
        memcmp(hello->token, c->token, sizeof c->token) != 0)
        return BROOD_EPROTOCOL;
    if (memcmp(hello->build, c->build, sizeof c->build) != 0)
        return BROOD_EBUILD;
    child_enter(c, BRD_CHILD_RUNNING);
    return BROOD_OK;
}

void brd_child_exited(brd_child *c)
{
    child_enter(c, BRD_CHILD_EXITED);
}

void brd_child_close(brd_child *c)
{
    brd_link_close(&c->link);
    brd_os_proc_close(&c->proc);
    *c = (brd_child){.state = BRD_CHILD_NEW};
}
