/**
 * The parent's side of a birth: the link, the process, the record that tells it what it
 * is, and the machine of its states.
 */
#include "process/birth.h"
#include "process/forkserver.h"
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

// Whether to spin depends on it: worth knowing, not worth a dozen files at every birth.
static uint32_t cpus_of(brood_context *context)
{
    uint32_t cpus = atomic_load(&context->cpus);
    if (!cpus) {
        cpus = brd_os_cpu_count();
        atomic_store(&context->cpus, cpus);
    }
    return cpus;
}

int brd_startup_begin(brd_startup *s, brood_context *context)
{
    *s = (brd_startup){.depth = brd_depth() + 1,
                       .cpus = cpus_of(context),
                       .parent = brd_os_pid(),
                       .segment = BRD_NONE,
                       .parent_bell = BRD_NONE,
                       .worker_bell = BRD_NONE,
                       .last_inherited = BRD_NONE,
                       .limits = context->limits,
                       .chosen = context->executable != NULL,
                       .method = context->method};
    if (apr_generate_random_bytes(s->token, sizeof s->token) != APR_SUCCESS)
        return BROOD_ENOTSUP;
    return brd_os_module_build(s->build);
}

int brd_startup_send(const brd_startup *s, brd_chan *chan)
{
    unsigned char bytes[BRD_STARTUP_SIZE];
    brd_startup_encode(s, bytes);
    return brd_chan_write_all(chan, bytes, sizeof bytes, brd_os_now() + 1000 * BRD_MS);
}

static int fill_startup(brd_startup *s, const brd_launch *how, const brd_birth *birth)
{
    const void *code;
    memcpy(&code, &birth->entry, sizeof code);
    s->segment = brd_os_proc_inherited(how, BRD_BORN_SEGMENT);
    s->segment_size = BRD_SEGMENT_SIZE;
    s->parent_bell = brd_os_proc_inherited(how, BRD_BORN_PARENT_BELL);
    if (how->ninherit > BRD_BORN_WORKER_BELL)
        s->worker_bell = brd_os_proc_inherited(how, BRD_BORN_WORKER_BELL);
    s->last_inherited = brd_os_proc_inherited(how, how->ninherit - 1);
    s->alone = birth->alone;
    s->role = birth->role;
    (void)snprintf(s->name, sizeof s->name, "%s", birth->name);
    return brd_os_module_of(code, &s->entry);
}

static int start_process(brd_child *c, brood_context *context, const brd_birth *birth,
                         brd_launch *how)
{
    if (birth->server)
        return brd_forkserver_bear(birth->server, how, birth->unneeded, &c->proc);
    return brd_give_life(&c->proc, context, how);
}

// A child whose output nobody reads would wait for ever, once it has printed enough.
static int begin_output(brd_child *c)
{
    brd_exit ended;
    int status = brd_output_begin(c->output, c->proc.pid);
    if (status) {
        (void)brd_os_proc_kill(&c->proc, true);
        (void)brd_os_proc_wait(&c->proc, BRD_FOREVER, &ended);
    }
    return status;
}

static int start_once(brd_child *c, brood_context *context, const brd_birth *birth)
{
    *c = (brd_child){.state = BRD_CHILD_NEW};
    int status = brd_link_open(&c->link);
    if (status)
        return status;
    brd_link *link = &c->link;
    const brd_handle inherit[] = {[BRD_BORN_CHANNEL] = link->theirs,
                                  [BRD_BORN_SEGMENT] = link->shm.segment,
                                  [BRD_BORN_PARENT_BELL] = birth->bell,
                                  [BRD_BORN_WORKER_BELL] = link->worker_bell.handle};
    bool has_bell = !brd_is_none(link->worker_bell.handle);
    brd_launch how = {.inherit = inherit,
                      .ninherit = has_bell ? BRD_BORN_WORKER_BELL + 1 : BRD_BORN_WORKER_BELL,
                      .channel = link->frames.chan};
    brd_startup startup;
    status = brd_output_open(&c->output, context->capture, birth->name, link->words, &how);
    if (!status)
        status = brd_startup_begin(&startup, context);
    if (!status)
        status = fill_startup(&startup, &how, birth);
    // Before there is a child: so it never waits for its record.
    if (!status)
        status = brd_startup_send(&startup, link->frames.chan);
    if (!status)
        status = start_process(c, context, birth, &how);
    if (!status)
        status = begin_output(c);
    brd_os_close(&link->theirs);
    if (status) {
        brd_child_close(c);
        return status;
    }
    memcpy(c->token, startup.token, sizeof c->token);
    memcpy(c->build, startup.build, sizeof c->build);
    child_enter(c, BRD_CHILD_STARTING);
    return BROOD_OK;
}

int brd_child_start(brd_child *c, brood_context *context, const brd_birth *birth)
{
    int status = start_once(c, context, birth);
    // The forkserver was gone. It may have forked before that: never over the same link.
    if (status == BROOD_ECLOSED && birth->server)
        status = start_once(c, context, birth);
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

bool brd_child_is_hopeless(const brd_child *c)
{
    int failure = c->link.failure;
    return c->link.failed_at != BRD_FAILED_AT_START || failure == BROOD_EBUILD ||
           failure == BROOD_EFUNCTION || failure == BROOD_ETASK;
}

// The worker's words are numbers, and believed only as far as they fit the context.
void brd_child_explain(const brd_child *c, const brood_context *context, char *text, size_t room)
{
    uint64_t module = c->link.failed_at - BRD_FAILED_AT_MODULE;
    int failure = c->link.failure;
    const char *why = brood_status_text(failure);
    if (c->link.failed_at == BRD_FAILED_AT_COPY)
        (void)snprintf(text, room, "the library that brood is part of %s",
                       failure == BROOD_EBUILD ? "is another build there"
                                               : "cannot be loaded there");
    else if (c->link.failed_at < BRD_FAILED_AT_MODULE || module >= context->nmodules)
        (void)snprintf(text, room, "%s", why);
    else if (failure == BROOD_ETASK)
        (void)snprintf(text, room, "brood_module_init of %s failed",
                       context->modules[module] + sizeof BRD_MODULE_ARGUMENT - 1);
    else
        (void)snprintf(text, room, "%s cannot be loaded%s%s",
                       context->modules[module] + sizeof BRD_MODULE_ARGUMENT - 1,
                       failure == BROOD_EFUNCTION ? "" : ": ",
                       failure == BROOD_EFUNCTION ? "" : why);
}

void brd_child_exited(brd_child *c)
{
    child_enter(c, BRD_CHILD_EXITED);
    brd_output_end(c->output);
}

void brd_child_close(brd_child *c)
{
    brd_output_close(&c->output); // which looks into the link
    brd_link_close(&c->link);
    brd_os_proc_close(&c->proc);
    *c = (brd_child){.state = BRD_CHILD_NEW};
}
