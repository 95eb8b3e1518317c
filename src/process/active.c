/**
 * The processes that this program has started: for whoever asks for them, and for its
 * exit, which waits for those that say so.
 */
#include "process/active.h"
#include "os.h"
#include <stdlib.h>

static _Atomic int made, exit_asked;
static brd_mutex lock;
static brd_active *first;
static int64_t parent; // the process that these are the children of

static void make(void)
{
    (void)brd_os_mutex_init(&lock);
    parent = brd_os_pid();
    first = NULL;
}

static void begin(void)
{
    brd_os_once(&made, make);
    if (parent != brd_os_pid())
        make(); // forked, by whomever: the list is another's
    brd_os_mutex_lock(&lock);
}

static brood_process *next_awaited(void)
{
    begin();
    brd_active *one = first;
    while (one && !(one->awaited && brood_process_is_alive(one->process)))
        one = one->next;
    brood_process *process = one ? one->process : NULL;
    brd_os_mutex_unlock(&lock);
    return process;
}

// In the end only one thread is left to destroy anything, and that is here.
void brd_active_await(void)
{
    if (parent != brd_os_pid())
        return;
    for (brood_process *p; (p = next_awaited());)
        (void)brood_process_join(p, BROOD_FOREVER);
}

static void ask_exit(void)
{
    (void)atexit(brd_active_await);
}

void brd_active_add(brd_active *one)
{
    if (one->awaited)
        brd_os_once(&exit_asked, ask_exit);
    begin();
    one->listed = true;
    one->next = first;
    first = one;
    brd_os_mutex_unlock(&lock);
}

void brd_active_remove(brd_active *one)
{
    if (!one->listed)
        return;
    begin();
    for (brd_active **at = &first; *at; at = &(*at)->next) {
        if (*at == one) {
            *at = one->next;
            break;
        }
    }
    one->listed = false;
    brd_os_mutex_unlock(&lock);
}

size_t brood_active_children(brood_process **processes, size_t cap)
{
    size_t count = 0;
    begin();
    for (brd_active *one = first; one; one = one->next) {
        if (!brood_process_is_alive(one->process))
            continue;
        if (processes && count < cap)
            processes[count] = one->process;
        count++;
    }
    brd_os_mutex_unlock(&lock);
    return count;
}
