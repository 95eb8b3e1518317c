/**
 * Counts the words of many text files with a pool of worker processes.
 *
 * main.c      the order of events
 * options.c   the command line
 * files.c     which files there are: directories are walked
 * table.c     words and how often each was seen
 * count.c     the words of one file: knows nothing of processes
 * workers.c   the same in worker processes: the only file that knows brood well
 * report.c    what is printed
 *
 * APR does what the C library cannot on every system: directories and files.
 */
#ifndef WORDCOUNT_H
#define WORDCOUNT_H

#include <apr_file_io.h>
#include <apr_pools.h>
#include <apr_time.h>
#include <brood/brood.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORD_MAX = 64,       /* longer words count by their first bytes */
    BINARY_LOOK = 8192,  /* a NUL in the first bytes: not a text */
    BUFFER_SIZE = 262144 /* what is read at once */
};

/** What the program ends with; explained by --help. */
enum { EXIT_COMPLETE = 0, EXIT_INCOMPLETE = 1, EXIT_NOTHING = 2 };

/* -------------------------------------------------------------- options.c */

typedef struct options {
    uint32_t workers; /* 0: as many as there are cpus */
    size_t top;
    bool compare;
    const char *crash; /* the worker that gets this file aborts; NULL: none does */
    const char *const *paths;
    size_t count;
} options;

/** False if the program is to end at once, with *code. */
bool options_read(options *o, int argc, const char *const *argv, int *code);

/* ---------------------------------------------------------------- files.c */

/** Paths, sorted below each argument. They live in the APR pool of files_find. */
typedef struct files {
    const char **paths;
    size_t count;
    size_t room;
    size_t problems; /* what could not be looked at; it has been said */
} files;

/** Everything that the options name. Fails with: BROOD_ENOMEM. */
int files_find(files *f, const options *o, apr_pool_t *memory);
/** The listed path that means the same file as `path`; NULL if none does. */
const char *files_same(const files *f, const char *path, apr_pool_t *memory);
void files_clear(files *f);

/* ---------------------------------------------------------------- table.c */

/** Words in the order of their first appearance. Zeroed: empty. */
typedef struct table {
    char *words; /* one after the other, each with a NUL */
    size_t words_size;
    size_t words_room;
    uint64_t *counts; /* of word 0, 1, 2 ... */
    struct table_place *places;
    size_t used;
    size_t room;
    struct table_slot *slots; /* open addressing */
    size_t slot_count;
} table;

/** Continue with each byte; start with HASH_START. FNV-1a. */
#define HASH_START 2166136261u
static inline uint32_t hash_byte(uint32_t hash, unsigned char byte)
{
    return (hash ^ byte) * 16777619u;
}

/** Fails with: BROOD_ENOMEM. */
int table_add(table *t, const char *word, size_t length, uint32_t hash, uint64_t count);
/** Adds what another table was packed as. Fails with: BROOD_ENOMEM, BROOD_ETYPE. */
int table_add_packed(table *t, const char *words, size_t size, const uint64_t *counts, size_t n);
const char *table_word(const table *t, size_t index);
/** Empty again; the memory is kept. */
void table_reset(table *t);
void table_clear(table *t);

/* ---------------------------------------------------------------- count.c */

/** Everything that was counted so far. */
typedef struct totals {
    table table;
    uint64_t bytes;
    size_t files;
    size_t binary;   /* files that were left out */
    size_t lost;     /* files of workers that died */
    size_t failed;   /* files that could not be read */
    size_t problems; /* what nobody asked for: the exit status */
    uint32_t workers;
} totals;

uint64_t totals_words(const totals *sum);

/**
 * Adds the words of a file. *text is false, and nothing is added, if it is a
 * binary file. Fails with: BROOD_ENOMEM, the system's error.
 */
int count_file(table *words, const char *path, apr_pool_t *memory, bool *text, uint64_t *bytes);

/** Counts in this process, without `skip`. Fails with: BROOD_ENOMEM. */
int count_here(totals *sum, const files *f, const char *skip, apr_pool_t *memory);

/* -------------------------------------------------------------- workers.c */

/** Counts with a pool. Lost and unreadable files are reported, the rest counts. */
int count_with_workers(totals *sum, const files *f, const options *o);

/* --------------------------------------------------------------- report.c */

/** Fails with: BROOD_ENOMEM. */
int report_words(const totals *sum, size_t top);
void report_sums(const totals *sum);
/** Why a file is missing from the sums: a worker that died, or an error in it. */
void report_missing(totals *sum, const char *path, const brood_error *error, bool on_purpose);

#endif
