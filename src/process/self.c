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

unsigned brd_depth(void)
{
    return self.depth;
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
