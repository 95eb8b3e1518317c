/*
 * What the programs of this directory share: what Python brings along, and what stands
 * for its exceptions.
 */
#ifndef WORK_H
#define WORK_H

#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L // for nanosleep and clock_gettime
#endif

#include <brood/brood.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#ifdef _WIN32
#include <windows.h>
#endif

/* In main: an exception that nobody catches. */
static inline void check(int status)
{
    if (status) {
        fprintf(stderr, "%s\n", brood_status_text(status));
        exit(1);
    }
}

/* In a task: an exception, which is then the task's. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        int try_status = (call);                                                                   \
        if (try_status)                                                                            \
            return try_status;                                                                     \
    } while (0)

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

/* f"...": a text that lives until the next but one is made, so that it can be part of the next. */
static inline const char *text_of(const char *format, ...) BROOD_PRINTF(1, 2);
static inline const char *text_of(const char *format, ...)
{
    static char texts[2][200];
    static int turn;
    char *text = texts[turn = !turn];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof(texts[0]), format, values);
    va_end(values);
    return text;
}

/* time.perf_counter(), in seconds. */
static inline double now(void)
{
#ifdef _WIN32
    return (double)GetTickCount64() / 1e3;
#else
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
#endif
}

/* random.random(), which differs from worker to worker. */
static inline double random_number(void)
{
    static int seeded;
    if (!seeded)
        srand((unsigned int)brood_pid());
    seeded = 1;
    return (double)rand() / RAND_MAX;
}

/* time.sleep(seconds), but that a second lasts 20 ms. */
static inline void sleep_for(double seconds)
{
#ifdef _WIN32
    Sleep((DWORD)(seconds * 20));
#else
    nanosleep(&(struct timespec){.tv_nsec = (long)(seconds * 20e6)}, NULL);
#endif
}

/* print(future.result()) of a task that returns a text. Frees the future. */
static inline void print_result(brood_future *future)
{
    const char *text;
    check(brood_future_unpack(future, BROOD_FOREVER, "s", &text));
    print("%s", text);
    brood_future_destroy(future);
}

/* print(next(iterator)) of a task that returns a text. */
static inline void print_next(brood_iterator *iterator)
{
    brood_message result = BROOD_MESSAGE_INIT;
    const char *text;
    check(brood_iterator_next(iterator, BROOD_FOREVER, &result, NULL));
    check(brood_unpack(&result, "s", &text));
    print("%s", text);
    brood_message_clear(&result);
}

/* print(list) of results that are texts. */
static inline void print_texts(brood_results *results)
{
    for (size_t i = 0; i < brood_results_count(results); i++) {
        const char *text;
        check(brood_unpack(brood_results_at(results, i), "s", &text));
        printf("%s'%s'", i ? ", " : "[", text);
    }
    print("]");
}

/* print(list) of numbers. */
static inline void print_numbers(const int32_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%s%d", i ? ", " : "[", numbers[i]);
    print("]");
}

#endif
