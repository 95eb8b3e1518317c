/*
 * A stage: processes of brood that are all ready before they start on the same thing, and
 * the memory in which they say when that was and what came out.
 */
#ifndef BENCH_STAGE_H
#define BENCH_STAGE_H

#include "bench.h"

enum { STAGE_MOST = 8, STAGE_LINE = 128 };

/* What one process tells. */
typedef struct stage_part {
    _Alignas(STAGE_LINE) brd_time began; /* 0: time does not count from it */
    brd_time ended;
    uint64_t count, sum;
} stage_part;

/* Zeroed, in shared memory. */
typedef struct stage_words {
    _Alignas(STAGE_LINE) _Atomic uint32_t ready; /* how many are */
    _Alignas(STAGE_LINE) _Atomic uint32_t go; /* 1: all are; more are turns, if a work has them */
    _Alignas(STAGE_LINE) _Atomic uint32_t stop;
    _Alignas(STAGE_LINE) uint32_t holder;        /* of the lock: who had it last */
    _Alignas(STAGE_LINE) _Atomic uint32_t asked; /* for the lock: how often */
    _Alignas(STAGE_LINE) _Atomic uint32_t taken; /* by who waited: how often */
    stage_part parts[STAGE_MOST];
} stage_words;

typedef struct stage {
    brd_shm shm;
    stage_words *words;
    brood_process *processes[STAGE_MOST];
    uint32_t count;
} stage;

void stage_open(stage *s);

/** One more process. It gets what the format says, behind what stage_enter takes. */
void stage_add(stage *s, brood_function *function, const char *format, ...);

/** Waits until all are ready, and lets them go. */
void stage_go(stage *s);

/** Waits for their ends. Each must have ended well. */
void stage_join(stage *s);

/** From the first that began to the last that ended, in seconds; after stage_join. */
double stage_seconds(const stage *s);

void stage_close(stage *s);

/* A process's side. */
typedef struct stage_role {
    brd_shm shm;
    stage_words *words;
    stage_part *part;
    uint32_t index;
} stage_role;

/** Takes the first of a process's arguments. */
int stage_enter(stage_role *r, brood_message *args);

/** Says that it is ready, and waits until all are. */
void stage_wait(stage_role *r);

void stage_leave(stage_role *r);

#endif
