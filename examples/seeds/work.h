/*
 * What the programs of this directory share: Python's print, time.sleep and
 * time.perf_counter, and what stands for an exception that nobody catches.
 */
#ifndef WORK_H
#define WORK_H

#include <brood/brood.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One line, at once: every worker has a buffer of its own for the same output. */
static inline void print(const char *format, ...) BROOD_PRINTF(1, 2);
static inline void print(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
    fflush(stdout);
}

/* Seconds on the clock of the wall. */
static inline double now(void)
{
#ifdef TIME_UTC
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
#else
    return (double)clock() / CLOCKS_PER_SEC; // MinGW has no timespec_get; its clock() is the wall's
#endif
}

/* Is busy as long as the originals sleep, but that a second of theirs lasts 20 ms. */
static inline void work(double seconds)
{
    for (double end = now() + seconds * 0.02; now() < end;)
        ;
}

/* Ends the program if a call has failed. Not for tasks: they return their status. */
static inline void check(int status)
{
    if (status) {
        fprintf(stderr, "%s\n", brood_status_text(status));
        exit(1);
    }
}

/* print(future.result()) of a task that returns a text. Frees the future. */
static inline void print_result(brood_future *future)
{
    brood_message result = BROOD_MESSAGE_INIT;
    const char *text;
    check(brood_future_get(future, BROOD_FOREVER, &result));
    check(brood_unpack(&result, "s", &text));
    print("%s", text);
    brood_message_clear(&result);
    brood_future_destroy(future);
}

#endif
