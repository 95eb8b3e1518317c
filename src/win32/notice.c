/* What the thread pool tells of handles. Called by channels, waiters and brd_os_wait_many.
 *
 * The pool gets a number and no pointer: Wine delivers what was under way when a wait was
 * cancelled even after the cancelling was waited for, and would deliver it to freed memory.
 * Numbers are given once, so what comes too late finds nobody.
 */
#include "room.h"

static SRWLOCK lock = SRWLOCK_INIT; /* all below */
static brd_notice *first;
static uintptr_t last_number;

static void CALLBACK came(void *number, BOOLEAN timed_out)
{
    (void)timed_out;
    AcquireSRWLockExclusive(&lock);
    brd_notice *n = first;
    while (n && n->number != (uintptr_t)number)
        n = n->next;
    if (n)
        n->told(n->baton);
    ReleaseSRWLockExclusive(&lock);
}

int brd_win32_notice_open(brd_notice *n, HANDLE handle, bool once, void (*told)(void *),
                          void *baton)
{
    ULONG flags = WT_EXECUTEINWAITTHREAD | (once ? WT_EXECUTEONLYONCE : 0u);
    AcquireSRWLockExclusive(&lock);
    *n = (brd_notice){.number = ++last_number, .told = told, .baton = baton, .next = first};
    first = n;
    ReleaseSRWLockExclusive(&lock);
    if (RegisterWaitForSingleObject(&n->registration, handle, came, (void *)n->number, INFINITE,
                                    flags))
        return 0;
    int status = brd_win32_error(GetLastError());
    n->registration = NULL;
    brd_win32_notice_close(n);
    return status;
}

void brd_win32_notice_close(brd_notice *n)
{
    if (!n->number)
        return;
    AcquireSRWLockExclusive(&lock);
    brd_notice **at = &first;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    ReleaseSRWLockExclusive(&lock);
    // Whoever is told just now was waited for by the lock; this is for the system's sake.
    if (n->registration)
        UnregisterWaitEx(n->registration, INVALID_HANDLE_VALUE);
    *n = (brd_notice){0};
}
