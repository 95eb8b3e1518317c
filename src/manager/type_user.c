/**
 * Types that users register, and their objects. Methods of one object take turns, by a line
 * and not by the object's lock, so that who waits for his turn can give up, or die.
 */
#include "base/fail.h"
#include "ipc/message.h"
#include "manager/type.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct registered {
    struct registered *next;
    const brood_manager_type *users;
    brd_type type;
} registered;

typedef struct user_object {
    const brood_manager_type *users;
    void *self;
    bool made;
    bool busy; /* a method runs */
    brd_line line;
} user_object;

static _Atomic(registered *) all; // only ever added to, as the functions of base/registry.c
static _Thread_local void *the_self;

void *brood_manager_self(void)
{
    return the_self;
}

/* -------------------------------------------------------------------- objects */

static int create(brd_call *call, void *state)
{
    user_object *u = state;
    u->users = call->object->type->users;
    int code = u->users->create ? u->users->create(call->args, &u->self) : 0;
    u->made = code == 0;
    call->code = code;
    return code ? BROOD_ETASK : BROOD_OK;
}

static void destroy(void *state, brd_remains *left)
{
    user_object *u = state;
    (void)left;
    if (u->made && u->users->destroy)
        u->users->destroy(u->self);
}

static brood_function *find_function(const brood_manager_type *type, const char *name)
{
    const brood_manager_method *m = type->methods;
    while (m && m->name && strcmp(m->name, name) != 0)
        m++;
    return m && m->name ? m->function : NULL;
}

// Its result is a message of its own: a function may do with it what it wants.
static int run(brd_call *call, void *self, brood_function *function)
{
    brood_message result = BROOD_MESSAGE_INIT;
    the_self = self;
    brd_fail_reset();
    int status = BROOD_OK;
    call->code = function(call->args, &result);
    the_self = NULL;
    void *room = NULL;
    if (call->code)
        status = BROOD_ETASK;
    else if (brd_message_cargo(&result))
        status = BROOD_ENOTSUP;
    else if (!(room = brd_message_grow(call->result, result.size)))
        status = BROOD_ENOMEM;
    else if (result.size)
        memcpy(room, brd_message_at(&result), result.size);
    brood_message_clear(&result);
    return status;
}

int brd_user_run(brd_call *call, const char *method)
{
    user_object *u = call->object->state;
    brd_mutex *lock = call->object->guard;
    int status = BROOD_OK;
    brood_function *function = find_function(u->users, method);
    if (!function) {
        (void)brood_fail("%s has no method %s", u->users->name, method);
        return BROOD_EFUNCTION;
    }
    while (!status && u->busy)
        status = brd_line_wait(&u->line, call->place, lock, call->until);
    if (status)
        return status;
    u->busy = true;
    brd_os_mutex_unlock(lock);
    brd_place_watch(call->place);
    status = run(call, u->self, function);
    brd_place_unwatch(call->place);
    brd_os_mutex_lock(lock);
    u->busy = false;
    brd_line_wake_one(&u->line);
    return status;
}

void brd_user_end(brd_managed *object)
{
    user_object *u = object->state;
    brd_os_mutex_lock(object->guard);
    bool idle = !u->busy;
    u->busy = true; // no method will run any more
    brd_os_mutex_unlock(object->guard);
    if (idle)
        destroy(u, NULL);
    if (idle)
        u->made = false;
}

/* ---------------------------------------------------------------------- types */

bool brd_is_users(const brd_type *type)
{
    return type->users != NULL;
}

static const registered *find(const registered *r, const char *name)
{
    while (r && strcmp(r->users->name, name) != 0)
        r = r->next;
    return r;
}

const brd_type *brd_user_type_find(const char *name)
{
    const registered *r = find(atomic_load(&all), name);
    return r ? &r->type : NULL;
}

int brood_manager_register(const brood_manager_type *type)
{
    size_t size = type && type->name ? strlen(type->name) : 0;
    if (!size || size >= BRD_MANAGED_NAME_SIZE)
        return BROOD_EINVAL;
    const brd_type *there = brd_type_find(type->name);
    if (there)
        return there->users == type ? BROOD_OK : BROOD_EBUSY;
    registered *r = calloc(1, sizeof *r);
    if (!r)
        return BROOD_ENOMEM;
    r->users = type;
    r->type = (brd_type){.name = type->name,
                         .size = sizeof(user_object),
                         .least = BRD_ITEM,
                         .create = create,
                         .destroy = destroy,
                         .users = type};
    r->next = atomic_load(&all);
    do {
        const registered *same = find(r->next, type->name);
        if (same) {
            int status = same->users == type ? BROOD_OK : BROOD_EBUSY;
            free(r);
            return status;
        }
    } while (!atomic_compare_exchange_weak(&all, &r->next, r));
    return BROOD_OK;
}
