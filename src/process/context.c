/**
 * brood_main and contexts: the guard that keeps what stands after it for the
 * program that the user started.
 *
 * What is process-wide here are facts about this process, set once: that brood_main
 * was called, and what its parent told it of itself.
 */
#include "process/context.h"
#include "os.h"
#include "process/child.h"
#include <brood/process.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static _Atomic int main_called;
static struct self {
    unsigned depth;
    int64_t parent;
    char name[BRD_NAME_SIZE];
} self = {.name = "main"}; // written before the process has a second thread

static const brood_context default_context = {.method = BROOD_SPAWN};

const brood_context *brd_context_default(void)
{
    return &default_context;
}

unsigned brd_depth(void)
{
    return self.depth;
}

void brd_set_self(const brd_startup *startup)
{
    self.depth = startup->depth;
    self.parent = startup->parent;
    memcpy(self.name, startup->name, sizeof self.name);
}

brood_self brood_current_process(void)
{
    return (brood_self){
        .name = self.name, .pid = brd_os_pid(), .parent = self.parent, .depth = self.depth};
}

int brd_may_start(const brood_context *context)
{
    // With a worker program of its own, this program is never started again.
    if (!atomic_load(&main_called) && !context->executable)
        return BROOD_ENOMAIN;
    return brd_depth() >= BRD_DEPTH_LIMIT ? BROOD_EDEPTH : BROOD_OK;
}

static const char *marker_in(const char *argument)
{
    size_t prefix = sizeof BRD_WORKER_ARGUMENT - 1;
    return argument && strncmp(argument, BRD_WORKER_ARGUMENT, prefix) == 0 ? argument + prefix
                                                                           : NULL;
}

void brood_main(int *argc, char ***argv)
{
    char own[64];
    const char *number = NULL;
    if (argc && argv)
        number = *argc > 1 ? marker_in((*argv)[1]) : NULL;
    else if (brd_os_argument(1, own, sizeof own) == BROOD_OK)
        number = marker_in(own);
    atomic_store(&main_called, 1);
    if (number)
        brd_child_main(number);
}

uint32_t brood_cpu_count(void)
{
    return brd_os_cpu_count();
}

int64_t brood_pid(void)
{
    return brd_os_pid();
}

int brood_context_create(brood_context **out, const brood_context_options *options)
{
    brood_context_options o = BROOD_CONTEXT_OPTIONS_INIT;
    if (!out)
        return BROOD_EINVAL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (o.method != BROOD_DEFAULT_METHOD && o.method != BROOD_SPAWN)
        return BROOD_ENOTSUP;
    brood_context *c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_ENOMEM;
    c->method = BROOD_SPAWN;
    if (o.executable) {
        c->executable = malloc(strlen(o.executable) + 1);
        if (!c->executable) {
            free(c);
            return BROOD_ENOMEM;
        }
        memcpy(c->executable, o.executable, strlen(o.executable) + 1);
    }
    *out = c;
    return BROOD_OK;
}

void brood_context_destroy(brood_context *context)
{
    if (!context)
        return;
    free(context->executable);
    free(context);
}
