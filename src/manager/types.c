/**
 * The types by name, and how a call finds its method.
 */
#include "base/fail.h"
#include "manager/type.h"
#include <string.h>

static const brd_type *const types[] = {
    &brd_type_list,      &brd_type_dict,    &brd_type_set,     &brd_type_namespace,
    &brd_type_value,     &brd_type_array,   &brd_type_queue,   &brd_type_joinable,
    &brd_type_lock,      &brd_type_rlock,   &brd_type_event,   &brd_type_condition,
    &brd_type_semaphore, &brd_type_bounded, &brd_type_barrier, NULL};

const brd_type *brd_type_find(const char *name)
{
    for (const brd_type *const *at = types; *at; at++)
        if (strcmp((*at)->name, name) == 0)
            return *at;
    return brd_user_type_find(name);
}

static const brd_method *find_method(const brd_type *type, const char *name)
{
    const brd_method *m = type->methods;
    while (m->name && strcmp(m->name, name) != 0)
        m++;
    return m->name ? m : NULL;
}

int brd_type_run(brd_call *call, const char *name, const brd_method **out)
{
    const brd_type *type = call->object->type;
    if (brd_is_users(type))
        return brd_user_run(call, name);
    const brd_method *m = find_method(type, name);
    if (!m) {
        (void)brood_fail("%s has no method %s", type->name, name);
        return BROOD_EFUNCTION;
    }
    long count = m->least == BRD_ITEM ? BRD_ITEM : brd_call_count(call->args);
    if (count < m->least || (m->most != BRD_ANY && count > m->most)) {
        (void)brood_fail("%s.%s does not take that many values", type->name, name);
        return BROOD_ETYPE;
    }
    *out = m;
    return m->run(call, call->object->state);
}
