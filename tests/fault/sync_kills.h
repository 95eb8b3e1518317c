/**
 * What the suites share that kill processes inside locks, semaphores, events, conditions and
 * barriers: for each kind what a victim does, what a bystander does beside it, and what the
 * test does to see that the bystander still gets on.
 *
 * The one thing to know: a victim that dies may take a signal or a notification along, so the
 * test gives one more; but what it held or owed must not keep the bystander, for ever or for
 * longer than a deadline.
 */
#ifndef BRD_TESTS_SYNC_KILLS_H
#define BRD_TESTS_SYNC_KILLS_H

#include "api/pools.h"
#include "fault/acts.h"

#define LONG test_ms(60000)

/** Elements of the array that all share. */
enum { PROGRESS, INSIDE, FLAG, WRONG, STOP, READY, NOTES };

/** What all share. */
typedef struct props {
    brood_lock *lock;
    brood_semaphore *semaphore;
    brood_event *event;
    brood_condition *condition;
    brood_barrier *barrier;
    brood_array *notes;
    int64_t *at; /* the notes' elements */
} props;

/** One kind. Each function is one turn; what it returns is a status that was not expected. */
typedef struct kind {
    const char *name;
    int (*victim)(props *p);
    int (*bystander)(props *p);
    int (*helper)(props *p); /* in the test: what lets the bystander go on */
    const char *steps[12];   /* at which victims die */
} kind;

static inline int expect(int status, int also)
{
    return status == also ? BROOD_OK : status;
}

/* --------------------------------------------------------------------- locks */

/** Whoever died in here died with the lock, and that is told. */
static inline int lock_turn(props *p)
{
    int status = brood_lock_acquire(p->lock, LONG);
    if (status && status != BROOD_EOWNERDEAD)
        return status;
    int64_t inside = brood_atomic_exchange(&p->at[INSIDE], 1);
    int wrong = inside && status == BROOD_OK ? BROOD_EBROKEN : BROOD_OK;
    brd_os_yield();
    brood_atomic_store(&p->at[INSIDE], 0);
    status = brood_lock_release(p->lock);
    return wrong ? wrong : status;
}

static inline int nothing(props *p)
{
    (void)p;
    return BROOD_OK;
}

/* ---------------------------------------------------------------- semaphores */

/** Takes all there is, so that both must wait for the next. */
static inline int signal_turn(props *p)
{
    int status = brood_semaphore_release(p->semaphore);
    while (!status)
        status = brood_semaphore_acquire(p->semaphore, 1);
    return expect(status, BROOD_ETIMEDOUT);
}

static inline int take_signal(props *p)
{
    return brood_semaphore_acquire(p->semaphore, LONG);
}

static inline int give_signal(props *p)
{
    return brood_semaphore_release(p->semaphore);
}

static inline int unit_turn(props *p)
{
    int status = expect(brood_semaphore_acquire(p->semaphore, LONG), BROOD_EOWNERDEAD);
    brd_os_yield();
    return status ? status : brood_semaphore_release(p->semaphore);
}

/* -------------------------------------------------------------------- events */

static inline int event_turn(props *p)
{
    int status = brood_event_set(p->event);
    if (!status)
        status = brood_event_clear(p->event);
    if (!status)
        status = expect(brood_event_wait(p->event, 1), BROOD_ETIMEDOUT);
    return status;
}

static inline int await_event(props *p)
{
    int status = brood_event_wait(p->event, LONG);
    return status ? status : brood_event_clear(p->event);
}

static inline int set_event(props *p)
{
    return brood_event_set(p->event);
}

/* ---------------------------------------------------------------- conditions */

static inline int take_lock(props *p)
{
    return expect(brood_lock_acquire(p->lock, LONG), BROOD_EOWNERDEAD);
}

static inline int await_flag(props *p)
{
    int status = take_lock(p);
    while (!status && !brood_atomic_load(&p->at[FLAG]))
        status = expect(brood_condition_wait(p->condition, p->lock, LONG), BROOD_EOWNERDEAD);
    brood_atomic_store(&p->at[FLAG], 0);
    return status ? status : brood_lock_release(p->lock);
}

static inline int raise_flag(props *p)
{
    int status = take_lock(p);
    brood_atomic_store(&p->at[FLAG], 1);
    if (!status)
        status = brood_condition_notify(p->condition, 2); // it, and a victim that waits
    return status ? status : brood_lock_release(p->lock);
}

static inline int notify_turn(props *p)
{
    int status = raise_flag(p);
    if (!status)
        status = brood_condition_notify_all(p->condition);
    return status;
}

static inline int wait_turn(props *p)
{
    int status = take_lock(p);
    if (!status)
        status = brood_condition_wait(p->condition, p->lock, 2);
    if (status == BROOD_ETIMEDOUT || status == BROOD_EOWNERDEAD)
        status = BROOD_OK;
    if (!status)
        status = brood_lock_release(p->lock);
    return status ? status : raise_flag(p);
}

/* ------------------------------------------------------------------ barriers */

static inline int mend_barrier(props *p, int status)
{
    if (status == BROOD_EBROKEN || status == BROOD_ETIMEDOUT)
        status = brood_barrier_reset(p->barrier);
    return status;
}

static inline int barrier_turn(props *p)
{
    return mend_barrier(p, brood_barrier_wait(p->barrier, LONG, NULL));
}

static inline int barrier_breaks_turn(props *p)
{
    int status = barrier_turn(p);
    if (!status)
        status = brood_barrier_abort(p->barrier);
    return status ? status : brood_barrier_reset(p->barrier);
}

static inline int come_to_barrier(props *p)
{
    return mend_barrier(p, brood_barrier_wait(p->barrier, 20, NULL));
}

#define POINT_STEPS "point.wake", "point.turned"
#define LOCK_STEPS  "robust.waits", "robust.took", "robust.gives", "robust.gave"

static const kind kinds[] = {
    {"lock", lock_turn, lock_turn, nothing, {LOCK_STEPS, POINT_STEPS}},
    {"semaphore",
     signal_turn,
     take_signal,
     give_signal,
     {"semaphore.waits", "semaphore.took", "semaphore.gives", "semaphore.gave", POINT_STEPS}},
    {"bounded",
     unit_turn,
     unit_turn,
     nothing,
     {"semaphore.waits", "semaphore.took", "semaphore.gives", "semaphore.gave", POINT_STEPS}},
    {"event",
     event_turn,
     await_event,
     set_event,
     {"event.sets", "event.set", "event.clears", "event.waits", POINT_STEPS}},
    {"notifier",
     notify_turn,
     await_flag,
     raise_flag,
     {"condition.notifies", "condition.notified", LOCK_STEPS, POINT_STEPS}},
    {"waiter",
     wait_turn,
     await_flag,
     raise_flag,
     {"condition.registers", "condition.joined", "condition.waits", "condition.woke",
      "condition.returns", "robust.took", "robust.gave"}},
    {"barrier",
     barrier_turn,
     barrier_turn,
     come_to_barrier,
     {"barrier.registers", "barrier.full", "barrier.ends", "barrier.joined", "barrier.waits",
      "barrier.woke", "barrier.left", "robust.took", "robust.gave", "point.turned"}},
    {"breaker",
     barrier_breaks_turn,
     barrier_turn,
     come_to_barrier,
     {"barrier.breaks", "barrier.ends", "barrier.resets"}},
    {NULL, NULL, NULL, NULL, {NULL}},
};

/* --------------------------------------------------------------------- props */

static inline void props_clear(props *p)
{
    brood_lock_destroy(p->lock);
    brood_semaphore_destroy(p->semaphore);
    brood_event_destroy(p->event);
    brood_condition_destroy(p->condition);
    brood_barrier_destroy(p->barrier);
    brood_array_destroy(p->notes);
}

static inline void props_make(props *p, bool bounded)
{
    *p = (props){NULL};
    ASSERT_OK(brood_lock_create(&p->lock, NULL));
    ASSERT_OK(brood_semaphore_create(&p->semaphore, bounded, BROOD_SEMAPHORE(.bounded = bounded)));
    ASSERT_OK(brood_event_create(&p->event));
    ASSERT_OK(brood_condition_create(&p->condition));
    ASSERT_OK(brood_barrier_create(&p->barrier, 2));
    CU_ASSERT_EQUAL_FATAL(brood_array_create(&p->notes, 'x', NOTES, NULL), BROOD_OK);
    p->at = brood_array_data(p->notes);
}

static inline int props_unpack(props *p, brood_message *args)
{
    *p = (props){NULL};
    int status = brood_unpack(args, "LSECBA", &p->lock, &p->semaphore, &p->event, &p->condition,
                              &p->barrier, &p->notes);
    if (!status)
        p->at = brood_array_data(p->notes);
    return status;
}

static inline void props_pack(const props *p, brood_message *args)
{
    CU_ASSERT_EQUAL_FATAL(brood_pack(args, "LSECBA", p->lock, p->semaphore, p->event, p->condition,
                                     p->barrier, p->notes),
                          BROOD_OK);
}

/* -------------------------------------------------------------- the bystander */

/** props, "i": turns of that kind until it is told to stop. */
static inline int stands_by(brood_message *args, brood_message *result)
{
    props p;
    int32_t which = 0;
    int status = props_unpack(&p, args);
    (void)result;
    if (!status)
        status = brood_unpack(args, "i", &which);
    while (!status && !brood_atomic_load(&p.at[STOP])) {
        status = kinds[which].bystander(&p);
        if (status)
            brood_atomic_store(&p.at[WRONG], status);
        else
            (void)brood_atomic_add(&p.at[PROGRESS], 1);
    }
    props_clear(&p);
    return status;
}

static inline brood_process *bystander_start(const props *p, int which)
{
    brood_process *made = NULL;
    brood_message args = BROOD_MESSAGE_INIT;
    props_pack(p, &args);
    ASSERT_OK(brood_pack(&args, "i", which));
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&made, stands_by, &args, NULL), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brood_process_start(made), BROOD_OK);
    brood_message_clear(&args);
    return made;
}

/** Whether the bystander gets on, with the test's help. */
static inline bool gets_on(props *p, int which)
{
    enum { MORE = 2 };
    brd_time until = test_deadline(20000);
    int64_t before = brood_atomic_load(&p->at[PROGRESS]);
    while (brood_atomic_load(&p->at[PROGRESS]) < before + MORE) {
        int status = kinds[which].helper(p);
        CU_ASSERT_EQUAL(status, BROOD_OK);
        if (brood_atomic_load(&p->at[WRONG]) || status || brd_os_now() > until)
            return false;
        brd_os_yield();
    }
    return true;
}

static inline void bystander_end(props *p, int which, brood_process *bystander)
{
    brood_atomic_store(&p->at[STOP], 1);
    while (brood_process_is_alive(bystander) && !brood_atomic_load(&p->at[WRONG])) {
        (void)kinds[which].helper(p);
        if (brood_process_join(bystander, 2) == BROOD_OK)
            break;
    }
    CU_ASSERT_EQUAL(brood_atomic_load(&p->at[WRONG]), BROOD_OK);
    ASSERT_OK(brood_process_join(bystander, LONG));
    CU_ASSERT_EQUAL(brood_process_exit(bystander).code, 0);
    brood_process_destroy(bystander);
}

/** Nobody is left, and all that can be had can be had. */
static inline void all_is_there(props *p, bool bounded)
{
    CU_ASSERT_EQUAL(expect(brood_lock_acquire(p->lock, LONG), BROOD_EOWNERDEAD), BROOD_OK);
    CU_ASSERT_EQUAL(expect(brood_condition_wait(p->condition, p->lock, 0), BROOD_ETIMEDOUT),
                    BROOD_OK);
    ASSERT_OK(brood_lock_release(p->lock));
    ASSERT_OK(brood_condition_notify_all(p->condition));
    ASSERT_OK(brood_barrier_reset(p->barrier));
    CU_ASSERT_EQUAL(brood_barrier_waiting(p->barrier), 0);
    if (!bounded)
        return;
    CU_ASSERT_EQUAL(expect(brood_semaphore_acquire(p->semaphore, LONG), BROOD_EOWNERDEAD),
                    BROOD_OK);
    CU_ASSERT_EQUAL(brood_semaphore_acquire(p->semaphore, 0), BROOD_ETIMEDOUT);
    ASSERT_OK(brood_semaphore_release(p->semaphore));
    CU_ASSERT_EQUAL(brood_semaphore_release(p->semaphore), BROOD_EINVAL);
}

/** So many kills of each place: BROOD_TEST_KILLS, or as many as a quick run has. */
static inline int kills_wanted(int quick)
{
    const char *wanted = getenv("BROOD_TEST_KILLS");
    int count = wanted ? (int)strtol(wanted, NULL, 10) : 0;
    return count > 0 ? count : quick;
}

#endif
