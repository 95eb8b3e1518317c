/**
 * How a process gets its life without a forkserver: by spawn, our own program started
 * again with a worker's arguments; or by fork, a copy of this process as it is now.
 */
#include "process/birth.h"
#include <stdio.h>
#include <string.h>

static int spawn(brd_proc *out, const brood_context *context, brd_launch *how)
{
    char program[4096], argument[BRD_ARGUMENT_SIZE], copy[BRD_ARGUMENT_SIZE];
    const char *argv[BRD_MOST_ARGUMENTS + 1] = {program, argument};
    size_t argc = 2;
    int status = brd_own_copy(copy);
    if (status)
        return status;
    if (copy[0])
        argv[argc++] = copy;
    for (size_t i = 0; i < context->nmodules; i++)
        argv[argc++] = context->modules[i];
    if (context->executable) {
        if (strlen(context->executable) >= sizeof program)
            return BROOD_EINVAL;
        memcpy(program, context->executable, strlen(context->executable) + 1);
    } else {
        status = brd_os_self_program(program, sizeof program);
    }
    brd_arguments_put_worker(argument, brd_os_proc_inherited(how, 0), brd_depth() + 1);
    how->program = program;
    how->argv = argv;
    if (!status)
        status = brd_os_proc_start(out, how);
    how->program = NULL;
    how->argv = NULL;
    return status;
}

static int fork_here(brd_proc *out, const brd_launch *how)
{
    bool child = false;
    const int64_t parent = brd_os_pid();
    // The copy forgets what waits in these buffers.
    (void)fflush(stdout);
    (void)fflush(stderr);
    int status = brd_os_proc_fork(out, how, &child);
    if (child)
        brd_child_forked(how->inherit, how->ninherit, parent, status);
    return status;
}

int brd_give_life(brd_proc *out, const brood_context *context, brd_launch *how)
{
    const char *const *env = NULL;
    int status = BROOD_OK;
    if (context->env)
        status = brd_os_env_make((const char *const *)context->env, &env);
    if (status)
        return status;
    how->env = env;
    how->directory = context->directory;
    how->memory = context->limits.memory;
    how->no_output = context->out == BROOD_STDIO_NULL;
    how->no_errors = context->err == BROOD_STDIO_NULL;
    status = context->method == BROOD_FORK ? fork_here(out, how) : spawn(out, context, how);
    how->env = NULL;
    brd_os_env_free(env);
    return status;
}
