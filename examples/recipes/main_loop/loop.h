/*
 * What an event loop is, as far as brood is concerned: it waits for the user, for the
 * clock, and for a handle. loop_posix.c and loop_win32.c stand for GTK, Qt, libuv and others.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>

typedef struct loop {
    intptr_t handle;                /* fd, or HANDLE of an event */
    void (*on_handle)(void *baton); /* it is readable, or signalled */
    int interval;                   /* milliseconds without anything else to do ... */
    void (*on_idle)(void *baton);   /* ... after which this is called */
    void *baton;
    int quit; /* 1: loop_run returns */
} loop;

/* Calls, in this thread, until quit is set. Returns 0, or 1 if it cannot wait. */
int loop_run(loop *l);

#endif
