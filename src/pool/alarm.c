/**
 * The heap of alarms.
 */
#include "pool/alarm.h"
#include <assert.h>
#include <brood/status.h>
#include <stdlib.h>

int brd_alarms_prepare(brd_alarms *a, size_t more)
{
    size_t need = a->count + more + 1; // heap[0] is not used
    if (need <= a->room)
        return BROOD_OK;
    size_t room = need < 32 ? 64 : need * 2;
    brd_alarm **heap = realloc(a->heap, room * sizeof(brd_alarm *));
    if (!heap)
        return BROOD_ENOMEM;
    a->heap = heap;
    a->room = room;
    return BROOD_OK;
}

static void put(brd_alarms *a, size_t place, brd_alarm *alarm)
{
    a->heap[place] = alarm;
    alarm->place = place;
}

static void rise(brd_alarms *a, brd_alarm *alarm)
{
    size_t place = alarm->place;
    for (; place > 1 && a->heap[place / 2]->at > alarm->at; place /= 2)
        put(a, place, a->heap[place / 2]);
    put(a, place, alarm);
}

static void sink(brd_alarms *a, brd_alarm *alarm)
{
    size_t place = alarm->place;
    for (;;) {
        size_t child = place * 2;
        if (child > a->count)
            break;
        if (child < a->count && a->heap[child + 1]->at < a->heap[child]->at)
            child++;
        if (a->heap[child]->at >= alarm->at)
            break;
        put(a, place, a->heap[child]);
        place = child;
    }
    put(a, place, alarm);
}

void brd_alarm_set(brd_alarms *a, brd_alarm *alarm, brd_time at)
{
    if (!alarm->place) {
        assert(a->count + 1 < a->room);
        put(a, ++a->count, alarm);
    }
    alarm->at = at;
    rise(a, alarm);
    sink(a, alarm);
}

void brd_alarm_stop(brd_alarms *a, brd_alarm *alarm)
{
    size_t place = alarm->place;
    if (!place)
        return;
    brd_alarm *last = a->heap[a->count--];
    alarm->place = 0;
    if (last == alarm)
        return;
    put(a, place, last);
    rise(a, last);
    sink(a, last);
}

brd_time brd_alarms_next(const brd_alarms *a)
{
    return a->count ? a->heap[1]->at : BRD_FOREVER;
}

brd_alarm *brd_alarms_due(brd_alarms *a, brd_time now)
{
    if (!a->count || a->heap[1]->at > now)
        return NULL;
    brd_alarm *alarm = a->heap[1];
    brd_alarm_stop(a, alarm);
    return alarm;
}

void brd_alarms_clear(brd_alarms *a)
{
    free(a->heap);
    *a = (brd_alarms){0};
}
