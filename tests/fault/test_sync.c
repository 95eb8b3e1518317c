/*
 * Processes that are killed at each step inside a lock, a semaphore, an event, a condition and
 * a barrier, while another process uses the same: that one always gets on. Run on every system
 * from this one source; BROOD_TEST_KILLS is how often each step is killed at.
 */
#include "fault/sync_kills.h"

#include "base/step.h"

/* ----------------------------------------------------------------- the victim */

static char fatal_step[64];
static int steps_to_live;

static void die_at_step(const char *name)
{
    if (strcmp(name, fatal_step) == 0 && --steps_to_live == 0)
        act_kill_self();
}

/** props, "isi": turns of that kind until it comes to that step for the so-manieth time. */
static int takes_steps(brood_message *args, brood_message *result)
{
    props p;
    int32_t which = 0, count = 0;
    const char *step = NULL;
    brd_time until = test_deadline(3000);
    int status = props_unpack(&p, args);
    (void)result;
    if (!status)
        status = brood_unpack(args, "isi", &which, &step, &count);
    if (!status) {
        snprintf(fatal_step, sizeof fatal_step, "%s", step);
        steps_to_live = count;
        brd_step_taken = die_at_step;
    }
    while (!status && brd_os_now() < until)
        status = kinds[which].victim(&p);
    props_clear(&p);
    return status ? status : 97; // it never came there
}

static void kill_one(const props *p, int which, const char *step, int count)
{
    brd_exit killed = act_exit(ACT_KILL);
    brood_process *victim = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    props_pack(p, &args);
    ASSERT_OK(brood_pack(&args, "isi", which, step, count));
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&victim, takes_steps, &args, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_start(victim), BROOD_OK);
    brood_message_clear(&args);
    ASSERT_OK(brood_process_join(victim, LONG));
    brood_exit end = brood_process_exit(victim);
    if (end.kind != killed.kind || end.code != killed.code)
        printf("        %s at %s: ended with %d, %lld\n", kinds[which].name, step, (int)end.kind,
               (long long)end.code);
    CU_ASSERT_EQUAL(end.kind, killed.kind);
    CU_ASSERT_EQUAL(end.code, killed.code);
    brood_process_destroy(victim);
}

static void kill_at_all_steps(const char *name)
{
    enum { QUICK = 2 };
    props p;
    int which = 0, kills = kills_wanted(QUICK);
    while (strcmp(kinds[which].name, name) != 0)
        which++;
    const bool bounded = strcmp(name, "bounded") == 0;
    props_make(&p, bounded);
    brood_process *bystander = bystander_start(&p, which);
    CU_ASSERT(gets_on(&p, which));
    for (int i = 0; i < kills; i++) {
        for (const char *const *step = kinds[which].steps; *step; step++) {
            kill_one(&p, which, *step, 1 + i);
            bool on = gets_on(&p, which);
            if (!on)
                printf("        %s: nobody gets on after a kill at %s, number %d\n", name, *step,
                       1 + i);
            CU_ASSERT_TRUE_FATAL(on);
        }
    }
    bystander_end(&p, which, bystander);
    all_is_there(&p, bounded);
    props_clear(&p);
}

static void in_a_lock(void)
{
    kill_at_all_steps("lock");
}

static void in_a_semaphore(void)
{
    kill_at_all_steps("semaphore");
}

static void in_a_bounded_semaphore(void)
{
    kill_at_all_steps("bounded");
}

static void in_an_event(void)
{
    kill_at_all_steps("event");
}

static void in_a_notification(void)
{
    kill_at_all_steps("notifier");
}

static void in_a_wait_for_a_notification(void)
{
    kill_at_all_steps("waiter");
}

static void in_a_barrier(void)
{
    kill_at_all_steps("barrier");
}

static void in_what_breaks_a_barrier(void)
{
    kill_at_all_steps("breaker");
}

static const test_case cases[] = {
    TEST_CASE(in_a_lock),
    TEST_CASE(in_a_semaphore),
    TEST_CASE(in_a_bounded_semaphore),
    TEST_CASE(in_an_event),
    TEST_CASE(in_a_notification),
    TEST_CASE(in_a_wait_for_a_notification),
    TEST_CASE(in_a_barrier),
    TEST_CASE(in_what_breaks_a_barrier),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "sync", cases);
}
