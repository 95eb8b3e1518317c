/**
 * Conditions: a table of those who wait, each in a slot with a place of its own to sleep.
 *
 * A slot is FREE, WAITING or NOTIFIED. It is taken, and given its notification, under the
 * table's lock; whoever waits in it lets it go without. A notification and the end of a
 * waiter's time meet in one exchange, which one of them wins. Every step is one store, so
 * a table whose lock's owner died is whole.
 */
#include "base/clock.h"
#include "base/step.h"
#include "sync/kinds.h"
#include "sync/lock.h"
#include "sync/owner.h"

enum { MOST_WAITING = 1024 };
enum slot_state { FREE, WAITING, NOTIFIED };

typedef struct waiter_slot {
    _Atomic uint64_t owner;
    _Atomic uint64_t ticket; /* who has the lower one came first */
    brd_point_words point;
    _Atomic uint32_t state;
    uint32_t unused;
} waiter_slot;

typedef struct condition_words {
    brd_robust_words table;
    _Atomic uint64_t tickets;
    _Atomic uint32_t most; /* slots from here on are free */
    uint32_t unused;
    waiter_slot slots[MOST_WAITING];
} condition_words;

struct brood_condition {
    brd_object object;
    condition_words *words;
    brd_robust table;
};

static int open_condition(void *object)
{
    brood_condition *c = object;
    if (c->object.size < sizeof *c->words)
        return BROOD_EPROTOCOL;
    c->words = brd_object_body(&c->object);
    return brd_robust_open(&c->table, &c->words->table, brd_object_head_of(&c->object)->key, 0);
}

static void close_condition(void *object)
{
    brood_condition *c = object;
    brd_robust_close(&c->table);
}

const brd_object_class brd_condition_class = {BRD_OBJECT_CONDITION, sizeof(brood_condition),
                                              open_condition, close_condition, .bulk = false};

int brood_condition_create(brood_condition **out)
{
    void *made = NULL;
    int status = out ? brd_object_new(&made, &brd_condition_class, sizeof(condition_words), NULL)
                     : BROOD_EINVAL;
    if (!status)
        *out = made;
    return status;
}

static bool is_ours(const brood_condition *c)
{
    return c && brd_object_is_ours(&c->object, BRD_OBJECT_CONDITION);
}

/* ------------------------------------------------------------------ the table */

static int table_enter(brood_condition *c)
{
    int status = brd_robust_take(&c->table, BRD_FOREVER);
    return status == BROOD_EOWNERDEAD ? BROOD_OK : status;
}

static void table_leave(brood_condition *c)
{
    (void)brd_robust_give(&c->table);
}

static uint32_t slots_in_use(const brood_condition *c)
{
    uint32_t most = atomic_load(&c->words->most);
    return most < MOST_WAITING ? most : MOST_WAITING;
}

/** Where a slot's waiter sleeps. To be closed with brd_point_close. */
static int slot_point(brood_condition *c, uint32_t slot, brd_point *out)
{
    return brd_point_open(out, &c->words->slots[slot].point, brd_object_head_of(&c->object)->key,
                          1 + slot);
}

/** Frees the slots of those who died. */
static void sweep(brood_condition *c)
{
    brd_roll roll = brd_roll_start(MOST_WAITING);
    for (uint32_t i = 0; i < MOST_WAITING; i++) {
        waiter_slot *s = &c->words->slots[i];
        if (atomic_load(&s->state) != FREE && brd_roll_is_dead(&roll, atomic_load(&s->owner)))
            atomic_store(&s->state, FREE);
    }
}

static uint32_t find_free(const brood_condition *c)
{
    uint32_t slot = 0;
    while (slot < MOST_WAITING && atomic_load(&c->words->slots[slot].state) != FREE)
        slot++;
    return slot;
}

/** A slot for the calling thread, behind all who wait. Under the table's lock. */
static int take_slot(brood_condition *c, uint32_t *out)
{
    uint32_t slot = find_free(c);
    if (slot == MOST_WAITING) {
        sweep(c);
        slot = find_free(c);
        if (slot == MOST_WAITING)
            return BROOD_EAGAIN;
    }
    waiter_slot *s = &c->words->slots[slot];
    atomic_store(&s->owner, brd_owner_me());
    atomic_store(&s->ticket, atomic_fetch_add(&c->words->tickets, 1));
    atomic_store(&s->point.sleepers, 0); // its last owner may have died there
    if (slots_in_use(c) <= slot)
        atomic_store(&c->words->most, slot + 1);
    BRD_STEP("condition.registers");
    atomic_store(&s->state, WAITING);
    *out = slot;
    return BROOD_OK;
}

/* -------------------------------------------------------------------- waiting */

static int join_table(brood_condition *c, uint32_t *slot, brd_point *point)
{
    int status = table_enter(c);
    if (status)
        return status;
    status = take_slot(c, slot);
    if (!status) {
        status = slot_point(c, *slot, point);
        if (status)
            atomic_store(&c->words->slots[*slot].state, FREE);
    }
    table_leave(c);
    return status;
}

/** Waits in the slot, and leaves it. */
static int wait_in(waiter_slot *s, brd_point *point, brd_time until)
{
    int status = BROOD_OK;
    brd_point_enter(point);
    BRD_STEP("condition.waits");
    while (!status) {
        uint32_t seen = brd_point_turn(point);
        if (atomic_load(&s->state) != WAITING)
            break;
        status = brd_point_sleep(point, seen, until);
    }
    brd_point_leave(point);
    BRD_STEP("condition.woke");
    // The time is over, or the notification is there: what the slot says first is so.
    uint32_t state = WAITING;
    if (atomic_compare_exchange_strong(&s->state, &state, FREE))
        return status ? status : BROOD_ETIMEDOUT;
    atomic_store(&s->state, FREE);
    return BROOD_OK;
}

int brood_condition_wait(brood_condition *condition, brood_lock *lock, int64_t timeout)
{
    uint32_t slot = 0, depth = 0;
    brd_point point;
    if (!is_ours(condition) || !brd_lock_is_held(lock))
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    int status = join_table(condition, &slot, &point);
    if (status)
        return status;
    BRD_STEP("condition.joined");
    brd_lock_leave(lock, &depth);
    status = wait_in(&condition->words->slots[slot], &point, until);
    brd_point_close(&point);
    BRD_STEP("condition.returns");
    int taken = brd_lock_return(lock, depth);
    return taken ? taken : status;
}

/* ------------------------------------------------------------------ notifying */

/** False: its waiter's time was over first. */
static bool notify_slot(brood_condition *c, uint32_t slot)
{
    brd_point point;
    uint32_t state = WAITING;
    BRD_STEP("condition.notifies");
    if (!atomic_compare_exchange_strong(&c->words->slots[slot].state, &state, NOTIFIED))
        return false;
    BRD_STEP("condition.notified");
    if (!slot_point(c, slot, &point)) { // else it wakes by itself, a moment later
        brd_point_wake(&point, 1);
        brd_point_close(&point);
    }
    return true;
}

/** The slot of who waits longest and lives; MOST_WAITING: there is none. */
static uint32_t find_oldest(brood_condition *c, brd_roll *roll)
{
    for (;;) {
        uint32_t oldest = MOST_WAITING, count = slots_in_use(c);
        uint64_t lowest = UINT64_MAX;
        for (uint32_t i = 0; i < count; i++) {
            const waiter_slot *s = &c->words->slots[i];
            uint64_t ticket = atomic_load(&s->ticket);
            if (atomic_load(&s->state) == WAITING && ticket < lowest) {
                lowest = ticket;
                oldest = i;
            }
        }
        if (oldest == MOST_WAITING ||
            !brd_roll_is_dead(roll, atomic_load(&c->words->slots[oldest].owner)))
            return oldest;
        atomic_store(&c->words->slots[oldest].state, FREE);
    }
}

static void notify_some(brood_condition *c, uint32_t count)
{
    brd_roll roll = brd_roll_start(2 * MOST_WAITING);
    while (count) {
        uint32_t slot = find_oldest(c, &roll);
        if (slot == MOST_WAITING)
            return;
        count -= notify_slot(c, slot);
    }
}

static void notify_each(brood_condition *c)
{
    uint32_t count = slots_in_use(c);
    for (uint32_t i = 0; i < count; i++)
        if (atomic_load(&c->words->slots[i].state) == WAITING)
            (void)notify_slot(c, i);
}

/** The next notification looks at no more slots than it must. */
static void shrink(brood_condition *c)
{
    uint32_t most = slots_in_use(c);
    while (most && atomic_load(&c->words->slots[most - 1].state) == FREE)
        most--;
    atomic_store(&c->words->most, most);
}

int brood_condition_notify(brood_condition *condition, uint32_t count)
{
    if (!is_ours(condition))
        return BROOD_EINVAL;
    if (!count || !slots_in_use(condition))
        return BROOD_OK;
    int status = table_enter(condition);
    if (status)
        return status;
    if (count < MOST_WAITING)
        notify_some(condition, count);
    else
        notify_each(condition);
    shrink(condition);
    table_leave(condition);
    return BROOD_OK;
}

int brood_condition_notify_all(brood_condition *condition)
{
    return brood_condition_notify(condition, UINT32_MAX);
}

void brood_condition_destroy(brood_condition *condition)
{
    brd_object_free(&brd_condition_class, condition);
}
