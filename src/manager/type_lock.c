/**
 * Lock, RLock, Condition, and the semaphores.
 *
 * A lock belongs to a session, an RLock to a thread of one, since a process is what can die
 * with it in its hand. Then it is free, and marked: the next taker is told. A Condition has a
 * mutex of its own inside or uses another object's, whose guard is then its guard too.
 */
#include "base/fail.h"
#include "manager/type.h"

typedef struct mutex {
    brd_held held;   /* by whom */
    uint64_t thread; /* of that session */
    uint64_t depth;
    bool recursive;
    bool orphaned; /* who had it died */
    brd_line line;
} mutex;

static bool is_mine(const mutex *m, const brd_call *call)
{
    return m->held.session == call->session && m->thread == call->thread;
}

/** The lock of `object`, so that this session has it `depth` times. */
static int take(brd_call *call, mutex *m, brd_managed *object, uint64_t depth, brd_time until)
{
    int status = BROOD_OK;
    while (!status && m->held.session)
        status = brd_line_wait(&m->line, call->place, call->object->guard, until);
    if (status)
        return status;
    brd_session_hold(call->store, call->session, &m->held, object);
    m->thread = call->thread;
    m->depth = depth;
    status = m->orphaned ? BROOD_EOWNERDEAD : BROOD_OK;
    m->orphaned = false;
    return status;
}

static void let_go(brd_store *store, mutex *m)
{
    brd_session_let_go(store, &m->held);
    m->depth = 0;
    brd_line_wake_one(&m->line);
}

static int acquire_mutex(brd_call *call, mutex *m, brd_managed *object)
{
    if (!m->recursive || !is_mine(m, call))
        return take(call, m, object, 1, call->until);
    m->depth++;
    return BROOD_OK;
}

static int release_mutex(brd_call *call, mutex *m)
{
    if (!m->held.session || (m->recursive && !is_mine(m, call))) {
        (void)brood_fail(m->held.session ? "another thread has it" : "nobody has it");
        return BROOD_EINVAL;
    }
    if (--m->depth == 0)
        let_go(call->store, m);
    return BROOD_OK;
}

/* ------------------------------------------------------------- Lock, RLock */

static int create_rlock(brd_call *call, void *state)
{
    (void)call;
    ((mutex *)state)->recursive = true;
    return BROOD_OK;
}

static int acquire(brd_call *call, void *state)
{
    return acquire_mutex(call, state, call->object);
}

static void undo_acquire(brd_call *call, void *state)
{
    mutex *m = state;
    bool taken = call->status == BROOD_OK || call->status == BROOD_EOWNERDEAD;
    if (!taken || !is_mine(m, call))
        return; // another thread of the client may have released it since
    m->orphaned = call->status != BROOD_OK;
    (void)release_mutex(call, m);
}

static int release(brd_call *call, void *state)
{
    return release_mutex(call, state);
}

static int is_locked(brd_call *call, void *state)
{
    return brd_call_give_bool(call, ((const mutex *)state)->held.session != NULL);
}

static void abandon(brd_store *store, void *state, brd_session *session)
{
    mutex *m = state;
    if (m->held.session != session)
        return;
    m->orphaned = true;
    let_go(store, m);
}

static const brd_method lock_methods[] = {
    {"acquire", acquire, 0, 0, undo_acquire},
    {"locked", is_locked, 0, 0, NULL},
    {"release", release, 0, 0, NULL},
    {0},
};

const brd_type brd_type_lock = {
    .name = "Lock", .size = sizeof(mutex), .methods = lock_methods, .abandon = abandon};

const brd_type brd_type_rlock = {.name = "RLock",
                                 .size = sizeof(mutex),
                                 .methods = lock_methods,
                                 .create = create_rlock,
                                 .abandon = abandon};

/* ---------------------------------------------------------------- Condition */

typedef struct condition {
    mutex own; /* first: what brd_held leads to is a mutex */
    mutex *mutex;
    brd_managed *lock; /* whose mutex that is: another object, or this one */
    bool shared;       /* another one, to which this refers */
    brd_line line;
} condition;

static int use_lock_of(brd_call *call, condition *c)
{
    brd_value *key = NULL;
    size_t at = 0;
    int status = brd_call_key(call, &key);
    const unsigned char *reference =
        status ? NULL : brd_value_reference(key->bytes, key->size, &at);
    if (!reference)
        return status ? status : BROOD_ETYPE;
    brd_managed *lock = brd_store_get(call->store, brd_get64(reference + BRD_REFERENCE_OBJECT));
    if (lock->type != &brd_type_lock && lock->type != &brd_type_rlock) {
        brd_store_release(call->store, lock); // not the last: the argument refers to it
        return BROOD_ETYPE;
    }
    c->lock = lock;
    c->mutex = lock->state;
    c->shared = true;
    call->object->guard = lock->guard;
    return BROOD_OK;
}

static int create_condition(brd_call *call, void *state)
{
    condition *c = state;
    c->own.recursive = true;
    c->mutex = &c->own;
    c->lock = call->object;
    return brd_call_has_more(call) ? use_lock_of(call, c) : BROOD_OK;
}

static void destroy_condition(void *state, brd_remains *left)
{
    const condition *c = state;
    left->object = c->shared ? c->lock : NULL;
}

static int acquire_condition(brd_call *call, void *state)
{
    condition *c = state;
    return acquire_mutex(call, c->mutex, c->lock);
}

static void undo_acquire_condition(brd_call *call, void *state)
{
    undo_acquire(call, ((condition *)state)->mutex);
}

static int release_condition(brd_call *call, void *state)
{
    return release_mutex(call, ((condition *)state)->mutex);
}

static int check_mine(brd_call *call, const condition *c)
{
    bool mine =
        c->mutex->recursive ? is_mine(c->mutex, call) : c->mutex->held.session == call->session;
    if (!mine)
        (void)brood_fail("acquire the condition first");
    return mine ? BROOD_OK : BROOD_EINVAL;
}

// Whoever waited has the lock again, be the time over or not; only a client that is gone has not.
static int wait_condition(brd_call *call, void *state)
{
    condition *c = state;
    uint64_t depth = c->mutex->depth;
    int status = check_mine(call, c);
    if (status)
        return status;
    let_go(call->store, c->mutex);
    status = brd_line_wait(&c->line, call->place, call->object->guard, call->until);
    if (status == BROOD_ECLOSED)
        return status;
    int taken = take(call, c->mutex, c->lock, depth, BRD_FOREVER);
    return taken ? taken : status;
}

// The client does not know that it has the lock.
static void undo_wait(brd_call *call, void *state)
{
    condition *c = state;
    if (is_mine(c->mutex, call)) {
        c->mutex->orphaned = true;
        let_go(call->store, c->mutex);
    }
}

static int notify(brd_call *call, void *state)
{
    condition *c = state;
    int64_t count = 1;
    int status = check_mine(call, c);
    if (!status)
        status = brd_call_integer(call, &count);
    for (; !status && count > 0 && !brd_line_is_empty(&c->line); count--)
        brd_line_wake_one(&c->line);
    return status;
}

static int notify_all(brd_call *call, void *state)
{
    condition *c = state;
    int status = check_mine(call, c);
    if (!status)
        brd_line_wake_all(&c->line);
    return status;
}

static const brd_method condition_methods[] = {
    {"acquire", acquire_condition, 0, 0, undo_acquire_condition},
    {"notify", notify, 0, 1, NULL},
    {"notify_all", notify_all, 0, 0, NULL},
    {"release", release_condition, 0, 0, NULL},
    {"wait", wait_condition, 0, 0, undo_wait},
    {0},
};

const brd_type brd_type_condition = {.name = "Condition",
                                     .size = sizeof(condition),
                                     .methods = condition_methods,
                                     .most = 1,
                                     .create = create_condition,
                                     .destroy = destroy_condition,
                                     .abandon = abandon};

/* --------------------------------------------------------------- semaphores */

typedef struct semaphore {
    int64_t value, most;
    brd_line line;
} semaphore;

static int create_semaphore(brd_call *call, void *state)
{
    semaphore *s = state;
    s->value = 1;
    int status = brd_call_integer(call, &s->value);
    s->most = INT64_MAX;
    return status || s->value >= 0 ? status : BROOD_EINVAL;
}

static int create_bounded(brd_call *call, void *state)
{
    semaphore *s = state;
    int status = create_semaphore(call, s);
    s->most = s->value;
    return status;
}

static int acquire_semaphore(brd_call *call, void *state)
{
    semaphore *s = state;
    int status = BROOD_OK;
    while (!status && s->value == 0)
        status = brd_line_wait(&s->line, call->place, call->object->guard, call->until);
    if (!status)
        s->value--;
    return status;
}

static void undo_semaphore(brd_call *call, void *state)
{
    semaphore *s = state;
    if (call->status)
        return;
    s->value++;
    brd_line_wake_one(&s->line);
}

static int release_semaphore(brd_call *call, void *state)
{
    semaphore *s = state;
    int64_t count = 1;
    int status = brd_call_integer(call, &count);
    if (!status && (count < 1 || count > s->most - s->value)) {
        (void)brood_fail("released more often than acquired");
        status = BROOD_EINVAL;
    }
    if (status)
        return status;
    s->value += count;
    for (; count > 0 && !brd_line_is_empty(&s->line); count--)
        brd_line_wake_one(&s->line);
    return BROOD_OK;
}

static int semaphore_value(brd_call *call, void *state)
{
    return brd_call_give_integer(call, ((const semaphore *)state)->value);
}

static const brd_method semaphore_methods[] = {
    {"acquire", acquire_semaphore, 0, 0, undo_semaphore},
    {"get_value", semaphore_value, 0, 0, NULL},
    {"release", release_semaphore, 0, 1, NULL},
    {0},
};

const brd_type brd_type_semaphore = {.name = "Semaphore",
                                     .size = sizeof(semaphore),
                                     .methods = semaphore_methods,
                                     .most = 1,
                                     .create = create_semaphore};

const brd_type brd_type_bounded = {.name = "BoundedSemaphore",
                                   .size = sizeof(semaphore),
                                   .methods = semaphore_methods,
                                   .most = 1,
                                   .create = create_bounded};
