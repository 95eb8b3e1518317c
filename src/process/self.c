/**
 * brood_main, and what this process knows of itself: the guard that keeps what stands
 * after it for the program that the user started.
 *
 * What is process-wide here are facts about this process, set once: that brood_main
 * was called, and what its parent told it of itself.
 */
#include "process/self.h"
#include "process/child.h"
#include "process/context.h"
#include <brood/process.h>
#include <string.h>

static _Atomic int main_called;
static struct self {
    unsigned depth;
    int64_t parent;
    brood_start_method method;
    char name[BRD_NAME_SIZE];
} self = {.name = "main"}; // written before the process has a second thread

static _Atomic bool serves; // this copy of brood is that of a child, or of a forkserver
static _Atomic bool beginning;
static _Thread_local bool loading;
static struct command_line {
    _Atomic int read;
    unsigned depth; // 0: it is no child's
    bool ours;      // it says that this copy of brood is to serve
} command_line;

int brd_own_copy(char out[BRD_ARGUMENT_SIZE])
{
    void (*const own)(int, char **) = brd_child_main;
    const void *code;
    brd_place place;
    memcpy(&code, &own, sizeof code);
    int status = brd_os_module_of(code, &place);
    if (!status && place.module[0])
        brd_arguments_put_copy(out, &place);
    else
        out[0] = '\0';
    return status;
}

// What the command line says, which every copy of brood in this process can read, also
// from a constructor.
static void read_command_line(void)
{
    char text[BRD_ARGUMENT_SIZE], own[BRD_ARGUMENT_SIZE];
    brd_handle channel;
    if (brd_arguments_get(0, NULL, 1, BRD_WORKER_ARGUMENT, text) ||
        brd_arguments_read_worker(text, &channel, &command_line.depth))
        return;
    command_line.ours = !brd_own_copy(own) &&
                        (!own[0] || (!brd_arguments_get(0, NULL, 2, BRD_COPY_ARGUMENT, text) &&
                                     !strcmp(text, own + sizeof BRD_COPY_ARGUMENT - 1)));
}

void brd_loads(bool loads)
{
    loading = loads;
}

bool brd_is_beginning(void)
{
    if (loading || beginning || self.depth)
        return loading || beginning;
    brd_os_once(&command_line.read, read_command_line);
    return command_line.ours;
}

unsigned brd_depth(void)
{
    if (self.depth)
        return self.depth;
    brd_os_once(&command_line.read, read_command_line);
    return command_line.depth;
}

brood_start_method brd_method_of_birth(void)
{
    return self.method;
}

void brd_set_self(const brd_startup *startup)
{
    self.depth = startup->depth;
    brd_generation_next();
    self.parent = startup->parent;
    self.method = (brood_start_method)startup->method;
    memcpy(self.name, startup->name, sizeof self.name);
}

brood_self brood_current_process(void)
{
    return (brood_self){
        .name = self.name, .pid = brd_os_pid(), .parent = self.parent, .depth = self.depth};
}

bool brd_main_called(void)
{
    return atomic_load(&main_called);
}

void brd_begin(void)
{
    atomic_store(&main_called, 1);
    serves = true;
    beginning = true;
}

void brd_begun(void)
{
    beginning = false;
}

void brood_main(int *argc, char ***argv)
{
    char text[BRD_ARGUMENT_SIZE];
    int count = argc && argv ? *argc : 0, unknown = BROOD_OK;
    char **arguments = argc && argv ? *argv : NULL;
    if (serves || self.depth) // a child already: it was called by what that has loaded
        return;
    // Without both nobody knows whether this is a child, and one that starts children as if
    // it were none would do so without end.
    if (!arguments)
        unknown = brd_os_argument(0, text, sizeof text);
    if (unknown && unknown != BROOD_EINVAL)
        return;
    atomic_store(&main_called, 1);
    if (brd_arguments_get(count, arguments, 1, BRD_WORKER_ARGUMENT, text) == BROOD_OK)
        brd_child_main(count, arguments);
}

uint32_t brood_cpu_count(void)
{
    return brd_os_cpu_count();
}

int64_t brood_pid(void)
{
    return brd_os_pid();
}
