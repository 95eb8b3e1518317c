/**
 * Types of managed objects, and what their methods are given: a call.
 *
 * A method runs under the lock of its object, in the thread of the connection that called. It
 * may wait, in a line of the object's, and then the lock is free meanwhile.
 */
#ifndef BRD_MANAGER_TYPE_H
#define BRD_MANAGER_TYPE_H

#include "base/bytes.h"
#include "manager/line.h"
#include "manager/store.h"
#include "manager/value.h"
#include <brood/manager.h>

enum {
    BRD_ANY = 255, /* of values: as many as there are */
    BRD_ITEM = 254 /* the whole message, which needs not be of values */
};

typedef struct brd_call {
    brd_store *store;
    brd_session *session;
    brd_managed *object;
    uint64_t thread; /* of the client */
    brd_time until;  /* how long it may wait */
    brood_message *args;
    brood_message *result;   /* behind the head of the answer */
    int code;                /* what a user's method has returned */
    int status;              /* what came of it, once it has run */
    brd_waiter_place *place; /* where it waits */
    brd_value *rubbish;      /* freed when the lock is free again */
    brd_value *taken;        /* goes back where it was if the answer does not arrive */
} brd_call;

/** 0, or what is wrong; brd_fail_text() may say more. */
typedef int brd_method_run(brd_call *call, void *state);

typedef struct brd_method {
    const char *name;
    brd_method_run *run;
    uint8_t least, most; /* values among the arguments, or BRD_ITEM for both */
    /* Its answer did not leave: the client is not to have what it took. Or NULL. */
    void (*undo)(brd_call *call, void *state);
} brd_method;

/** What an object leaves behind: values, and one object that it refers to. */
typedef struct brd_remains {
    brd_value *values;
    brd_managed *object;
} brd_remains;

struct brd_type {
    const char *name;
    size_t size; /* of the state, which is zeroed before create */
    const brd_method *methods;
    uint8_t least, most;                        /* values that create takes */
    int (*create)(brd_call *call, void *state); /* the object is there, and has no id yet */
    void (*destroy)(void *state, brd_remains *left);
    void (*abandon)(brd_store *store, void *state, brd_session *session); /* who had it died */
    const brood_manager_type *users;                                      /* NULL: one of ours */
};

/** The type of this name; NULL: there is none. Any thread. */
const brd_type *brd_type_find(const char *name);

/**
 * Runs a method of the call's object under its lock.
 * Fails with: BROOD_EFUNCTION (no such method), BROOD_ETYPE (not so many values), what it says.
 */
int brd_type_run(brd_call *call, const char *name, const brd_method **out);

/** Types of users: type_user.c. */
bool brd_is_users(const brd_type *type);
const brd_type *brd_user_type_find(const char *name);
int brd_user_run(brd_call *call, const char *method);
/** The server ends: its destroy is called, unless a method runs. */
void brd_user_end(brd_managed *object);

extern const brd_type brd_type_list, brd_type_dict, brd_type_set, brd_type_namespace,
    brd_type_value, brd_type_array, brd_type_queue, brd_type_joinable, brd_type_lock,
    brd_type_rlock, brd_type_semaphore, brd_type_bounded, brd_type_event, brd_type_condition,
    brd_type_barrier;

/* --------------------------------------------------------- what methods use */

/** How many values the arguments are; -1: they are no values. */
long brd_call_count(const brood_message *args);

/** The next argument, or all that is left of them, taken in: see brd_value_make(). */
int brd_call_take(brd_call *call, brd_value **out);
int brd_call_take_item(brd_call *call, brd_value **out);

/** The next argument as a key for a search: goes with the call. */
int brd_call_key(brd_call *call, brd_value **out);

/** The next argument if there is one, else what *out is. */
int brd_call_integer(brd_call *call, int64_t *out);

bool brd_call_has_more(const brd_call *call);

/** Appends a value, or a number or a truth, to the result. */
int brd_call_give(brd_call *call, const brd_value *value);
int brd_call_give_integer(brd_call *call, int64_t value);
int brd_call_give_bool(brd_call *call, bool value);

/** The value goes when the lock is free again. Accepts NULL. */
void brd_call_discard(brd_call *call, brd_value *value);

/**
 * Where a number of -count to count - 1 is in a sequence.
 * Fails with: BROOD_EINVAL (nowhere).
 */
int brd_index(int64_t number, size_t count, size_t *out);

/** The same as ends of a slice, which are never outside. */
size_t brd_slice_end(int64_t number, size_t count);

/**
 * The head of a MessagePack array or map of `count`, for what is built from values.
 * Fails with: BROOD_ENOMEM.
 */
int brd_give_array(brood_message *out, size_t count);
int brd_give_map(brood_message *out, size_t count);

/** One value after the other out of an array or a map (then key, value, key ...). */
typedef struct brd_elements {
    const unsigned char *at;
    size_t size; /* of all that is left */
    size_t left; /* how many */
} brd_elements;

/** Fails with: BROOD_ETYPE (the next argument is no array; no map). */
int brd_call_elements(brd_call *call, bool map, brd_elements *out);
/** False: that was all. */
bool brd_elements_next(brd_elements *e, const unsigned char **bytes, size_t *size);

#endif
