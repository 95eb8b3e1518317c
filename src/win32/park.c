/* Sleeping on a word of shared memory until it changes. Called by the shared objects.
 * WaitOnAddress works within one process only, so a semaphore stands for the word: each
 * wake is a token. A token that nobody was there to take lets the next sleeper go at once
 * for no reason, which the contract allows; there are never many. The name has 128 random
 * bits, which only those who map the memory know, and it is gone with the last handle.
 */
#include "room.h"

#include <stdio.h>

enum { MOST_TOKENS = 1024 };

int brd_os_park_open(brd_park *out, _Atomic uint32_t *word, const uint8_t key[BRD_PARK_KEY],
                     uint32_t number)
{
    wchar_t name[64] = L"Local\\brood-";
    size_t at = wcslen(name);
    for (size_t i = 0; i < BRD_PARK_KEY; i++)
        at += (size_t)swprintf(name + at, 64 - at, L"%02x", (unsigned)key[i]);
    swprintf(name + at, 64 - at, L"-%u", (unsigned)number);
    HANDLE semaphore = CreateSemaphoreW(NULL, 0, MOST_TOKENS, name);
    if (!semaphore)
        return brd_win32_error(GetLastError());
    *out = (brd_park){.word = word, .handle = brd_win32_wrap(semaphore)};
    return 0;
}

int brd_os_park_wait(const brd_park *p, uint32_t seen, brd_time until)
{
    if (atomic_load(p->word) != seen)
        return 0;
    DWORD rc = WaitForSingleObject(brd_win32_handle(p->handle), brd_win32_ms(until));
    if (rc == WAIT_OBJECT_0)
        return 0;
    if (rc != WAIT_TIMEOUT)
        return brd_win32_error(GetLastError());
    return until != BRD_FOREVER && brd_os_now() >= until ? BROOD_ETIMEDOUT : 0;
}

bool brd_os_park_wake(const brd_park *p, uint32_t count)
{
    HANDLE semaphore = brd_win32_handle(p->handle);
    LONG before = 0, wanted = (LONG)(count < MOST_TOKENS ? count : MOST_TOKENS);
    if (ReleaseSemaphore(semaphore, wanted, &before))
        return before == 0; // else nobody has come for the last ones yet
    // More than there may be of them: as many as fit, one by one.
    while (wanted-- > 0 && ReleaseSemaphore(semaphore, 1, NULL))
        continue;
    return false;
}

void brd_os_park_close(brd_park *p)
{
    brd_os_close(&p->handle);
    p->word = NULL;
}
