/*
 * Where threads of any process sleep until a shared word changes, and who has been born when.
 * Run on every system from this one source; with the knob `park` nothing wakes, and sleepers
 * look again and again.
 */
#include "harness.h"

#include <string.h>

static const uint8_t key[BRD_PARK_KEY] = {1, 2, 3};

enum { SLEEPERS = 3 };

typedef struct scene {
    _Atomic uint32_t word, asleep, woken;
    brd_park park;
} scene;

static void scene_open(scene *s)
{
    memset(s, 0, sizeof *s);
    CU_ASSERT_EQUAL_FATAL(brd_os_park_open(&s->park, &s->word, key, 1), 0);
}

static void a_word_that_has_changed_is_not_slept_on(void)
{
    scene s;
    scene_open(&s);
    CU_ASSERT_EQUAL(brd_os_park_wait(&s.park, 1, BRD_FOREVER), 0);
    brd_os_park_close(&s.park);
}

static void the_time_is_over(void)
{
    scene s;
    int status = 0;
    scene_open(&s);
    brd_time until = brd_os_now() + 20 * BRD_MS;
    while (!status) // it may wake for no reason
        status = brd_os_park_wait(&s.park, 0, until);
    CU_ASSERT_EQUAL(status, BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() >= until);
    CU_ASSERT_EQUAL(brd_os_park_wait(&s.park, 0, brd_os_now()), BROOD_ETIMEDOUT);
    brd_os_park_close(&s.park);
}

static void sleep_once(void *baton)
{
    scene *s = baton;
    atomic_fetch_add(&s->asleep, 1);
    while (atomic_load(&s->word) == 0)
        (void)brd_os_park_wait(&s->park, 0, test_deadline(20000));
    atomic_fetch_add(&s->woken, 1);
}

static void all_sleepers_are_woken(void)
{
    scene s;
    brd_thread threads[SLEEPERS];
    scene_open(&s);
    for (int i = 0; i < SLEEPERS; i++)
        CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[i], sleep_once, &s), 0);
    while (atomic_load(&s.asleep) < SLEEPERS)
        brd_os_yield();
    atomic_store(&s.word, 1);
    (void)brd_os_park_wake(&s.park, SLEEPERS);
    for (int i = 0; i < SLEEPERS; i++)
        brd_os_thread_join(&threads[i]);
    CU_ASSERT_EQUAL(atomic_load(&s.woken), SLEEPERS);
    brd_os_park_close(&s.park);
}

static void a_wake_without_sleepers_is_nothing(void)
{
    scene s;
    scene_open(&s);
    int woken = 0;
    for (int i = 0; i < 3000; i++) // more than any system counts
        woken += brd_os_park_wake(&s.park, UINT32_MAX / 2);
    CU_ASSERT(woken <= 1 || s.park.polls);
    int status = 0;
    brd_time until = brd_os_now() + 50 * BRD_MS;
    for (int i = 0; !status && i < 5000; i++) // wakes that were owed are used up at last
        status = brd_os_park_wait(&s.park, 0, until);
    CU_ASSERT_EQUAL(status, BROOD_ETIMEDOUT);
    brd_os_park_close(&s.park);
}

/* ------------------------------------------------------- in another process */

/** Maps the segment, sleeps on its second word, and answers in the third. */
static int sleeps(int argc, char **argv)
{
    brd_shm shm;
    brd_park park;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_shm_map(&shm, test_handle(argv[0]), 4096, true) == 0);
    _Atomic uint32_t *words = shm.base;
    TEST_CHILD_CHECK(brd_os_park_open(&park, &words[1], key, 7) == 0);
    atomic_store(&words[2], 1);
    brd_time until = test_deadline(20000);
    while (atomic_load(&words[1]) == 0 && brd_os_now() < until)
        (void)brd_os_park_wait(&park, 0, until);
    TEST_CHILD_CHECK(atomic_load(&words[1]) == 1);
    brd_os_park_close(&park);
    brd_os_shm_unmap(&shm);
    return 0;
}

static void another_process_is_woken(void)
{
    brd_shm shm;
    brd_park park;
    brd_proc p;
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_create(&shm, 4096), 0);
    _Atomic uint32_t *words = shm.base;
    CU_ASSERT_EQUAL_FATAL(brd_os_park_open(&park, &words[1], key, 7), 0);
    const test_start how = {.child = "sleeps", .inherit = &shm.segment, .ninherit = 1};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    brd_time until = test_deadline(20000);
    while (!atomic_load(&words[2]) && brd_os_now() < until)
        brd_os_yield();
    atomic_store(&words[1], 1);
    (void)brd_os_park_wake(&park, 1);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    brd_os_park_close(&park);
    brd_os_shm_unmap(&shm);
}

/* ------------------------------------------------------------------- births */

static int just_ends(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static void a_process_was_born_once(void)
{
    uint64_t birth = 0, again = 1;
    CU_ASSERT_EQUAL(brd_os_birth(brd_os_pid(), &birth), 0);
    CU_ASSERT_EQUAL(brd_os_birth(brd_os_pid(), &again), 0);
    CU_ASSERT_EQUAL(birth, again);
    CU_ASSERT_EQUAL(brd_os_birth(0, &birth), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_birth(-1, &birth), BROOD_EINVAL);
}

// Also before anybody has waited for it.
static void who_has_ended_is_not_born(void)
{
    brd_proc p;
    uint64_t birth = 77;
    int status = 0;
    const test_start how = {.child = "just_ends"};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    const int64_t pid = p.pid;
    brd_time until = test_deadline(20000);
    do {
        status = brd_os_birth(pid, &birth);
    } while (!status && brd_os_now() < until);
    CU_ASSERT_EQUAL(status, BROOD_ECLOSED);
    CU_ASSERT_EQUAL(test_end(&p), 0);
    CU_ASSERT_EQUAL(brd_os_birth(pid, &birth), BROOD_ECLOSED);
}

static const test_case cases[] = {
    TEST_CASE(a_word_that_has_changed_is_not_slept_on),
    TEST_CASE(the_time_is_over),
    TEST_CASE(all_sleepers_are_woken),
    TEST_CASE(a_wake_without_sleepers_is_nothing),
    TEST_CASE(another_process_is_woken),
    TEST_CASE(a_process_was_born_once),
    TEST_CASE(who_has_ended_is_not_born),
    TEST_CHILD("sleeps", sleeps),
    TEST_CHILD("just_ends", just_ends),
    {0},
};

/** The first name that a process opens may cost a handle for good. */
static void warm_up(void)
{
    _Atomic uint32_t word = 0;
    brd_park park;
    if (brd_os_park_open(&park, &word, key, 0) == 0)
        brd_os_park_close(&park);
}

int main(int argc, char **argv)
{
    test_warm_up = warm_up;
    return test_main(argc, argv, "park", cases);
}
