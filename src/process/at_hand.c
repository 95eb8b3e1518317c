/**
 * What this process was given to do. A process that is forked in the middle of it has
 * nothing at hand: what it inherited is its parent's.
 */
#include "process/at_hand.h"
#include "process/self.h"
#include <brood/task.h>

static struct at_hand {
    brd_port *port;
    unsigned generation;   /* of the process that wrote here */
    _Atomic uint64_t task; /* other threads of the task may ask */
    _Atomic uint32_t item;
} now;

void brd_at_hand_open(brd_port *port)
{
    now.port = port;
    now.generation = brd_generation();
    brd_at_hand_set(0, 0);
}

void brd_at_hand_set(uint64_t task, uint32_t item)
{
    atomic_store_explicit(&now.item, item, memory_order_relaxed);
    atomic_store_explicit(&now.task, task, memory_order_relaxed);
}

uint64_t brd_at_hand(uint32_t *item)
{
    if (now.generation != brd_generation())
        return 0;
    *item = atomic_load_explicit(&now.item, memory_order_relaxed);
    return atomic_load_explicit(&now.task, memory_order_relaxed);
}

bool brd_at_hand_cancelled(uint64_t task, uint32_t item)
{
    const brd_link_words *words = now.port->words;
    uint64_t cancelled = atomic_load_explicit(&words->cancelled, memory_order_acquire);
    if (cancelled != task && cancelled != BRD_ALL_TASKS)
        return false;
    uint32_t which = atomic_load_explicit(&words->cancelled_item, memory_order_relaxed);
    return which == BRD_ALL_ITEMS || which == item;
}

int brood_cancelled(void)
{
    uint32_t item = 0;
    uint64_t task = brd_at_hand(&item);
    return task && brd_at_hand_cancelled(task, item);
}
