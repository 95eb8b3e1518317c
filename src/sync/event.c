/**
 * Events: one word that counts how often the event was set and cleared; odd means set.
 *
 * Who waits remembers the word. Any other value says that it was set meanwhile, even if it
 * was cleared again before the waiter ran.
 */
#include "base/clock.h"
#include "base/step.h"
#include "sync/kinds.h"
#include "sync/point.h"

typedef struct event_words {
    _Atomic uint32_t changes;
    brd_point_words point;
} event_words;

struct brood_event {
    brd_object object;
    event_words *words;
    brd_point point;
};

static int open_event(void *object)
{
    brood_event *e = object;
    if (e->object.size < sizeof *e->words)
        return BROOD_EPROTOCOL;
    e->words = brd_object_body(&e->object);
    return brd_point_open(&e->point, &e->words->point, brd_object_head_of(&e->object)->key, 0);
}

static void close_event(void *object)
{
    brood_event *e = object;
    brd_point_close(&e->point);
}

const brd_object_class brd_event_class = {BRD_OBJECT_EVENT, sizeof(brood_event), open_event,
                                          close_event, .bulk = false};

int brood_event_create(brood_event **out)
{
    void *made = NULL;
    int status =
        out ? brd_object_new(&made, &brd_event_class, sizeof(event_words), NULL) : BROOD_EINVAL;
    if (!status)
        *out = made;
    return status;
}

static bool is_ours(const brood_event *e)
{
    return e && brd_object_is_ours(&e->object, BRD_OBJECT_EVENT);
}

static bool means_set(uint32_t changes)
{
    return changes % 2 != 0;
}

static void make(brood_event *e, bool set)
{
    uint32_t before = atomic_load(&e->words->changes);
    while (means_set(before) != set &&
           !atomic_compare_exchange_weak(&e->words->changes, &before, before + 1))
        continue;
}

int brood_event_set(brood_event *event)
{
    if (!is_ours(event))
        return BROOD_EINVAL;
    BRD_STEP("event.sets");
    make(event, true);
    BRD_STEP("event.set");
    // Also if it was set before: whoever did that may have died before it woke anybody.
    brd_point_wake(&event->point, UINT32_MAX);
    return BROOD_OK;
}

int brood_event_clear(brood_event *event)
{
    if (!is_ours(event))
        return BROOD_EINVAL;
    BRD_STEP("event.clears");
    make(event, false);
    return BROOD_OK;
}

int brood_event_is_set(const brood_event *event)
{
    return is_ours(event) && means_set(atomic_load(&event->words->changes));
}

int brood_event_wait(brood_event *event, int64_t timeout)
{
    int status = BROOD_OK;
    if (!is_ours(event))
        return BROOD_EINVAL;
    const uint32_t before = atomic_load(&event->words->changes);
    if (means_set(before))
        return BROOD_OK;
    brd_time until = brd_until(timeout);
    brd_point_enter(&event->point);
    BRD_STEP("event.waits");
    while (!status) {
        uint32_t seen = brd_point_turn(&event->point);
        if (atomic_load(&event->words->changes) != before)
            break;
        status = brd_point_sleep(&event->point, seen, until);
    }
    // Between the last look and the end of the time it may have been set.
    if (atomic_load(&event->words->changes) != before)
        status = BROOD_OK;
    brd_point_leave(&event->point);
    return status;
}

void brood_event_destroy(brood_event *event)
{
    brd_object_free(&brd_event_class, event);
}
