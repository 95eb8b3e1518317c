/**
 * The seat machine and its flight: a first-in first-out of tasks, because a worker
 * answers in the order in which it was asked.
 */
#include "pool/seat.h"
#include <assert.h>

static const char *const names[] = {"EMPTY", "STARTING", "IDLE", "BUSY", "DRAINING", "DEAD"};

static const bool allowed[6][6] = {
    [BRD_SEAT_EMPTY] = {[BRD_SEAT_STARTING] = true},
    [BRD_SEAT_STARTING] = {[BRD_SEAT_IDLE] = true,
                           [BRD_SEAT_BUSY] = true,
                           [BRD_SEAT_DRAINING] = true,
                           [BRD_SEAT_DEAD] = true},
    [BRD_SEAT_IDLE] = {[BRD_SEAT_BUSY] = true, [BRD_SEAT_DRAINING] = true, [BRD_SEAT_DEAD] = true},
    [BRD_SEAT_BUSY] = {[BRD_SEAT_IDLE] = true, [BRD_SEAT_DRAINING] = true, [BRD_SEAT_DEAD] = true},
    [BRD_SEAT_DRAINING] = {[BRD_SEAT_DEAD] = true},
    [BRD_SEAT_DEAD] = {[BRD_SEAT_EMPTY] = true},
};

void brd_seat_enter(brd_seat *seat, brd_seat_state next)
{
    assert(allowed[seat->state][next]);
    (void)allowed;
    seat->state = next;
}

const char *brd_seat_state_name(brd_seat_state state)
{
    return names[state];
}

bool brd_seat_has_room(const brd_seat *seat, uint32_t depth)
{
    uint32_t flight = brd_seat_flight(seat);
    if (seat->state == BRD_SEAT_IDLE || seat->state == BRD_SEAT_BUSY)
        return flight < depth && flight < BRD_FLIGHT_MAX;
    // Before its hello a worker takes one task, so that it can begin at once; more
    // would wait for a process that may never come up.
    return seat->state == BRD_SEAT_STARTING && flight == 0;
}

bool brd_seat_is_awaited(const brd_seat *seat)
{
    return seat->state != BRD_SEAT_EMPTY && seat->state != BRD_SEAT_IDLE;
}

void brd_seat_sent(brd_seat *seat, brd_task *task)
{
    assert(brd_seat_flight(seat) < BRD_FLIGHT_MAX);
    seat->flight[seat->last++ % BRD_FLIGHT_MAX] = task;
    seat->handed++;
    if (seat->state == BRD_SEAT_IDLE)
        brd_seat_enter(seat, BRD_SEAT_BUSY);
}

brd_task *brd_seat_front(const brd_seat *seat)
{
    return brd_seat_flight(seat) ? seat->flight[seat->first % BRD_FLIGHT_MAX] : NULL;
}

static void settle(brd_seat *seat)
{
    if (brd_seat_flight(seat) == 0 && seat->state == BRD_SEAT_BUSY)
        brd_seat_enter(seat, BRD_SEAT_IDLE);
}

void brd_seat_ended(brd_seat *seat)
{
    assert(brd_seat_flight(seat) > 0);
    seat->first++;
    settle(seat);
}

brd_task *brd_seat_back(const brd_seat *seat)
{
    return brd_seat_flight(seat) ? seat->flight[(seat->last - 1) % BRD_FLIGHT_MAX] : NULL;
}

void brd_seat_taken(brd_seat *seat)
{
    assert(brd_seat_flight(seat) > 0);
    seat->last--;
    seat->handed--;
    settle(seat);
}

void brd_seat_remove(brd_seat *seat, const brd_task *task)
{
    uint64_t at = seat->last;
    while (at > seat->first && seat->flight[(at - 1) % BRD_FLIGHT_MAX] != task)
        at--;
    assert(at > seat->first);
    for (; at < seat->last; at++)
        seat->flight[(at - 1) % BRD_FLIGHT_MAX] = seat->flight[at % BRD_FLIGHT_MAX];
    brd_seat_taken(seat);
}
