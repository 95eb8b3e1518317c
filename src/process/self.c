/**
 * brood_main, and what this process knows of itself: the guard that keeps what stands
 * after it for the program that the user started.
 *
 * What is process-wide here are facts about this process, set once: that brood_main
 * was called, and what its parent told it of itself.
 */
#include "process/self.h"
#include "process/arguments.h"
#include "process/child.h"
#include "process/context.h"
#include <brood/process.h>
#include <string.h>

static _Atomic int main_called;
static struct self {
    unsigned depth;
    unsigned generation;
    int64_t parent;
    brood_start_method method;
    char name[BRD_NAME_SIZE];
} self = {.name = "main"}; // written before the process has a second thread

unsigned brd_depth(void)
{
    return self.depth;
}

unsigned brd_generation(void)
{
    return self.generation;
}

brood_start_method brd_method_of_birth(void)
{
    return self.method;
}

void brd_set_self(const brd_startup *startup)
{
    self.depth = startup->depth;
    self.generation++; // a fork has that of its parent
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

void brd_main_was_called(void)
{
    atomic_store(&main_called, 1);
}

void brood_main(int *argc, char ***argv)
{
    char number[BRD_ARGUMENT_SIZE];
    int count = argc && argv ? *argc : 0;
    char **arguments = argc && argv ? *argv : NULL;
    brd_main_was_called();
    if (self.depth) // a child already: called once more by what its task has loaded
        return;
    if (brd_arguments_get(count, arguments, 1, BRD_WORKER_ARGUMENT, number) == BROOD_OK)
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
