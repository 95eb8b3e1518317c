/**
 * The end of workers: what it means for their tasks, their seat and the pool.
 *
 * Order matters. Results that are already in the ring are delivered before the
 * death is acted on; then the task that had started fails, and those that had not
 * go back to the front of the queue. Only the holder of the turn comes here, so a
 * link is never unmapped under a thread that spins on it.
 */
#include "pool/job.h"
#include "pool/state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEADLY = 3 }; /* workers that one task may kill */

// What it wrote before its end, for people: most often that says why.
static void attach_output(brd_station *s, char room[BRD_TAIL_SIZE + 1], brood_error *error)
{
    int size = brd_output_tail(s->child.output, room, BRD_TAIL_SIZE + 1);
    if (size < 0)
        return;
    error->output = room;
    error->output_size = (size_t)size;
}

// Its constructors run there, and what they do is the worker's end too.
static void describe_loading(const brood_pool *pool, const brd_station *s, char *text, size_t room)
{
    uint32_t loading = brd_link_loading(&s->child.link);
    const char *module = loading ? brd_functions_place(pool->functions, loading - 1)->module : "";
    size_t used = strlen(text);
    if (*module)
        (void)snprintf(text + used, room - used, " while it loaded %s", module);
}

static void describe(const brood_pool *pool, const brd_station *s, const brd_exit *ended,
                     char *text, size_t room, brood_error *error)
{
    int64_t pid = s->child.proc.pid;
    char why[1200] = ""; // a path may be in it
    *error = (brood_error){.status = BROOD_EWORKERLOST,
                           .text = text,
                           .function = "",
                           .worker = pid,
                           .exit_kind = ended->kind,
                           .exit_code = ended->code};
    if (s->child.link.failure)
        brd_child_explain(&s->child, pool->context, why, sizeof why);
    if (s->seat.broke == BROOD_ETIMEDOUT)
        (void)snprintf(text, room,
                       "worker %lld was ended: it did not come up, begin a task or end in time",
                       (long long)pid);
    else if (s->seat.broke)
        (void)snprintf(text, room, "worker %lld was ended: %s", (long long)pid,
                       brood_status_text(s->seat.broke));
    else if (*why)
        (void)snprintf(text, room, "worker %lld could not start: %s", (long long)pid, why);
    else if (ended->kind == BROOD_EXIT_SIGNAL)
        (void)snprintf(text, room, "worker %lld was killed by signal or exception %lld",
                       (long long)pid, (long long)ended->code);
    else if (ended->kind == BROOD_EXIT_CODE)
        (void)snprintf(text, room, "worker %lld exited with code %lld", (long long)pid,
                       (long long)ended->code);
    else
        (void)snprintf(text, room, "worker %lld is gone; how it ended is unknown", (long long)pid);
    if (!s->seat.broke && !*why)
        describe_loading(pool, s, text, room);
}

// A task may be run again if it says so, and does not make a habit of killing workers.
static bool may_retry(brd_task *task, brood_error *error, char *text, size_t room)
{
    task->deaths++;
    if (task->deaths >= DEADLY && task->terms.retries >= DEADLY) {
        size_t used = strlen(text);
        (void)snprintf(text + used, room - used, "; it has killed %u workers, and is given up",
                       (unsigned)task->deaths);
        error->text = text;
        return false;
    }
    return task->deaths <= task->terms.retries;
}

static void run_again(brood_pool *pool, brd_task *task)
{
    brd_task_enter(task, BRD_TASK_WAITING);
    brd_pool_put_back(pool, task);
}

static void lose_single(brood_pool *pool, brd_task *task, brood_error *error, char *text,
                        size_t room)
{
    if (!task->orphan && !task->initializer && may_retry(task, error, text, room))
        run_again(pool, task);
    else
        brd_task_fail(pool, task, error);
}

// Of a chunk, the item at hand is lost; those behind it have not started.
static void lose_chunk(brood_pool *pool, brd_task *task, brood_error *error, char *text,
                       size_t room)
{
    brd_job *job = task->job;
    if (task->verdict || !may_retry(task, error, text, room)) {
        brd_outcome_error(pool, task, error);
        task->verdict = 0;
        task->deaths = 0;
        task->ended++;
    }
    uint32_t gone = task->ended, count = task->count;
    task->ended = 0;
    task->first += gone;
    task->count -= gone;
    int status = BROOD_OK;
    if (task->packed && gone && task->count)
        status = brd_pack_slice(&task->own, count, gone, task->count);
    if (task->count && !status) {
        run_again(pool, task);
        brd_job_check(pool, job);
    } else {
        brood_error no_memory = {.status = status, .text = brood_status_text(status)};
        no_memory.function = error->function;
        brd_task_fail(pool, task, &no_memory); // the rest of it, if there is any
    }
}

static void lose(brood_pool *pool, brd_task *task, bool started, brood_error *error, char *text,
                 size_t room)
{
    brd_task_enter(task, BRD_TASK_LOST);
    error->function = brd_functions_name(pool->functions, task->function);
    if (!started && !task->initializer)
        run_again(pool, task);
    else if (task->job)
        lose_chunk(pool, task, error, text, room);
    else
        lose_single(pool, task, error, text, room);
}

// From the back, so that what goes to the front of the queue keeps its order.
static bool lose_tasks(brood_pool *pool, brd_station *s, brood_error *error, char *text,
                       size_t room)
{
    bool any_started = false;
    brd_task *task;
    while ((task = brd_seat_back(&s->seat))) {
        bool started = task->ended || brd_link_started(task->claim);
        any_started = any_started || (started && !task->initializer);
        brd_seat_taken(&s->seat);
        pool->in_flight--;
        if (!brd_seat_flight(&s->seat))
            pool->busy--;
        lose(pool, task, started, error, text, room);
    }
    return any_started;
}

static void break_pool(brood_pool *pool)
{
    pool->state = BRD_POOL_BROKEN;
    pool->missing = 0;
    brd_pool_fail_all(pool, BROOD_EBROKEN);
    for (uint32_t i = 0; i < pool->places; i++)
        brd_station_kill(pool, pool->stations[i], BROOD_EBROKEN);
}

// What it said, or why there was none, says more than that its worker has ended.
static bool is_of_initializer(const brood_error *cause)
{
    return cause && (cause->status == BROOD_ETASK || cause->status == BROOD_EFUNCTION ||
                     cause->status == BROOD_EBUILD);
}

void brd_pool_count_fruitless(brood_pool *pool, const brood_error *why)
{
    brd_time now = brd_os_now();
    if (pool->state != BRD_POOL_OPEN && pool->state != BRD_POOL_CLOSING)
        return;
    // Workers that need long to fail are no better than those that fail fast: the count
    // starts again only if one has come up since.
    if (pool->proven && now - pool->window_start > pool->options.restart_window * BRD_MS) {
        pool->window_start = now;
        pool->fruitless = 0;
        pool->proven = false;
    }
    if (why && !is_of_initializer(pool->cause)) {
        free(pool->cause);
        pool->cause = brd_error_copy(why);
    }
    if (++pool->fruitless > pool->options.restarts)
        break_pool(pool);
}

static void unwatch(brood_pool *pool, brd_station *s)
{
    if (s->watched_chan)
        (void)brd_os_waiter_chan(pool->waiter, s->child.link.frames.chan, 0, &s->chan_tag);
    if (s->watched_proc)
        (void)brd_os_waiter_proc(pool->waiter, &s->child.proc, false, &s->proc_tag);
    s->watched_chan = s->watched_proc = false;
}

// It was told to end, and has.
static bool is_farewell(const brd_station *s, const brd_exit *ended)
{
    return s->seat.state == BRD_SEAT_DRAINING && ended->kind == BROOD_EXIT_CODE && !ended->code;
}

static void tell_end(brood_pool *pool, const brd_station *s, bool farewell,
                     const brood_error *error)
{
    bool ending = pool->state == BRD_POOL_CLOSING || pool->state == BRD_POOL_KILLING;
    brood_worker_event_kind kind = BROOD_WORKER_LOST;
    if (pool->state == BRD_POOL_KILLING || (farewell && (ending || s->seat.index >= pool->size)))
        kind = BROOD_WORKER_STOPPED;
    else if (farewell)
        kind = BROOD_WORKER_RECYCLED;
    brd_station_event(pool, s, kind, kind == BROOD_WORKER_LOST ? error : NULL);
}

// As long as no worker has ever come up, another start would find the same.
static bool is_hopeless(const brood_pool *pool, const brd_station *s)
{
    return !pool->proven && (brd_child_is_hopeless(&s->child) || s->seat.broke == BROOD_EBUILD);
}

static void station_ended(brood_pool *pool, brd_station *s, const brd_exit *ended)
{
    char text[1536], output[BRD_TAIL_SIZE + 1];
    brood_error error;
    bool farewell = is_farewell(s, ended);
    (void)brd_link_read_frames(&s->child.link);
    brd_ring_look_deeper(&s->child.link.results);
    (void)brd_station_collect(pool, s);
    brd_child_exited(&s->child);
    describe(pool, s, ended, text, sizeof text, &error);
    attach_output(s, output, &error);
    tell_end(pool, s, farewell, &error);
    bool fruitful = s->seat.productive;
    if (is_hopeless(pool, s))
        pool->fruitless = pool->options.restarts;
    fruitful |= lose_tasks(pool, s, &error, text, sizeof text);
    unwatch(pool, s);
    brd_alarm_stop(&pool->alarms, &s->alarm);
    if (s->seat.state != BRD_SEAT_DEAD)
        brd_seat_enter(&s->seat, BRD_SEAT_DEAD);
    brd_seat_enter(&s->seat, BRD_SEAT_EMPTY);
    brd_station_changed(pool, s);
    brd_child_close(&s->child);
    pool->alive--;
    bool ending = pool->state == BRD_POOL_CLOSING && !brd_pool_has_work(pool);
    if (!fruitful && !farewell && !ending)
        brd_pool_count_fruitless(pool, &error);
    brd_pool_want_workers(pool);
}

static void on_channel(brood_pool *pool, brd_station *s, unsigned what)
{
    int status = s->watched_chan ? brd_link_read_frames(&s->child.link) : BROOD_OK;
    if (status == BROOD_OK && !(what & BRD_ENDED))
        return;
    if (s->watched_chan) {
        (void)brd_os_waiter_chan(pool->waiter, s->child.link.frames.chan, 0, &s->chan_tag);
        s->watched_chan = false;
    }
    // Without its channel a worker is of no use; most often it is ending anyway, and
    // a kill then changes nothing of how it ended.
    if (s->seat.state == BRD_SEAT_DRAINING && status != BROOD_EPROTOCOL)
        return;
    brd_station_kill(pool, s, status == BROOD_EPROTOCOL ? status : 0);
}

static void on_process(brood_pool *pool, brd_station *s)
{
    brd_exit ended;
    if (s->watched_proc && brd_os_proc_wait(&s->child.proc, 0, &ended) == BROOD_OK)
        station_ended(pool, s, &ended);
}

void brd_pool_on_events(brood_pool *pool, const brd_event *events, size_t count)
{
    // Deaths last: what else is known of the same worker comes first.
    for (size_t i = 0; i < count; i++) {
        const brd_tag *tag = events[i].tag;
        if (tag && !tag->process)
            on_channel(pool, tag->station, events[i].what);
    }
    for (size_t i = 0; i < count; i++) {
        const brd_tag *tag = events[i].tag;
        if (tag && tag->process)
            on_process(pool, tag->station);
    }
}
