/**
 * The rest of the door: what the system knows, of itself, this process and its code, and
 * how secrets are kept.
 * Included by os.h, whose house rules hold here too.
 */
#ifndef BRD_OS_FACTS_H
#define BRD_OS_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------- facts: info */

/** What this process may use: affinity and cgroup quota count; at least 1. */
unsigned brd_os_cpu_count(void);
/** The cpu that this thread runs on just now; -1 where nobody can tell. */
int brd_os_cpu(void);
/**
 * Moves this thread to another cpu that it may use, if there is one, and leaves
 * the scheduler as free as before. A hint: it may do nothing.
 */
void brd_os_leave_cpu(void);
int64_t brd_os_pid(void);
/**
 * When that process was born, in a unit of its own: two of the same number one after the
 * other differ. 0 where nobody can tell; it may then have ended, too.
 * Fails with: BROOD_ECLOSED (there is none, or it has ended, whether or not it was waited for).
 */
int brd_os_birth(int64_t pid, uint64_t *birth);
/**
 * By whose count processes are numbered: in containers of one machine a number can mean different
 * processes. 0 where nobody can tell, or there is one count only.
 */
uint64_t brd_os_pid_space(void);
/** Bytes of a page, a power of two. */
size_t brd_os_page(void);
/**
 * The full path, from the current directory, of a file that is there and may be executed
 * (`runs`) or read. Links stay what they are.
 * Fails with: BROOD_EINVAL (it does not fit), the system's error (not there, not allowed, no file).
 */
int brd_os_file_path(const char *path, bool runs, char *buffer, size_t cap);
/** Path of this program. Fails with: BROOD_EINVAL (it does not fit). */
int brd_os_self_path(char *buffer, size_t cap);
/**
 * What to start to get this program once more: its path; on Linux, when its file was
 * deleted or replaced, a name by which the system still knows what runs here.
 */
int brd_os_self_program(char *buffer, size_t cap);
/**
 * Columns of the terminal that standard error is, just now; 80 if it does not tell.
 * 0: standard error is no terminal.
 */
int brd_os_terminal_columns(void);

/* ------------------------------------------------------------ secrets: hmac */

/** Bytes of somebody else's. */
typedef struct brd_span {
    const void *bytes;
    size_t size;
} brd_span;

enum { BRD_TAG_SIZE = 32 };

/** HMAC-SHA-256 of the parts as if they were one, by the system's or a well-kept library. */
int brd_os_hmac(brd_span key, const brd_span *parts, size_t count, uint8_t tag[BRD_TAG_SIZE]);
/** Whether both are the same, in a time that does not tell where they differ. */
bool brd_os_same(const void *a, const void *b, size_t size);
/** Overwrites a secret, also if nobody reads it again. */
void brd_os_wipe(void *secret, size_t size);

/* -------------------------------------------------------- modules: module */

/** Where a function's code is, in words that hold in another process too. */
typedef struct brd_place {
    char module[1024]; /* path of a shared library; "" is the main program */
    uint64_t offset;   /* from the module's start */
    uint8_t build[20]; /* identifies the module's build */
} brd_place;

/** Fails with: BROOD_EFUNCTION (the address is no code of any module). */
int brd_os_module_of(const void *code, brd_place *out);

/**
 * The code at a place, in a module that is loaded or can be.
 * Fails with: BROOD_EFUNCTION (no such module, or outside its code),
 * BROOD_EBUILD (another build).
 */
int brd_os_module_at(const brd_place *place, void **code);

/**
 * Loads a shared library for good. *code is what it exports under this name, itself and not
 * what it depends on; NULL: nothing.
 * `why` gets a sentence for people where the status does not say it all, else "".
 * Fails with: BROOD_EFUNCTION (it cannot be loaded), the system's error.
 */
int brd_os_module_load(const char *path, const char *symbol, void **code, char *why, size_t cap);

/** The build of the main program. */
int brd_os_module_build(uint8_t build[20]);

#endif
