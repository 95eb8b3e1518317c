/**
 * Values: copies of what clients sent, in the objects of a server. One that has proxies in it
 * refers to their objects as long as it lives.
 */
#ifndef BRD_MANAGER_VALUE_H
#define BRD_MANAGER_VALUE_H

#include "manager/store.h"
#include <brood/message.h>

typedef struct brd_value {
    struct brd_value *next; /* in a list of whoever has it */
    size_t size;
    uint32_t hash;
    bool hashed, refers; /* it has proxies in it */
    unsigned char bytes[];
} brd_value;

/**
 * Makes a value of bytes: those of whole objects of MessagePack, if `vetted`; else they may be
 * anything. What is in it by proxy is referred to, and no longer on its way.
 * Fails with: BROOD_ENOMEM, BROOD_ENOTSUP (handles, or a proxy of another server),
 * BROOD_EINVAL (a proxy whose object is gone).
 */
int brd_value_make(brd_store *store, const unsigned char *bytes, size_t size, bool vetted,
                   brd_value **out);

/**
 * Appends it to a message for a session, with tickets for what it refers to.
 * Fails with: BROOD_ENOMEM.
 */
int brd_value_give(brd_store *store, brd_session *session, const brd_value *value,
                   brood_message *out);

/**
 * The next reference at or behind *at among vetted bytes: BRD_REFERENCE_SIZE bytes of them.
 * NULL: no more.
 */
const unsigned char *brd_value_reference(const unsigned char *bytes, size_t size, size_t *at);

/** Lets go what it refers to, and frees it. Never under the lock of an object. Accepts NULL. */
void brd_value_free(brd_store *store, brd_value *value);

/** The same of a list of them, by `next`. */
void brd_values_free(brd_store *store, brd_value *first);

uint32_t brd_value_hash(brd_value *value);

bool brd_value_same(const brd_value *a, const brd_value *b);

/** What kind of value it is, and which. */
typedef enum brd_kind { BRD_KIND_OTHER, BRD_KIND_INTEGER, BRD_KIND_REAL, BRD_KIND_TEXT } brd_kind;

typedef struct brd_scalar {
    brd_kind kind;
    bool huge; /* an integer above INT64_MAX: `integer` has its bits */
    int64_t integer;
    double real; /* of both kinds of numbers */
    const unsigned char *text;
    size_t size;
} brd_scalar;

/** Reads the value that these vetted bytes are. */
brd_scalar brd_scalar_of(const unsigned char *bytes, size_t size);

/** <0, 0, >0. Both are numbers, or both are texts. */
int brd_scalar_compare(const brd_scalar *a, const brd_scalar *b);

#endif
