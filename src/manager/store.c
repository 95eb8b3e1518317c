/**
 * The server's store of objects. See store.h.
 *
 * What a last reference takes along is ended in a loop, never by recursion: a list in a list
 * in a list may be a million deep.
 */
#include "manager/store.h"
#include "manager/type.h"
#include "manager/value.h"
#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

/** How often a session refers to an object. */
typedef struct reference {
    brd_managed *object;
    uint64_t count;
} reference;

/** An object with a name. */
typedef struct brd_published {
    struct brd_published *next;
    brd_managed *object;
    char name[BRD_MANAGED_NAME_SIZE];
} published;

int brd_store_open(brd_store *s, const unsigned char id[BRD_SERVER_ID_SIZE])
{
    *s = (brd_store){0};
    memcpy(s->id, id, sizeof s->id);
    return brd_os_mutex_init(&s->lock);
}

/* ------------------------------------------------------------------ objects */

int brd_store_add(brd_store *s, brd_managed *object)
{
    brd_os_mutex_lock(&s->lock);
    object->id = ++s->last_object;
    object->references = 1;
    int status = brd_numbers_set(&s->objects, object->id, object);
    brd_os_mutex_unlock(&s->lock);
    return status;
}

brd_managed *brd_store_get(brd_store *s, uint64_t id)
{
    brd_os_mutex_lock(&s->lock);
    brd_managed *object = brd_numbers_get(&s->objects, id);
    if (object)
        object->references++;
    brd_os_mutex_unlock(&s->lock);
    return object;
}

void brd_store_keep(brd_store *s, brd_managed *object)
{
    brd_os_mutex_lock(&s->lock);
    object->references++;
    brd_os_mutex_unlock(&s->lock);
}

// Under the lock. An object without references is out of the table, and on the list.
static void unrefer(brd_store *s, brd_managed *object, uint64_t count, brd_managed **dead)
{
    object->references -= count;
    if (object->references)
        return;
    (void)brd_numbers_take(&s->objects, object->id);
    object->next = *dead;
    *dead = object;
}

// The objects that a value refers to lose a reference; the value stays to be freed.
static void unrefer_all(brd_store *s, const brd_value *value, brd_managed **dead)
{
    size_t at = 0;
    const unsigned char *found;
    while ((found = brd_value_reference(value->bytes, value->size, &at)) != NULL) {
        brd_managed *object = brd_numbers_get(&s->objects, brd_get64(found + BRD_REFERENCE_OBJECT));
        if (object)
            unrefer(s, object, 1, dead);
    }
}

// What each one leaves behind may be the last that referred to others.
static void bury(brd_store *s, brd_managed *dead)
{
    while (dead) {
        brd_managed *object = dead;
        brd_remains left = {0};
        dead = object->next;
        if (object->type->destroy)
            object->type->destroy(object->state, &left);
        brd_os_mutex_lock(&s->lock);
        for (brd_value *v = left.values; v; v = v->next)
            if (v->refers)
                unrefer_all(s, v, &dead);
        if (left.object)
            unrefer(s, left.object, 1, &dead);
        brd_os_mutex_unlock(&s->lock);
        while (left.values) {
            brd_value *next = left.values->next;
            free(left.values);
            left.values = next;
        }
        brd_os_mutex_clear(&object->own);
        free(object->state);
        free(object);
    }
}

void brd_store_release(brd_store *s, brd_managed *object)
{
    brd_managed *dead = NULL;
    brd_os_mutex_lock(&s->lock);
    unrefer(s, object, 1, &dead);
    brd_os_mutex_unlock(&s->lock);
    bury(s, dead);
}

void brd_values_free(brd_store *s, brd_value *first)
{
    brd_managed *dead = NULL;
    brd_os_mutex_lock(&s->lock);
    for (brd_value *v = first; v; v = v->next)
        if (v->refers)
            unrefer_all(s, v, &dead);
    brd_os_mutex_unlock(&s->lock);
    while (first) {
        brd_value *next = first->next;
        free(first);
        first = next;
    }
    bury(s, dead);
}

brd_managed *brd_store_next(brd_store *s, bool (*wanted)(const brd_type *), uint64_t *at)
{
    brd_managed *object = NULL;
    brd_os_mutex_lock(&s->lock);
    while (!object && *at < s->last_object) {
        object = brd_numbers_get(&s->objects, ++*at);
        if (object && !wanted(object->type))
            object = NULL;
    }
    if (object)
        object->references++;
    brd_os_mutex_unlock(&s->lock);
    return object;
}

/* ------------------------------------------------------------------ tickets */

// Under the lock, as all with lists of tickets.
static void append(brd_tickets *list, brd_ticket *t)
{
    t->before = list->last;
    t->after = NULL;
    *(list->last ? &list->last->after : &list->first) = t;
    list->last = t;
    list->count++;
}

static void unlink_ticket(brd_tickets *list, brd_ticket *t)
{
    *(t->before ? &t->before->after : &list->first) = t->after;
    *(t->after ? &t->after->before : &list->last) = t->before;
    list->count--;
}

static void end_ticket(brd_store *s, brd_ticket *t, brd_managed **dead)
{
    (void)brd_numbers_take(&s->tickets, t->id);
    unlink_ticket(t->session ? &t->session->tickets : &s->orphans, t);
    unrefer(s, t->object, 1, dead);
    free(t);
}

int brd_ticket_make(brd_store *s, brd_session *session, brd_managed *object, uint64_t *out)
{
    brd_ticket *t = calloc(1, sizeof *t);
    if (!t)
        return BROOD_ENOMEM;
    t->object = object;
    t->session = session;
    brd_os_mutex_lock(&s->lock);
    t->id = ++s->last_ticket;
    int status = brd_numbers_set(&s->tickets, t->id, t);
    if (!status) {
        object->references++;
        append(&session->tickets, t);
        *out = t->id;
        brd_managed *late = atomic_load(&s->late);
        if (session->tickets.count > BRD_TICKETS_MAX)
            end_ticket(s, session->tickets.first, &late);
        atomic_store(&s->late, late);
    }
    brd_os_mutex_unlock(&s->lock);
    if (status)
        free(t);
    return status;
}

void brd_store_tidy(brd_store *s)
{
    if (!atomic_load(&s->late))
        return;
    brd_os_mutex_lock(&s->lock);
    brd_managed *dead = atomic_exchange(&s->late, NULL);
    brd_os_mutex_unlock(&s->lock);
    bury(s, dead);
}

void brd_ticket_end(brd_store *s, uint64_t ticket)
{
    brd_managed *dead = NULL;
    brd_os_mutex_lock(&s->lock);
    brd_ticket *t = brd_numbers_get(&s->tickets, ticket);
    if (t)
        end_ticket(s, t, &dead);
    brd_os_mutex_unlock(&s->lock);
    bury(s, dead);
}

brd_time brd_tickets_expire(brd_store *s, brd_time now)
{
    brd_managed *dead = NULL;
    brd_time next = BRD_FOREVER;
    brd_os_mutex_lock(&s->lock);
    while (s->orphans.first && s->orphans.first->expires <= now)
        end_ticket(s, s->orphans.first, &dead);
    if (s->orphans.first)
        next = s->orphans.first->expires;
    brd_os_mutex_unlock(&s->lock);
    bury(s, dead);
    return next;
}

/* ----------------------------------------------------------------- sessions */

static brd_session *find_session(brd_store *s, const unsigned char key[BRD_SESSION_SIZE])
{
    brd_session *session = s->sessions;
    while (session && memcmp(session->key, key, sizeof session->key) != 0)
        session = session->next;
    return session;
}

int brd_session_join(brd_store *s, unsigned char key[BRD_SESSION_SIZE], brd_session **out)
{
    static const unsigned char none[BRD_SESSION_SIZE];
    bool fresh = memcmp(key, none, sizeof none) == 0;
    int status = fresh ? apr_generate_random_bytes(key, BRD_SESSION_SIZE) : BROOD_OK;
    if (status)
        return status;
    brd_os_mutex_lock(&s->lock);
    brd_session *session = fresh ? NULL : find_session(s, key);
    if (!session)
        session = calloc(1, sizeof *session);
    if (session && !session->connections) {
        memcpy(session->key, key, sizeof session->key);
        session->number = ++s->last_session;
        session->next = s->sessions;
        s->sessions = session;
    }
    if (session)
        session->connections++;
    brd_os_mutex_unlock(&s->lock);
    if (!session)
        return BROOD_ENOMEM;
    *out = session;
    return BROOD_OK;
}

// Locks that a process had when it died, one by one: each is an object with a lock of its own.
static void abandon_locks(brd_store *s, brd_session *session)
{
    for (;;) {
        brd_os_mutex_lock(&s->lock);
        brd_held *held = session->held;
        brd_managed *object = held ? held->object : NULL;
        if (object)
            object->references++;
        brd_os_mutex_unlock(&s->lock);
        if (!object)
            return;
        brd_os_mutex_lock(object->guard);
        object->type->abandon(s, object->state, session);
        brd_os_mutex_unlock(object->guard);
        brd_store_release(s, object);
    }
}

static void drop_all(brd_store *s, brd_session *session, brd_managed **dead)
{
    size_t at = 0;
    for (reference *r; (r = brd_numbers_next(&session->references, &at)) != NULL;) {
        unrefer(s, r->object, r->count, dead);
        free(r);
    }
    brd_numbers_clear(&session->references);
    brd_time expires = brd_os_now() + BRD_TICKET_MINUTE_MS * BRD_MS;
    for (brd_ticket *t; (t = session->tickets.first) != NULL;) {
        unlink_ticket(&session->tickets, t);
        t->session = NULL;
        t->expires = expires;
        append(&s->orphans, t);
    }
}

// The caller's connection is still one of its own: so it cannot end meanwhile.
void brd_session_hang_up(brd_store *s, brd_session *session)
{
    brd_os_mutex_lock(&s->lock);
    bool all = ++session->hung_up == session->connections;
    brd_os_mutex_unlock(&s->lock);
    if (all)
        abandon_locks(s, session);
}

void brd_session_leave(brd_store *s, brd_session *session, bool hung_up)
{
    brd_managed *dead = NULL;
    if (!hung_up)
        brd_session_hang_up(s, session);
    brd_os_mutex_lock(&s->lock);
    session->hung_up--;
    bool ends = --session->connections == 0;
    brd_session **at = &s->sessions;
    while (ends && *at != session)
        at = &(*at)->next;
    if (ends)
        *at = session->next; // nobody can join it any more
    brd_os_mutex_unlock(&s->lock);
    if (!ends)
        return;
    brd_os_mutex_lock(&s->lock);
    drop_all(s, session, &dead);
    brd_os_mutex_unlock(&s->lock);
    bury(s, dead);
    free(session);
}

int brd_session_refer(brd_store *s, brd_session *session, brd_managed *object)
{
    int status = BROOD_OK;
    brd_os_mutex_lock(&s->lock);
    reference *r = brd_numbers_get(&session->references, object->id);
    if (!r) {
        r = calloc(1, sizeof *r);
        status = r ? brd_numbers_set(&session->references, object->id, r) : BROOD_ENOMEM;
        if (status)
            free(r);
    }
    if (!status) {
        r->object = object;
        r->count++;
        object->references++;
    }
    brd_os_mutex_unlock(&s->lock);
    return status;
}

int brd_session_drop(brd_store *s, brd_session *session, uint64_t object)
{
    brd_managed *dead = NULL;
    brd_os_mutex_lock(&s->lock);
    reference *r = brd_numbers_get(&session->references, object);
    int status = r ? BROOD_OK : BROOD_EINVAL;
    if (r) {
        unrefer(s, r->object, 1, &dead);
        if (--r->count == 0)
            free(brd_numbers_take(&session->references, object));
    }
    brd_os_mutex_unlock(&s->lock);
    bury(s, dead);
    return status;
}

void brd_session_hold(brd_store *s, brd_session *session, brd_held *held, brd_managed *object)
{
    brd_os_mutex_lock(&s->lock);
    *held = (brd_held){.object = object, .session = session, .after = session->held};
    if (session->held)
        session->held->before = held;
    session->held = held;
    object->references++;
    brd_os_mutex_unlock(&s->lock);
}

void brd_session_let_go(brd_store *s, brd_held *held)
{
    brd_os_mutex_lock(&s->lock);
    if (held->session) {
        *(held->before ? &held->before->after : &held->session->held) = held->after;
        if (held->after)
            held->after->before = held->before;
        held->object->references--; // never the last one
        *held = (brd_held){0};
    }
    brd_os_mutex_unlock(&s->lock);
}

/* -------------------------------------------------------------------- names */

static published **find_name(brd_store *s, const char *name)
{
    published **at = &s->names;
    while (*at && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

int brd_store_publish(brd_store *s, const char *name, brd_managed *object)
{
    brd_managed *dead = NULL;
    published *fresh = object ? calloc(1, sizeof *fresh) : NULL, *old;
    if (object && !fresh)
        return BROOD_ENOMEM;
    brd_os_mutex_lock(&s->lock);
    published **at = find_name(s, name);
    old = *at;
    if (old) {
        *at = old->next;
        unrefer(s, old->object, 1, &dead);
    }
    if (fresh) {
        memcpy(fresh->name, name, strlen(name) + 1);
        fresh->object = object;
        fresh->next = s->names;
        s->names = fresh;
        object->references++;
    }
    brd_os_mutex_unlock(&s->lock);
    free(old);
    bury(s, dead);
    return BROOD_OK;
}

brd_managed *brd_store_find(brd_store *s, const char *name)
{
    brd_os_mutex_lock(&s->lock);
    const published *p = *find_name(s, name);
    brd_managed *object = p ? p->object : NULL;
    if (object)
        object->references++;
    brd_os_mutex_unlock(&s->lock);
    return object;
}
