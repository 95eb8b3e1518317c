/**
 * Semaphores. A plain one is a number. A bounded one is a row of slots, one for each unit,
 * which name the thread that took it: taking and giving back is one exchange in one slot,
 * so there is nothing that a death could leave half done.
 */
#include "base/clock.h"
#include "base/step.h"
#include "sync/kinds.h"
#include "sync/owner.h"
#include "sync/point.h"
#include <string.h>

enum {
    BOUNDED = 1,            /* terms[0]; terms[1] is the bound */
    MOST_SLOTS = 64 * 1024, /* of a bounded one */
    QUESTIONS = 64          /* owners in one look */
};

typedef struct semaphore_words {
    brd_point_words point;
    _Atomic uint64_t looked; /* when somebody last looked which owners live */
    _Atomic uint32_t value;  /* of a plain one */
    uint32_t unused;
    _Atomic uint64_t slots[]; /* of a bounded one: owners, 0 is a free unit */
} semaphore_words;

struct brood_semaphore {
    brd_object object;
    semaphore_words *words;
    brd_point point;
    bool bounded;
    uint32_t bound;
    _Atomic uint32_t cursor; /* where the next look begins */
};

/* ---------------------------------------------------------- making and closing */

static size_t words_size(uint64_t slots)
{
    return sizeof(semaphore_words) + (size_t)slots * sizeof(uint64_t);
}

static int open_semaphore(void *object)
{
    brood_semaphore *s = object;
    const uint64_t *terms = s->object.terms;
    uint64_t bound = terms[0] & BOUNDED ? terms[1] : 0;
    if (bound > MOST_SLOTS || s->object.size < words_size(bound))
        return BROOD_EPROTOCOL;
    s->bounded = terms[0] & BOUNDED;
    s->bound = (uint32_t)bound;
    s->words = brd_object_body(&s->object);
    return brd_point_open(&s->point, &s->words->point, brd_object_head_of(&s->object)->key, 0);
}

static void close_semaphore(void *object)
{
    brood_semaphore *s = object;
    brd_point_close(&s->point);
}

const brd_object_class brd_semaphore_class = {BRD_OBJECT_SEMAPHORE, sizeof(brood_semaphore),
                                              open_semaphore, close_semaphore, .bulk = false};

int brood_semaphore_create(brood_semaphore **out, uint32_t value,
                           const brood_semaphore_options *options)
{
    brood_semaphore_options o = BROOD_SEMAPHORE_OPTIONS_INIT;
    void *made = NULL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (!out || value > (o.bounded ? (uint32_t)MOST_SLOTS : (uint32_t)INT32_MAX))
        return BROOD_EINVAL;
    const uint64_t terms[4] = {o.bounded ? BOUNDED : 0, value};
    int status =
        brd_object_new(&made, &brd_semaphore_class, words_size(o.bounded ? value : 0), terms);
    if (status)
        return status;
    brood_semaphore *s = made;
    if (!o.bounded)
        atomic_store(&s->words->value, value);
    *out = s;
    return BROOD_OK;
}

static bool is_ours(const brood_semaphore *s)
{
    return s && brd_object_is_ours(&s->object, BRD_OBJECT_SEMAPHORE);
}

/* -------------------------------------------------------------------- taking */

static bool slot_swap(brood_semaphore *s, uint32_t slot, uint64_t from, uint64_t to)
{
    return atomic_compare_exchange_strong_explicit(&s->words->slots[slot], &from, to,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

/** Threads begin to search in different places, and each finds what it took at once. */
static uint32_t first_slot(const brood_semaphore *s, uint64_t me)
{
    uint64_t mixed = (me ^ me >> 32) * UINT64_C(0x9E3779B97F4A7C15);
    return s->bound ? (uint32_t)((mixed >> 32) % s->bound) : 0;
}

static bool take_slot(brood_semaphore *s, uint64_t me)
{
    uint32_t slot = first_slot(s, me);
    for (uint32_t i = 0; i < s->bound; i++) {
        if (atomic_load_explicit(&s->words->slots[slot], memory_order_relaxed) == 0 &&
            slot_swap(s, slot, 0, me))
            return true;
        slot = slot + 1 < s->bound ? slot + 1 : 0;
    }
    return false;
}

static bool take_one(brood_semaphore *s)
{
    uint32_t value = atomic_load_explicit(&s->words->value, memory_order_relaxed);
    while (value)
        if (atomic_compare_exchange_weak_explicit(&s->words->value, &value, value - 1,
                                                  memory_order_acquire, memory_order_relaxed))
            return true;
    return false;
}

static bool take(brood_semaphore *s, uint64_t me)
{
    return s->bounded ? take_slot(s, me) : take_one(s);
}

/** The unit of an owner who died. */
static bool take_over(brood_semaphore *s, uint64_t me)
{
    brd_roll roll = brd_roll_start(QUESTIONS);
    uint32_t slot = s->bound ? atomic_load(&s->cursor) % s->bound : 0;
    bool taken = false;
    for (uint32_t i = 0; i < s->bound && roll.left && !taken; i++) {
        uint64_t owner = atomic_load(&s->words->slots[slot]);
        taken = owner && brd_roll_is_dead(&roll, owner) && slot_swap(s, slot, owner, me);
        slot = slot + 1 < s->bound ? slot + 1 : 0;
    }
    atomic_store(&s->cursor, slot);
    return taken;
}

static int wait_for(brood_semaphore *s, uint64_t me, brd_time until)
{
    int status = BROOD_OK;
    for (;;) {
        uint32_t seen = brd_point_turn(&s->point);
        if (take(s, me))
            return BROOD_OK;
        if (brd_roll_is_due(&s->words->looked) && take_over(s, me))
            return BROOD_EOWNERDEAD;
        if (status)
            return status;
        status = brd_point_sleep(&s->point, seen, until);
    }
}

static bool spin(brood_semaphore *s, uint64_t me)
{
    // To look at a long row takes longer than a pause.
    int looks = s->bound > 8 ? BRD_POINT_SPINS / 8 : BRD_POINT_SPINS;
    for (int i = 0; i < looks; i++) {
        if (take(s, me))
            return true;
        brd_os_pause();
    }
    return false;
}

int brood_semaphore_acquire(brood_semaphore *semaphore, int64_t timeout)
{
    int status = BROOD_OK;
    if (!is_ours(semaphore))
        return BROOD_EINVAL;
    uint64_t me = brd_owner_me();
    if (!spin(semaphore, me)) {
        brd_point_enter(&semaphore->point);
        BRD_STEP("semaphore.waits");
        status = wait_for(semaphore, me, brd_until(timeout));
        brd_point_leave(&semaphore->point);
    }
    BRD_STEP("semaphore.took");
    return status;
}

/* ------------------------------------------------------------------ giving back */

static bool give_one(brood_semaphore *s)
{
    uint32_t value = atomic_load_explicit(&s->words->value, memory_order_relaxed);
    while (value < (uint32_t)INT32_MAX)
        if (atomic_compare_exchange_weak_explicit(&s->words->value, &value, value + 1,
                                                  memory_order_release, memory_order_relaxed))
            return true;
    return false;
}

/** How well a unit fits who gives one back. */
typedef enum fit { FREE, ANYBODYS, MY_PROCESSS, MINE } fit;

static fit fit_of(uint64_t owner, uint64_t me)
{
    if (owner == 0)
        return FREE;
    if (owner == me)
        return MINE;
    return brd_owner_is_kin(owner, me) ? MY_PROCESSS : ANYBODYS;
}

/** The unit that fits best, so that those of others keep their owners. */
static bool give_slot(brood_semaphore *s, uint64_t me)
{
    for (;;) {
        fit best = FREE;
        uint32_t chosen = 0, slot = first_slot(s, me);
        uint64_t owner = 0;
        for (uint32_t i = 0; i < s->bound && best != MINE; i++) {
            uint64_t found = atomic_load_explicit(&s->words->slots[slot], memory_order_relaxed);
            if (fit_of(found, me) > best) {
                best = fit_of(found, me);
                owner = found;
                chosen = slot;
            }
            slot = slot + 1 < s->bound ? slot + 1 : 0;
        }
        if (best == FREE)
            return false;
        if (slot_swap(s, chosen, owner, 0))
            return true;
    }
}

int brood_semaphore_release(brood_semaphore *semaphore)
{
    if (!is_ours(semaphore))
        return BROOD_EINVAL;
    BRD_STEP("semaphore.gives");
    if (!(semaphore->bounded ? give_slot(semaphore, brd_owner_me()) : give_one(semaphore)))
        return BROOD_EINVAL;
    BRD_STEP("semaphore.gave");
    brd_point_wake(&semaphore->point, 1);
    return BROOD_OK;
}

uint32_t brood_semaphore_value(const brood_semaphore *semaphore)
{
    uint32_t value = 0;
    if (!is_ours(semaphore))
        return 0;
    if (!semaphore->bounded)
        return atomic_load(&semaphore->words->value);
    for (uint32_t i = 0; i < semaphore->bound; i++)
        value += atomic_load(&semaphore->words->slots[i]) == 0;
    return value;
}

void brood_semaphore_destroy(brood_semaphore *semaphore)
{
    brd_object_free(&brd_semaphore_class, semaphore);
}
