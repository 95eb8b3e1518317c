/**
 * Event and Barrier.
 */
#include "base/fail.h"
#include "manager/type.h"

/* -------------------------------------------------------------------- Event */

typedef struct event {
    bool set;
    uint64_t times; /* it was set: who waited then has seen it, be it cleared since */
    brd_line line;
} event;

static int set(brd_call *call, void *state)
{
    event *e = state;
    (void)call;
    e->times += !e->set;
    e->set = true;
    brd_line_wake_all(&e->line);
    return BROOD_OK;
}

static int clear(brd_call *call, void *state)
{
    (void)call;
    ((event *)state)->set = false;
    return BROOD_OK;
}

static int is_set(brd_call *call, void *state)
{
    return brd_call_give_bool(call, ((const event *)state)->set);
}

static int wait_event(brd_call *call, void *state)
{
    event *e = state;
    uint64_t before = e->times;
    int status = BROOD_OK;
    while (!status && !e->set && e->times == before)
        status = brd_line_wait(&e->line, call->place, call->object->guard, call->until);
    return status;
}

static const brd_method event_methods[] = {
    {"clear", clear, 0, 0, NULL},
    {"is_set", is_set, 0, 0, NULL},
    {"set", set, 0, 0, NULL},
    {"wait", wait_event, 0, 0, NULL},
    {0},
};

const brd_type brd_type_event = {.name = "Event", .size = sizeof(event), .methods = event_methods};

/* ------------------------------------------------------------------ Barrier */

typedef struct barrier {
    int64_t parties;
    int64_t waiting; /* in this round */
    uint64_t round;  /* moves on when all have come */
    uint64_t resets; /* rounds that reset has broken off */
    bool broken;
    brd_line line;
} barrier;

static int create_barrier(brd_call *call, void *state)
{
    barrier *b = state;
    int status = brd_call_integer(call, &b->parties);
    return status || b->parties > 0 ? status : BROOD_EINVAL;
}

static void break_barrier(barrier *b)
{
    b->broken = true;
    brd_line_wake_all(&b->line);
}

// Who does not wait to the end breaks it for the others: they would wait for ever.
static int wait_barrier(brd_call *call, void *state)
{
    barrier *b = state;
    uint64_t round = b->round, resets = b->resets;
    int64_t index = b->waiting;
    int status = BROOD_OK;
    if (b->broken)
        return BROOD_EBROKEN;
    if (++b->waiting == b->parties) {
        b->waiting = 0;
        b->round++;
        brd_line_wake_all(&b->line);
        return brd_call_give_integer(call, index);
    }
    while (!status && !b->broken && b->round == round && b->resets == resets)
        status = brd_line_wait(&b->line, call->place, call->object->guard, call->until);
    if (b->round != round)
        return brd_call_give_integer(call, index);
    if (b->resets != resets)
        return BROOD_EBROKEN; // not this round's any more
    b->waiting--;
    if (b->broken)
        return BROOD_EBROKEN;
    break_barrier(b);
    return status;
}

static int reset(brd_call *call, void *state)
{
    barrier *b = state;
    (void)call;
    b->resets++;
    b->waiting = 0;
    b->broken = false;
    brd_line_wake_all(&b->line);
    return BROOD_OK;
}

static int abort_barrier(brd_call *call, void *state)
{
    (void)call;
    break_barrier(state);
    return BROOD_OK;
}

static int parties(brd_call *call, void *state)
{
    return brd_call_give_integer(call, ((const barrier *)state)->parties);
}

static int waiting(brd_call *call, void *state)
{
    return brd_call_give_integer(call, ((const barrier *)state)->waiting);
}

static int is_broken(brd_call *call, void *state)
{
    return brd_call_give_bool(call, ((const barrier *)state)->broken);
}

static const brd_method barrier_methods[] = {
    {"abort", abort_barrier, 0, 0, NULL},
    {"broken", is_broken, 0, 0, NULL},
    {"n_waiting", waiting, 0, 0, NULL},
    {"parties", parties, 0, 0, NULL},
    {"reset", reset, 0, 0, NULL},
    {"wait", wait_barrier, 0, 0, NULL},
    {0},
};

const brd_type brd_type_barrier = {.name = "Barrier",
                                   .size = sizeof(barrier),
                                   .methods = barrier_methods,
                                   .least = 1,
                                   .most = 1,
                                   .create = create_barrier};
