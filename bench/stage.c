/*
 * Processes that start on something together. See stage.h. They wait for the start with
 * yields: it is a moment, and none of them should have to be woken.
 */
#include "stage.h"
#include <stdarg.h>
#include <string.h>

void stage_open(stage *s)
{
    memset(s, 0, sizeof *s);
    bench_check(brd_os_shm_create(&s->shm, sizeof *s->words), "a segment");
    s->words = s->shm.base;
}

void stage_add(stage *s, brood_function *function, const char *format, ...)
{
    brood_message args = BROOD_MESSAGE_INIT;
    va_list values;
    if (s->count == STAGE_MOST)
        bench_fail("a stage", BROOD_EINVAL);
    bench_check(brood_pack(&args, "hu", s->shm.segment.os, s->count), "pack");
    va_start(values, format);
    bench_check(brood_vpack(&args, format, values), "pack");
    va_end(values);
    brood_process **process = &s->processes[s->count++];
    bench_check(brood_process_create(process, function, &args, NULL), "a process");
    bench_check(brood_process_start(*process), "a process");
    brood_message_clear(&args);
}

void stage_go(stage *s)
{
    brd_time limit = brd_os_now() + 20000 * BRD_MS;
    while (atomic_load(&s->words->ready) < s->count) {
        if (brd_os_now() > limit)
            bench_fail("a process did not come up", BROOD_ETIMEDOUT);
        brd_os_yield();
    }
    atomic_store(&s->words->go, 1);
}

void stage_join(stage *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        bench_check(brood_process_join(s->processes[i], 60000), "the end of a process");
        brood_exit ended = brood_process_exit(s->processes[i]);
        if (ended.kind != BROOD_EXIT_CODE || ended.code)
            bench_fail("a process failed", BROOD_EWORKERLOST);
    }
}

double stage_seconds(const stage *s)
{
    const stage_part *parts = s->words->parts;
    brd_time began = INT64_MAX, ended = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (parts[i].began && parts[i].began < began)
            began = parts[i].began;
        ended = parts[i].ended > ended ? parts[i].ended : ended;
    }
    return (double)(ended - began) / 1e9;
}

void stage_close(stage *s)
{
    for (uint32_t i = 0; i < s->count; i++)
        brood_process_destroy(s->processes[i]);
    brd_os_shm_unmap(&s->shm);
}

int stage_enter(stage_role *r, brood_message *args)
{
    intptr_t segment;
    uint32_t index;
    int status = brood_unpack(args, "hu", &segment, &index);
    if (status)
        return status;
    if (index >= STAGE_MOST)
        return BROOD_EINVAL;
    brd_handle handle = {segment};
    status = brd_os_shm_map(&r->shm, handle, sizeof *r->words, false);
    if (status) {
        brd_os_close(&handle);
        return status;
    }
    r->words = r->shm.base;
    r->part = &r->words->parts[index];
    r->index = index;
    return BROOD_OK;
}

void stage_wait(stage_role *r)
{
    atomic_fetch_add(&r->words->ready, 1);
    while (!atomic_load(&r->words->go))
        brd_os_yield();
}

void stage_leave(stage_role *r)
{
    brd_os_shm_unmap(&r->shm);
}
