/*
 * What a forked process makes anew of what it inherited. The one thing to know: many
 * threads ask at the same moment, and one of them may do it.
 */
#include "base/generation.h"
#include "harness.h"

enum { THREADS = 8, ROUNDS = 50 };

static _Atomic unsigned of;
static _Atomic int waiting;
static _Atomic int makers;
static _Atomic int early; /* who went on before it was made */
static _Atomic bool made;

static void ask(void *baton)
{
    (void)baton;
    atomic_fetch_add(&waiting, 1);
    while (atomic_load(&waiting) < THREADS)
        brd_os_yield();
    if (brd_generation_claim(&of)) {
        atomic_fetch_add(&makers, 1);
        brd_os_yield();
        atomic_store(&made, true);
        brd_generation_settle(&of);
    } else if (!atomic_load(&made)) {
        atomic_fetch_add(&early, 1);
    }
}

static void one_of_many_makes_it(void)
{
    int wrong = 0;
    for (int i = 0; i < ROUNDS; i++) {
        brd_thread threads[THREADS] = {{0}};
        brd_generation_next();
        atomic_store(&waiting, 0);
        atomic_store(&makers, 0);
        atomic_store(&made, false);
        for (size_t k = 0; k < THREADS; k++)
            CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&threads[k], ask, NULL), 0);
        for (size_t k = 0; k < THREADS; k++)
            brd_os_thread_join(&threads[k]);
        wrong += atomic_load(&makers) != 1;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(atomic_load(&early), 0);
}

static void what_is_its_own_stays(void)
{
    brd_generation_next();
    CU_ASSERT(brd_generation_claim(&of));
    brd_generation_settle(&of);
    CU_ASSERT_EQUAL(atomic_load(&of), brd_generation());
    CU_ASSERT_FALSE(brd_generation_claim(&of));
    brd_generation_next();
    CU_ASSERT(brd_generation_claim(&of));
    brd_generation_settle(&of);
}

static const test_case cases[] = {
    TEST_CASE(one_of_many_makes_it),
    TEST_CASE(what_is_its_own_stays),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "generation", cases);
}
