/**
 * Barriers: a slot for each party that waits, which says who that is and how its wait ends.
 *
 * Slots are filled, and rounds ended, under the table's lock; a party empties its own when
 * it has read its end. As there are as many slots as parties, the last free one completes
 * the round. Whoever finds that the lock's last owner died breaks the barrier: that owner
 * was a party, and nobody knows how far it came.
 */
#include "base/clock.h"
#include "base/step.h"
#include "sync/kinds.h"
#include "sync/owner.h"
#include "sync/robust.h"

enum { MOST_PARTIES = 4096 };
enum slot_state { FREE, WAITING, RELEASED, BROKEN };

typedef struct party_slot {
    _Atomic uint64_t owner;
    _Atomic uint32_t state;
    uint32_t unused;
} party_slot;

typedef struct barrier_words {
    brd_robust_words table;
    brd_point_words point, room; /* for the round's end; for a free slot */
    _Atomic uint64_t looked;     /* when somebody last looked which parties live */
    _Atomic uint32_t broken;
    uint32_t unused;
    party_slot slots[];
} barrier_words;

struct brood_barrier {
    brd_object object;
    barrier_words *words;
    uint32_t parties; /* terms[0] */
    brd_robust table;
    brd_point point, room;
};

/* ---------------------------------------------------------- making and closing */

static size_t words_size(uint64_t parties)
{
    return sizeof(barrier_words) + (size_t)parties * sizeof(party_slot);
}

static void close_barrier(void *object)
{
    brood_barrier *b = object;
    brd_point_close(&b->room);
    brd_point_close(&b->point);
    brd_robust_close(&b->table);
}

static int open_barrier(void *object)
{
    brood_barrier *b = object;
    const uint8_t *key = brd_object_head_of(&b->object)->key;
    uint64_t parties = b->object.terms[0];
    if (parties == 0 || parties > MOST_PARTIES || b->object.size < words_size(parties))
        return BROOD_EPROTOCOL;
    b->parties = (uint32_t)parties;
    b->words = brd_object_body(&b->object);
    int status = brd_robust_open(&b->table, &b->words->table, key, 0);
    if (!status)
        status = brd_point_open(&b->point, &b->words->point, key, 1);
    if (!status)
        status = brd_point_open(&b->room, &b->words->room, key, 2);
    if (status)
        close_barrier(b);
    return status;
}

const brd_object_class brd_barrier_class = {BRD_OBJECT_BARRIER, sizeof(brood_barrier), open_barrier,
                                            close_barrier, .bulk = false};

int brood_barrier_create(brood_barrier **out, uint32_t parties)
{
    void *made = NULL;
    const uint64_t terms[4] = {parties};
    if (!out || parties == 0 || parties > MOST_PARTIES)
        return BROOD_EINVAL;
    int status = brd_object_new(&made, &brd_barrier_class, words_size(parties), terms);
    if (!status)
        *out = made;
    return status;
}

static bool is_ours(const brood_barrier *b)
{
    return b && brd_object_is_ours(&b->object, BRD_OBJECT_BARRIER);
}

/* ------------------------------------------------- rounds, under the table's lock */

static void end_round(brood_barrier *b, uint32_t how)
{
    for (uint32_t i = 0; i < b->parties; i++) {
        uint32_t state = WAITING;
        BRD_STEP("barrier.ends");
        (void)atomic_compare_exchange_strong(&b->words->slots[i].state, &state, how);
    }
    brd_point_wake(&b->point, UINT32_MAX);
}

static void break_it(brood_barrier *b)
{
    atomic_store(&b->words->broken, 1);
    BRD_STEP("barrier.breaks");
    end_round(b, BROKEN);
    brd_point_wake(&b->room, UINT32_MAX);
}

static int table_enter(brood_barrier *b)
{
    int status = brd_robust_take(&b->table, BRD_FOREVER);
    if (status == BROOD_EOWNERDEAD) {
        break_it(b);
        status = BROOD_OK;
    }
    return status;
}

static void table_leave(brood_barrier *b)
{
    (void)brd_robust_give(&b->table);
}

static uint32_t count_in(const brood_barrier *b, uint32_t state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < b->parties; i++)
        count += atomic_load(&b->words->slots[i].state) == state;
    return count;
}

/** The first slot in that state whose owner died; `parties`: none. */
static uint32_t find_dead(const brood_barrier *b, uint32_t state)
{
    brd_roll roll = brd_roll_start(b->parties);
    for (uint32_t i = 0; i < b->parties; i++) {
        const party_slot *s = &b->words->slots[i];
        if (atomic_load(&s->state) == state && brd_roll_is_dead(&roll, atomic_load(&s->owner)))
            return i;
    }
    return b->parties;
}

/** Empties the slots of those who died before they could. */
static void sweep(brood_barrier *b)
{
    for (uint32_t state = RELEASED; state <= BROKEN; state++)
        for (uint32_t i = find_dead(b, state); i < b->parties; i = find_dead(b, state))
            atomic_store(&b->words->slots[i].state, FREE);
}

static bool take_slot(brood_barrier *b, uint32_t *slot)
{
    for (uint32_t i = 0; i < b->parties; i++) {
        party_slot *s = &b->words->slots[i];
        if (atomic_load(&s->state) != FREE)
            continue;
        atomic_store(&s->owner, brd_owner_me());
        BRD_STEP("barrier.registers");
        atomic_store(&s->state, WAITING);
        *slot = i;
        return true;
    }
    return false;
}

/* ------------------------------------------------------------------- arriving */

/** Waits for a slot that those of the last round have not emptied yet. */
static int wait_for_room(brood_barrier *b, brd_time until)
{
    int status = BROOD_OK;
    brd_point_enter(&b->room);
    while (!status) {
        uint32_t seen = brd_point_turn(&b->room);
        if (atomic_load(&b->words->broken) || count_in(b, FREE))
            break;
        status = brd_point_sleep(&b->room, seen, until);
        if (!status && brd_point_turn(&b->room) == seen)
            break; // for the sweep
    }
    brd_point_leave(&b->room);
    return status;
}

/** Takes a slot. The table's lock is held on success only. */
static int arrive(brood_barrier *b, brd_time until, uint32_t *slot)
{
    for (;;) {
        int status = table_enter(b);
        if (status)
            return status;
        bool broken = atomic_load(&b->words->broken);
        if (!broken && take_slot(b, slot))
            return BROOD_OK;
        sweep(b);
        bool has_room = count_in(b, FREE);
        table_leave(b);
        if (broken)
            return BROOD_EBROKEN;
        status = has_room ? BROOD_OK : wait_for_room(b, until);
        if (status)
            return status;
    }
}

/** If all have come the round ends, well if all of them live. */
static void complete(brood_barrier *b)
{
    if (count_in(b, WAITING) < b->parties)
        return;
    BRD_STEP("barrier.full");
    if (find_dead(b, WAITING) < b->parties)
        break_it(b);
    else
        end_round(b, RELEASED);
}

/* -------------------------------------------------------------------- waiting */

/** Breaks the barrier if one who waits has died. */
static void look_around(brood_barrier *b)
{
    if (!brd_roll_is_due(&b->words->looked) || find_dead(b, WAITING) == b->parties)
        return;
    if (table_enter(b))
        return;
    if (find_dead(b, WAITING) < b->parties)
        break_it(b);
    table_leave(b);
}

static int wait_in(brood_barrier *b, party_slot *s, brd_time until)
{
    int status = BROOD_OK;
    brd_point_enter(&b->point);
    BRD_STEP("barrier.waits");
    while (!status) {
        uint32_t seen = brd_point_turn(&b->point);
        if (atomic_load(&s->state) != WAITING)
            break;
        status = brd_point_sleep(&b->point, seen, until);
        if (!status && brd_point_turn(&b->point) == seen)
            look_around(b);
    }
    brd_point_leave(&b->point);
    BRD_STEP("barrier.woke");
    return status;
}

/** Who gives up breaks the round, unless that has just ended. */
static int give_up(brood_barrier *b, const party_slot *s, int why)
{
    int status = table_enter(b);
    if (status)
        return status;
    status = BROOD_OK;
    if (atomic_load(&s->state) == WAITING) {
        break_it(b);
        status = why;
    }
    table_leave(b);
    return status;
}

/** Empties the slot. How the wait ended. */
static int leave_slot(brood_barrier *b, party_slot *s)
{
    uint32_t state = atomic_load(&s->state);
    atomic_store(&s->state, FREE);
    BRD_STEP("barrier.left");
    brd_point_wake(&b->room, 1);
    return state == RELEASED ? BROOD_OK : BROOD_EBROKEN;
}

int brood_barrier_wait(brood_barrier *barrier, int64_t timeout, uint32_t *index)
{
    uint32_t slot = 0;
    if (!is_ours(barrier))
        return BROOD_EINVAL;
    brd_time until = brd_until(timeout);
    int status = arrive(barrier, until, &slot);
    if (status == BROOD_ETIMEDOUT)
        (void)brood_barrier_abort(barrier);
    if (status)
        return status;
    party_slot *s = &barrier->words->slots[slot];
    complete(barrier);
    table_leave(barrier);
    BRD_STEP("barrier.joined");
    status = wait_in(barrier, s, until);
    if (status)
        status = give_up(barrier, s, status);
    int ended = leave_slot(barrier, s);
    if (!status)
        status = ended;
    if (!status && index)
        *index = slot;
    return status;
}

/* -------------------------------------------------------------------- the rest */

int brood_barrier_abort(brood_barrier *barrier)
{
    int status = is_ours(barrier) ? table_enter(barrier) : BROOD_EINVAL;
    if (status)
        return status;
    break_it(barrier);
    table_leave(barrier);
    return BROOD_OK;
}

int brood_barrier_reset(brood_barrier *barrier)
{
    int status = is_ours(barrier) ? table_enter(barrier) : BROOD_EINVAL;
    if (status)
        return status;
    end_round(barrier, BROKEN);
    BRD_STEP("barrier.resets");
    atomic_store(&barrier->words->broken, 0);
    table_leave(barrier);
    return BROOD_OK;
}

uint32_t brood_barrier_parties(const brood_barrier *barrier)
{
    return is_ours(barrier) ? barrier->parties : 0;
}

uint32_t brood_barrier_waiting(const brood_barrier *barrier)
{
    return is_ours(barrier) ? count_in(barrier, WAITING) : 0;
}

int brood_barrier_is_broken(const brood_barrier *barrier)
{
    return is_ours(barrier) && atomic_load(&barrier->words->broken) != 0;
}

void brood_barrier_destroy(brood_barrier *barrier)
{
    brd_object_free(&brd_barrier_class, barrier);
}
