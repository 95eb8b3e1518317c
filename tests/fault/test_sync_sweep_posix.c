/*
 * As test_sync.c, but the kills come at system calls, counted from the first on: at each of
 * them there is, whether or not somebody thought of it. Linux only, since it takes ptrace.
 * BROOD_TEST_KILLS is how many calls the sweep goes through for each kind.
 */
#include "fault/sync_kills.h"

enum { QUICK = 20 };

/** props, "i": says that it is there, and goes when it is told to, without any call. */
static int makes_calls(brood_message *args, brood_message *result)
{
    props p;
    int32_t which = 0;
    int status = props_unpack(&p, args);
    (void)result;
    if (!status)
        status = brood_unpack(args, "i", &which);
    if (!status)
        brood_atomic_store(&p.at[READY], 1);
    while (!status && brood_atomic_load(&p.at[READY]) != 2)
        brd_os_pause();
    brd_time until = test_deadline(3000);
    while (!status && brd_os_now() < until)
        status = kinds[which].victim(&p);
    props_clear(&p);
    return status ? status : 97;
}

static brood_process *victim_start(props *p, int which)
{
    brood_process *victim = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    brood_atomic_store(&p->at[READY], 0);
    props_pack(p, &args);
    ASSERT_OK(brood_pack(&args, "i", which));
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&victim, makes_calls, &args, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_start(victim), BROOD_OK);
    brood_message_clear(&args);
    brd_time until = test_deadline(20000);
    while (!brood_atomic_load(&p->at[READY]) && brd_os_now() < until)
        brd_os_yield();
    CU_ASSERT_EQUAL(brood_atomic_load(&p->at[READY]), 1);
    return victim;
}

static void kill_at_call(props *p, int which, long count)
{
    brd_exit killed = act_exit(ACT_KILL);
    brood_process *victim = victim_start(p, which);
    bool done =
        act_kill_at_call(brood_process_pid(victim), count, (_Atomic int64_t *)&p->at[READY]);
    if (!done) {
        brood_atomic_store(&p->at[READY], 2);
        ASSERT_OK(brood_process_kill(victim));
    }
    ASSERT_OK(brood_process_join(victim, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(victim).kind, killed.kind);
    CU_ASSERT_EQUAL(brood_process_exit(victim).code, killed.code);
    brood_process_destroy(victim);
    CU_ASSERT(done);
}

/** Whether a process of this user may be traced here at all. */
static bool can_trace(props *p)
{
    brood_process *victim = victim_start(p, 0);
    bool can = act_kill_at_call(brood_process_pid(victim), 1, (_Atomic int64_t *)&p->at[READY]);
    brood_atomic_store(&p->at[READY], 2);
    ASSERT_OK(brood_process_kill(victim));
    ASSERT_OK(brood_process_join(victim, LONG));
    brood_process_destroy(victim);
    return can;
}

static void sweep_kind(props *p, int which, int calls)
{
    brood_process *bystander = bystander_start(p, which);
    CU_ASSERT(gets_on(p, which));
    for (int i = 1; i <= calls; i++) {
        kill_at_call(p, which, i);
        bool on = gets_on(p, which);
        if (!on)
            printf("        %s: nobody gets on after a kill at call %d\n", kinds[which].name, i);
        CU_ASSERT_TRUE_FATAL(on);
    }
    bystander_end(p, which, bystander);
}

static void at_every_call(void)
{
    const int calls = kills_wanted(QUICK);
    props p;
    if (brood_get_start_method() == BROOD_FORKSERVER)
        TEST_SKIP("the victims are another process's children");
    props_make(&p, false);
    bool can = can_trace(&p);
    props_clear(&p);
    if (!can)
        TEST_SKIP("nobody may be traced here");
    for (int which = 0; kinds[which].name; which++) {
        const bool bounded = strcmp(kinds[which].name, "bounded") == 0;
        props_make(&p, bounded);
        sweep_kind(&p, which, calls);
        all_is_there(&p, bounded);
        props_clear(&p);
    }
}

static const test_case cases[] = {
    TEST_CASE(at_every_call),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = pools_warm_up;
    return test_main(argc, argv, "sync_sweep", cases);
}
