/**
 * Functions by number: a parent gives each function that it sends a number and
 * knows its place; a worker learns number and place, and finds the code when it is
 * first asked for it: finding may load a library, and that may be the worker's end.
 */
#ifndef BRD_FUNCTION_H
#define BRD_FUNCTION_H

#include "base/registry.h"
#include "os.h"
#include <brood/context.h>

/** The parent's side. Lives in an APR pool, under the lock of whoever owns it. */
typedef struct brd_functions brd_functions;

struct apr_pool_t;

/** NULL: out of memory. */
brd_functions *brd_functions_make(struct apr_pool_t *memory);

/**
 * The number of a function, which from then on keeps the name under which it was
 * registered by now, if it was.
 * Fails with: BROOD_EFUNCTION (not a function of any module), BROOD_ENOMEM.
 */
int brd_functions_index(brd_functions *t, brood_function *function, uint32_t *index);

const brd_place *brd_functions_place(const brd_functions *t, uint32_t index);

/** The name under which it travels; "" if it has none. */
const char *brd_functions_registered(const brd_functions *t, uint32_t index);

/** Its name or "module+0xoffset", for people. Lives as long as the table. */
const char *brd_functions_name(const brd_functions *t, uint32_t index);

/** Why a worker could not find it, in one sentence; what status says for other reasons. */
void brd_functions_explain(const brd_functions *t, uint32_t index, int status, char *text,
                           size_t room);

/** Where a function is to be looked for: at its place, or under its name. */
typedef struct brd_sought {
    brd_place place;
    char name[BRD_REGISTERED_SIZE]; /* "": it has none */
} brd_sought;

typedef struct brd_known {
    brood_function *function;
    int why;            /* there is none */
    brd_sought *sought; /* NULL: it was looked for */
} brd_known;

/** The worker's side: grows as functions are defined, in order. */
typedef struct brd_code {
    brd_known *known;
    uint32_t count;
    uint32_t room;
} brd_code;

/**
 * Learns where one more function is.
 * Fails with: BROOD_EPROTOCOL (out of order), BROOD_ENOMEM.
 */
int brd_code_learn(brd_code *c, uint32_t index, const brd_sought *sought);

/** Where it is still to be looked for; NULL: it was, or nothing is known of it. */
const brd_sought *brd_code_sought(const brd_code *c, uint32_t index);

/** What came of looking for it; with NULL, why there is none. */
void brd_code_settle(brd_code *c, uint32_t index, brood_function *function, int why);

/** The function at a place. Fails with: as brd_os_module_at. */
int brd_code_find(const brd_place *place, brood_function **out);

/** The function, if it was looked for; NULL and *why if there is none. */
brood_function *brd_code_at(const brd_code *c, uint32_t index, int *why);

void brd_code_clear(brd_code *c);

#endif
