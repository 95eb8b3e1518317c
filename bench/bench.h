/*
 * What the files of the benchmark share: the options, the works, the limits and
 * the few facts that come from the host.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "os.h"
#include <brood/brood.h>

enum { BENCH_PAGE = 4096 }; /* one byte of each so many is touched */

typedef struct bench_options {
    int rounds;
    bool compare;
    bool quick;                /* smaller works: the numbers only show that all runs */
    const char *python;        /* command of the CPython contender; NULL: none */
    const char *python_shared; /* and of the one for queues and locks */
} bench_options;

/** Prints what went wrong, and ends the program. */
_Noreturn void bench_fail(const char *what, int status);

static inline void bench_check(int status, const char *what)
{
    if (status)
        bench_fail(what, status);
}

/** Sleeps. */
void bench_pause_ms(int64_t ms);

/* ------------------------------------------------------------------- works */

/* One round of each: adds values to the rows of stats.h. */
void work_latency(const bench_options *o, int round);    /* W1 */
void work_throughput(const bench_options *o, int round); /* W2 */
void work_large(const bench_options *o, int round);      /* W3 */
void work_start(const bench_options *o, int round);      /* W4 */
void work_uneven(const bench_options *o, int round);     /* W5 */
void work_idle(const bench_options *o, int round);       /* W6 */
void work_many(const bench_options *o, int round);       /* W7 */
void work_queue(const bench_options *o, int round);      /* W8 */
void work_lock(const bench_options *o, int round);       /* W9 */

/** A pool whose workers have all run a task. */
brood_pool *bench_warm_pool(uint32_t workers);

/** Tasks a second of `count` 8-byte no-ops by map, results in the caller's array. */
double bench_map_rate(brood_pool *pool, size_t count, size_t chunk);

/** A function that returns its process id: "x". */
int task_pid(brood_message *args, brood_message *result);
/** Returns what it got. */
int task_echo(brood_message *args, brood_message *result);
/** Reads and writes a byte on each page of a block ("M"); returns the sum of those read ("t"). */
int task_touch(brood_message *args, brood_message *result);
/** Uses as many microseconds of cpu time as its 8 bytes say, and returns them. */
int task_burn(brood_message *args, brood_message *result);

/** Hands one task to each of four workers, again until each has answered. */
void bench_meet_four(brood_pool *pool, int64_t pids[4]);

/** Uses this much cpu time of the calling thread. */
void bench_burn_us(uint64_t us);

/* ------------------------------------------------------------------ limits */

/**
 * Round trips of one word between two bare processes: the words are spun on
 * `spins` times, then the waiter parks. gap_ms != 0: both are idle in between.
 * Fills ns; returns how many (it stops when it takes too long).
 */
size_t limit_pingpong(int64_t *ns, size_t count, uint32_t spins, int64_t gap_ms);

/** Words a second through two bare workers; published every `batch` words. */
double limit_stream(size_t count, uint32_t batch);

/** Words a second from here to a bare child, through one ring. */
double limit_one_way(uint32_t count);

/** Items of 4 KiB a second from one bare process to another: copied in, copied out, nothing else.
 */
double limit_copies(uint32_t count);

/** Writes of `size` bytes a second from here to a bare child, through the system's pipe. */
double limit_pipe(uint32_t count, size_t size);

/** Nanoseconds of a bare lock that nobody else wants: one exchange to take it, one store. */
double limit_swap(uint32_t pairs);

/** Fills ns: from waking a bare child that is parked until it runs. */
void limit_wake(int64_t *ns, uint32_t count);

/** GB/s of memcpy of this many bytes that are warm. */
double limit_memcpy(size_t size);

/** Milliseconds until four bare starts of this program have ended and are reaped. */
double limit_start_four(void);

/** Makespan / ideal of the first `count` tasks of W5, split perfectly over two. */
double limit_split(uint32_t count);

/** PSS in KiB of four bare processes of this program, parked; < 0: unknown. */
double limit_idle_pss(void);

/** What a child of a limit does: never returns. */
_Noreturn void limit_child(int argc, char **argv);

/* ----------------------------------------------------------------- compare */

/** Prints the ratios of all rows that there are. */
void compare_print(const bench_options *o);

/** Runs the CPython contender with these arguments and takes its rows over. */
void python_run(const bench_options *o, const char *arguments);
/** The same of the one for queues and locks. */
void python_shared_run(const bench_options *o, const char *arguments);

/* -------------------------------------------------------------------- host */

/** Cpu time of this thread (where that is too coarse: time). */
int64_t host_thread_ns(void);

/** Keeps this thread on the first or the last of its cpus, and frees it again. */
void host_pin(bool last);
void host_unpin(void);

/** Milliseconds of cpu that a child or this process used so far; < 0: unknown. */
double host_cpu_ms(int64_t pid);

/** Its proportional share of memory in KiB; < 0: unknown. */
double host_pss_kib(int64_t pid);

/** Memory in 4-KiB pages, all touched; NULL: no memory. */
void *host_touched(size_t size);
void host_release(void *memory, size_t size);

/** The system's pipe: ends[0] is read, ends[1] written. New: brd_os_close. */
int host_pipe(brd_handle ends[2]);

/** All of these bytes, waiting. Fails with: BROOD_ECLOSED. */
int host_write(brd_handle end, const void *bytes, size_t size);
int host_read(brd_handle end, void *bytes, size_t size);

/**
 * Runs `prefix file arguments` in the file's directory and hands each line of its
 * output to `line`. Fails with: BROOD_ENOTSUP.
 */
int host_run(const char *command, const char *arguments, void (*line)(char *text));

#endif
