/**
 * A part of the door: what processes share without a channel between them. Memory and words by
 * which it is found, sleeping on a word of it, and handles that wait for whoever fetches them.
 * Included by os.h, whose house rules hold here too.
 */
#ifndef BRD_OS_SHARED_H
#define BRD_OS_SHARED_H

#if !defined(BRD_OS_H)
#error "include os.h, which this is a part of"
#endif

/* ------------------------------------------------------- shared memory: shm */

/** A mapped segment. base NULL means none. */
typedef struct brd_shm {
    brd_handle segment;
    void *base;
    size_t size;
} brd_shm;

/**
 * An anonymous segment: zeroed, fully allocated (a full system fails here, not
 * on first touch), sealed against change of size, mapped. New: brd_os_shm_unmap.
 * Fails with: BROOD_ENOMEM, ENOSPC.
 */
int brd_os_shm_create(brd_shm *out, size_t size);

/**
 * Maps a segment that another process made. The handle is taken over on success.
 * With `untrusted` it is refused unless it is at least `size` long and cannot
 * shrink (where the system has no such promise, only the size is checked).
 * Fails with: BROOD_EPROTOCOL (too short, or it could shrink).
 */
int brd_os_shm_map(brd_shm *out, brd_handle segment, size_t size, bool untrusted);

/** A process that this one forks does not see the mapping. */
void brd_os_shm_keep(const brd_shm *s);

/** Puts all pages at hand at once, rather than each when it is first touched. A hint. */
void brd_os_shm_warm(const brd_shm *s);

/** Unmaps and closes the handle. */
void brd_os_shm_unmap(brd_shm *s);

/** A word by which other programs of this user find a segment of this process. */
typedef struct brd_sign brd_sign;

/**
 * As brd_os_shm_create; and who asks for the word finds it, until *sign is closed or this process
 * has ended, however it does. The word: 1 to 64 characters of A-Z a-z 0-9 . _ -
 * *sign is new: brd_os_sign_close, in no copy of this process. Fails with: BROOD_EBUSY (another
 * one who lives has the word), BROOD_EINVAL (no such word).
 */
int brd_os_shm_show(brd_shm *out, brd_sign **sign, size_t size, const char *word);

/**
 * Maps the segment of that word. New: brd_os_shm_unmap.
 * Fails with: BROOD_ECLOSED (there is none, or not any more), BROOD_EINVAL (no such word).
 */
int brd_os_shm_find(brd_shm *out, const char *word);

void brd_os_sign_close(brd_sign **sign);

/* --------------------------------------------------------------- park: park */

/**
 * Where threads of any process sleep until a shared word has changed. Unlike a bell it takes
 * any number of sleepers, and needs no handle that travels: who maps the word can open it.
 * Nothing may rest on a wake alone, since who was woken may die before it acts on it: sleep
 * for a limited time, then look again.
 */
typedef struct brd_park {
    _Atomic uint32_t *word;
    brd_handle handle; /* Windows: a semaphore of that name; else none */
    bool polls;        /* nothing wakes across processes here: it looks again and again */
} brd_park;

enum { BRD_PARK_KEY = 16 };

/** All that open it for the same key and number sleep together. New: brd_os_park_close. */
int brd_os_park_open(brd_park *out, _Atomic uint32_t *word, const uint8_t key[BRD_PARK_KEY],
                     uint32_t number);

/**
 * Sleeps while *word is `seen`, at the longest `until`. May wake for no reason.
 * Fails with: BROOD_ETIMEDOUT.
 */
int brd_os_park_wait(const brd_park *p, uint32_t seen, brd_time until);

/**
 * Wakes up to `count` of those who sleep; the word was changed before. False if nobody slept;
 * true where nobody can tell.
 */
bool brd_os_park_wake(const brd_park *p, uint32_t count);

void brd_os_park_close(brd_park *p);

/* ---------------------------------------------------------- lockers: locker */

/**
 * Where handles wait for whoever fetches them, also when who left them there is dead by
 * then. Everything is in order: lots are left one after the other, with rising tags, and
 * fetched in that order; who calls sees to it that one leaves and one fetches at a time.
 * (POSIX: a socket that nobody but the lot is in. Windows: the table of the process that
 * opened it, the keeper, as long as that lives.)
 */
typedef struct brd_locker {
    brd_handle ends[2]; /* what another process needs to have it too; Windows: none */
    int64_t keeper;     /* Windows: the process that opened it; else 0 */
} brd_locker;

enum { BRD_LOCKER_LOT = 17 };

/** New: brd_os_locker_close. */
int brd_os_locker_open(brd_locker *out);

/**
 * Leaves duplicates of up to BRD_LOCKER_LOT handles; tokens[i] goes with the tag to who fetches.
 * Fails with: BROOD_EAGAIN (full), BROOD_ECLOSED (the keeper is gone), the system's error.
 */
int brd_os_locker_leave(brd_locker *l, uint64_t tag, const brd_handle *handles, uint32_t count,
                        uint64_t *tokens);

/**
 * Fetches the lot of that tag; lots before it, which nobody came for, are closed. out[i] are new.
 * Fails with: BROOD_ECLOSED (it is not there: somebody died with it), the system's error
 * (this process may open no more; the lot is then gone as well).
 */
int brd_os_locker_fetch(brd_locker *l, uint64_t tag, const uint64_t *tokens, uint32_t count,
                        brd_handle *out);

void brd_os_locker_close(brd_locker *l);

#endif
