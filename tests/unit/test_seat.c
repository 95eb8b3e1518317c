/*
 * Seats: every step of the machine and the flight. The one thing to know: a forbidden
 * step is an assertion of ours, taken in a child that must not come to its end.
 */
#include "harness.h"
#include "pool/seat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATES = 6 };

static const char allowed[STATES][STATES + 1] = {
    // to: ESIBDd
    [BRD_SEAT_EMPTY] = ".x....", [BRD_SEAT_STARTING] = "..xxxx", [BRD_SEAT_IDLE] = "...xxx",
    [BRD_SEAT_BUSY] = "..x.xx",  [BRD_SEAT_DRAINING] = ".....x", [BRD_SEAT_DEAD] = "x.....",
};

#ifdef NDEBUG
static const bool asserts = false;
#else
static const bool asserts = true;
#endif

static brd_seat seat; // 8 KiB, too large for some stacks
static brd_task tasks[BRD_FLIGHT_MAX + 1];

static void seat_reset(brd_seat_state state)
{
    memset(&seat, 0, sizeof seat);
    seat.state = state;
}

static void takes_every_allowed_step(void)
{
    for (int from = 0; from < STATES; from++)
        for (int to = 0; to < STATES; to++)
            if (allowed[from][to] == 'x') {
                seat_reset((brd_seat_state)from);
                brd_seat_enter(&seat, (brd_seat_state)to);
                CU_ASSERT_EQUAL((int)seat.state, to);
            }
}

static int child_steps(int argc, char **argv)
{
    TEST_CHILD_CHECK(argc == 2);
    seat_reset((brd_seat_state)atoi(argv[0]));
    brd_seat_enter(&seat, (brd_seat_state)atoi(argv[1]));
    return 0;
}

static int child_flies(int argc, char **argv)
{
    TEST_CHILD_CHECK(argc == 1);
    seat_reset(BRD_SEAT_IDLE);
    if (strcmp(argv[0], "ended") == 0)
        brd_seat_ended(&seat);
    else if (strcmp(argv[0], "taken") == 0)
        brd_seat_taken(&seat);
    else
        for (int i = 0; i <= BRD_FLIGHT_MAX; i++)
            brd_seat_sent(&seat, &tasks[i]);
    return 0;
}

static void must_abort(const test_start *how)
{
    brd_proc p = {0};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, how), 0);
    int64_t ended = test_end(&p);
    CU_ASSERT_NOT_EQUAL(ended, 0);
    CU_ASSERT_NOT_EQUAL(ended, 99);
}

static void takes_no_forbidden_step(void)
{
    char first[16], second[16];
    if (!asserts)
        TEST_SKIP("built without assertions");
    for (int from = 0; from < STATES; from++)
        for (int to = 0; to < STATES; to++) {
            snprintf(first, sizeof first, "%d", from);
            snprintf(second, sizeof second, "%d", to);
            if (allowed[from][to] != 'x')
                must_abort(&(test_start){.child = "steps", .args = {first, second}});
        }
}

static void lets_nothing_fly_that_cannot(void)
{
    if (!asserts)
        TEST_SKIP("built without assertions");
    must_abort(&(test_start){.child = "flies", .args = {"ended"}});
    must_abort(&(test_start){.child = "flies", .args = {"taken"}});
    must_abort(&(test_start){.child = "flies", .args = {"too-many"}});
}

static void every_state_has_a_name(void)
{
    for (int i = 0; i < STATES; i++)
        for (int j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(brd_seat_state_name((brd_seat_state)i),
                                       brd_seat_state_name((brd_seat_state)j));
}

/* -------------------------------------------------------------- the flight */

static void an_empty_flight_has_no_ends(void)
{
    seat_reset(BRD_SEAT_IDLE);
    CU_ASSERT_EQUAL(brd_seat_flight(&seat), 0);
    CU_ASSERT_PTR_NULL(brd_seat_front(&seat));
    CU_ASSERT_PTR_NULL(brd_seat_back(&seat));
}

static void is_busy_while_anything_flies(void)
{
    seat_reset(BRD_SEAT_IDLE);
    brd_seat_sent(&seat, &tasks[0]);
    CU_ASSERT_EQUAL(seat.state, BRD_SEAT_BUSY);
    brd_seat_sent(&seat, &tasks[1]);
    brd_seat_ended(&seat);
    CU_ASSERT_EQUAL(seat.state, BRD_SEAT_BUSY);
    brd_seat_ended(&seat);
    CU_ASSERT_EQUAL(seat.state, BRD_SEAT_IDLE);
    brd_seat_sent(&seat, &tasks[2]);
    brd_seat_taken(&seat);
    CU_ASSERT_EQUAL(seat.state, BRD_SEAT_IDLE);
}

/** Only the one that works changes between idle and busy. */
static void keeps_its_state_otherwise(void)
{
    static const brd_seat_state states[] = {BRD_SEAT_STARTING, BRD_SEAT_DRAINING, BRD_SEAT_DEAD};
    for (size_t i = 0; i < 3; i++) {
        seat_reset(states[i]);
        brd_seat_sent(&seat, &tasks[0]);
        CU_ASSERT_EQUAL(seat.state, states[i]);
        brd_seat_ended(&seat);
        CU_ASSERT_EQUAL(seat.state, states[i]);
        brd_seat_sent(&seat, &tasks[0]);
        brd_seat_taken(&seat);
        CU_ASSERT_EQUAL(seat.state, states[i]);
    }
}

/** 5000 tasks, up to `most` in flight, beginning at some position. */
static void fly(uint64_t start, uint32_t most)
{
    uint32_t in = 0, out = 0;
    size_t wrong = 0;
    seat_reset(BRD_SEAT_IDLE);
    seat.first = seat.last = start;
    while (out < 5000) {
        while (brd_seat_flight(&seat) < most) {
            brd_seat_sent(&seat, &tasks[in++ % BRD_FLIGHT_MAX]);
            wrong += brd_seat_back(&seat) != &tasks[(in - 1) % BRD_FLIGHT_MAX];
        }
        for (uint32_t i = 0; i <= most / 2; i++) {
            wrong += brd_seat_front(&seat) != &tasks[out++ % BRD_FLIGHT_MAX];
            brd_seat_ended(&seat);
        }
        wrong += brd_seat_flight(&seat) != in - out;
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void ends_in_the_order_of_sending(void)
{
    fly(0, 1);
    fly(0, 3);
    fly(0, BRD_FLIGHT_MAX);
    fly(BRD_FLIGHT_MAX - 2, 5);
    fly(UINT64_MAX - 100, 64);
}

static void is_taken_from_the_back(void)
{
    for (uint64_t start = BRD_FLIGHT_MAX - 4; start <= BRD_FLIGHT_MAX; start++) {
        seat_reset(BRD_SEAT_IDLE);
        seat.first = seat.last = start;
        for (int i = 0; i < 4; i++)
            brd_seat_sent(&seat, &tasks[i]);
        CU_ASSERT_PTR_EQUAL(brd_seat_back(&seat), &tasks[3]);
        brd_seat_taken(&seat);
        CU_ASSERT_PTR_EQUAL(brd_seat_back(&seat), &tasks[2]);
        CU_ASSERT_PTR_EQUAL(brd_seat_front(&seat), &tasks[0]);
        brd_seat_sent(&seat, &tasks[9]);
        CU_ASSERT_PTR_EQUAL(brd_seat_back(&seat), &tasks[9]);
        CU_ASSERT_EQUAL(brd_seat_flight(&seat), 4);
    }
}

/* ------------------------------------------------------------------- room */

static void has_room_up_to_the_depth(void)
{
    static const brd_seat_state states[] = {BRD_SEAT_IDLE, BRD_SEAT_BUSY};
    for (size_t i = 0; i < 2; i++)
        for (uint32_t flight = 0; flight <= BRD_FLIGHT_MAX; flight += 64) {
            seat_reset(states[i]);
            seat.last = flight;
            CU_ASSERT_FALSE(brd_seat_has_room(&seat, 0));
            CU_ASSERT_FALSE(brd_seat_has_room(&seat, flight));
            CU_ASSERT_EQUAL(brd_seat_has_room(&seat, flight + 1), flight < BRD_FLIGHT_MAX);
            CU_ASSERT_EQUAL(brd_seat_has_room(&seat, UINT32_MAX), flight < BRD_FLIGHT_MAX);
        }
}

static void has_room_by_its_state(void)
{
    seat_reset(BRD_SEAT_STARTING);
    CU_ASSERT(brd_seat_has_room(&seat, 16));
    brd_seat_sent(&seat, &tasks[0]);
    CU_ASSERT_FALSE(brd_seat_has_room(&seat, 16)); // one, until it says hello
    static const brd_seat_state never[] = {BRD_SEAT_EMPTY, BRD_SEAT_DRAINING, BRD_SEAT_DEAD};
    for (size_t i = 0; i < 3; i++) {
        seat_reset(never[i]);
        CU_ASSERT_FALSE(brd_seat_has_room(&seat, 16));
    }
}

static void is_awaited_by_its_state(void)
{
    static const bool expected[STATES] = {[BRD_SEAT_STARTING] = true,
                                          [BRD_SEAT_BUSY] = true,
                                          [BRD_SEAT_DRAINING] = true,
                                          [BRD_SEAT_DEAD] = true};
    for (int state = 0; state < STATES; state++) {
        seat_reset((brd_seat_state)state);
        CU_ASSERT_EQUAL(brd_seat_is_awaited(&seat), expected[state]);
    }
}

static const test_case cases[] = {
    TEST_CASE(takes_every_allowed_step),
    TEST_CASE(takes_no_forbidden_step),
    TEST_CASE(lets_nothing_fly_that_cannot),
    TEST_CASE(every_state_has_a_name),
    TEST_CASE(an_empty_flight_has_no_ends),
    TEST_CASE(is_busy_while_anything_flies),
    TEST_CASE(keeps_its_state_otherwise),
    TEST_CASE(ends_in_the_order_of_sending),
    TEST_CASE(is_taken_from_the_back),
    TEST_CASE(has_room_up_to_the_depth),
    TEST_CASE(has_room_by_its_state),
    TEST_CASE(is_awaited_by_its_state),
    TEST_CHILD("steps", child_steps),
    TEST_CHILD("flies", child_flies),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "seat", cases);
}
