/**
 * Alarms: moments at which something is to be looked at, the soonest first. A heap
 * whose entries stand in the things themselves, so that setting and stopping one
 * cannot fail once there is room. Pure state.
 */
#ifndef BRD_ALARM_H
#define BRD_ALARM_H

#include "os.h"
#include <stddef.h>

typedef enum brd_alarm_kind {
    BRD_ALARM_TASK,   /* a task's deadline */
    BRD_ALARM_JOB,    /* a map's deadline */
    BRD_ALARM_STATION /* a worker that starts, runs for long, or was asked to stop */
} brd_alarm_kind;

typedef struct brd_alarm {
    brd_time at;
    size_t place; /* in the heap, from 1; 0: not set */
    brd_alarm_kind kind;
} brd_alarm;

typedef struct brd_alarms {
    brd_alarm **heap; /* heap[1 .. count] */
    size_t count;
    size_t room;
} brd_alarms;

/** Makes room for `more` alarms besides those that are set. Fails with: BROOD_ENOMEM. */
int brd_alarms_prepare(brd_alarms *a, size_t more);
/** Sets it to this moment, whether it was set or not. There must be room. */
void brd_alarm_set(brd_alarms *a, brd_alarm *alarm, brd_time at);
/** Fine on one that is not set. */
void brd_alarm_stop(brd_alarms *a, brd_alarm *alarm);
/** The soonest; BRD_FOREVER: none is set. */
brd_time brd_alarms_next(const brd_alarms *a);
/** Takes out one whose moment has come; NULL: none. */
brd_alarm *brd_alarms_due(brd_alarms *a, brd_time now);
void brd_alarms_clear(brd_alarms *a);

#endif
