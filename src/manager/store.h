/**
 * The server's store: objects by id, who refers to them, and what is on its way.
 *
 * A reference belongs to a session (the connections of one process), to a value in another
 * object, to a name, to a held lock or to a call that runs. A ticket is a reference of what is
 * on its way in a message: a session makes it, the next one that takes it ends it. When a
 * session ends, its references go and its tickets have a minute to be taken.
 *
 * One lock for all of that, which is taken last: under it nothing else is.
 */
#ifndef BRD_MANAGER_STORE_H
#define BRD_MANAGER_STORE_H

#include "manager/numbers.h"
#include "manager/protocol.h"
#include "os.h"

typedef struct brd_managed brd_managed;
typedef struct brd_session brd_session;
typedef struct brd_type brd_type;

/** An object. */
struct brd_managed {
    uint64_t id;
    const brd_type *type;
    brd_mutex *guard; /* of its state: `own`, or that of an object which it refers to */
    brd_mutex own;
    uint64_t references; /* under the store's lock */
    brd_managed *next;   /* of those that end with it */
    void *state;
};

/** What is on its way. */
typedef struct brd_ticket {
    uint64_t id; /* not used twice, and never 0 */
    brd_managed *object;
    brd_session *session;              /* NULL: that has ended */
    brd_time expires;                  /* then */
    struct brd_ticket *before, *after; /* of the same session, or of those that ended */
} brd_ticket;

typedef struct brd_tickets {
    brd_ticket *first, *last;
    size_t count;
} brd_tickets;

/** A lock that a session has. In the lock's state. */
typedef struct brd_held {
    brd_managed *object;
    brd_session *session; /* NULL: nobody has it */
    struct brd_held *before, *after;
} brd_held;

/** The connections of one process. */
struct brd_session {
    unsigned char key[BRD_SESSION_SIZE];
    uint64_t number; /* not used twice */
    unsigned connections;
    unsigned hung_up;       /* of them: what they were asked for still runs, for nobody */
    brd_numbers references; /* object id -> brd_reference */
    brd_tickets tickets;
    brd_held *held;
    brd_session *next;
};

typedef struct brd_store {
    unsigned char id[BRD_SERVER_ID_SIZE];
    brd_mutex lock;
    brd_numbers objects;
    brd_numbers tickets;
    brd_tickets orphans;       /* tickets whose sessions ended, the oldest first */
    brd_managed *_Atomic late; /* without references: are to end, but not just now */
    brd_session *sessions;
    struct brd_published *names;
    uint64_t last_object, last_session, last_ticket;
} brd_store;

enum {
    BRD_TICKETS_MAX = 65536,     /* of one session: then the oldest one ends */
    BRD_TICKET_MINUTE_MS = 60000 /* that one has to be taken when its session has ended */
};

int brd_store_open(brd_store *store, const unsigned char id[BRD_SERVER_ID_SIZE]);

/* ------------------------------------------------------------------ objects */

/** Takes in an object that has one reference, the caller's, and gives it its id. */
int brd_store_add(brd_store *store, brd_managed *object);

/** The object with one reference more, the caller's; NULL: there is none. */
brd_managed *brd_store_get(brd_store *store, uint64_t id);

/** One reference more of an object that the caller refers to. */
void brd_store_keep(brd_store *store, brd_managed *object);

/**
 * Lets go one reference. If it was the last one the object goes, and what it alone
 * referred to. Never under the lock of an object.
 */
void brd_store_release(brd_store *store, brd_managed *object);

/** The next object behind *at of a type that is wanted, with a reference; NULL: no more. */
brd_managed *brd_store_next(brd_store *store, bool (*wanted)(const brd_type *type), uint64_t *at);

/* ----------------------------------------------------------------- sessions */

/** Joins the session of this key, or a new one of a fresh key if it is zeroed. */
int brd_session_join(brd_store *store, unsigned char key[BRD_SESSION_SIZE], brd_session **out);

/**
 * The client of one of its connections is gone; if that goes for all of them their locks are
 * free from now on. Never under the lock of an object.
 */
void brd_session_hang_up(brd_store *store, brd_session *session);

/** One of its connections has ended, and may have hung up before; with the last one it ends. */
void brd_session_leave(brd_store *store, brd_session *session, bool hung_up);

/** The session refers to the object, once more. Fails with: BROOD_ENOMEM. */
int brd_session_refer(brd_store *store, brd_session *session, brd_managed *object);

/** Once less. Fails with: BROOD_EINVAL (it does not). */
int brd_session_drop(brd_store *store, brd_session *session, uint64_t object);

/** The session has this lock now, under the lock of its object, which lives as long. */
void brd_session_hold(brd_store *store, brd_session *session, brd_held *held, brd_managed *object);

/** It has it no longer; the caller refers to the object. */
void brd_session_let_go(brd_store *store, brd_held *held);

/* ------------------------------------------------------------------ tickets */

/**
 * A ticket for an object that the caller refers to. It can end another one, whose object is left
 * to brd_store_tidy: the caller may have the lock of one. Fails with: BROOD_ENOMEM.
 */
int brd_ticket_make(brd_store *store, brd_session *session, brd_managed *object, uint64_t *out);

/** Ends what was left for later. The caller has no lock of any object. */
void brd_store_tidy(brd_store *store);

/** It has come: nothing is on its way any more. Fine for one that is not there. */
void brd_ticket_end(brd_store *store, uint64_t ticket);

/** Ends those that nobody has taken; when the next one is due, or BRD_FOREVER. */
brd_time brd_tickets_expire(brd_store *store, brd_time now);

/* -------------------------------------------------------------------- names */

/** The name is the object's, which the caller refers to; NULL: nobody's. */
int brd_store_publish(brd_store *store, const char *name, brd_managed *object);

/** The object of a name, with a reference; NULL: there is none. */
brd_managed *brd_store_find(brd_store *store, const char *name);

#endif
