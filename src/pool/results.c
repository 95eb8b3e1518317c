/**
 * Results: what a map gave, item by item.
 */
#include "pool/job.h"
#include <stdlib.h>

brood_results *brd_results_make(size_t count)
{
    if (count > SIZE_MAX / sizeof(brd_outcome) - 16)
        return NULL;
    brood_results *r = calloc(1, sizeof *r + count * sizeof(brd_outcome));
    if (r)
        r->count = count;
    return r;
}

int brd_results_first_failure(const brood_results *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->outcomes[i].status)
            return r->outcomes[i].status;
    return BROOD_OK;
}

size_t brood_results_count(const brood_results *r)
{
    return r ? r->count : 0;
}

int brood_results_status(const brood_results *r, size_t index)
{
    return r && index < r->count ? r->outcomes[index].status : BROOD_EINVAL;
}

// For a failure whose details found no memory, and for an index out of range.
static const brood_error *plain_error(int status)
{
    static _Thread_local brood_error error;
    error = (brood_error){.status = status, .text = brood_status_text(status), .function = ""};
    return &error;
}

const brood_error *brood_results_error(const brood_results *r, size_t index)
{
    int status = brood_results_status(r, index);
    if (!status)
        return NULL;
    const brood_error *error = r && index < r->count ? r->outcomes[index].u.error : NULL;
    return error ? error : plain_error(status);
}

void brd_outcome_view(const brd_outcome *o, brood_message *view)
{
    if (o->status) {
        (void)brd_message_fail(view, o->u.error ? o->u.error : plain_error(o->status));
        return;
    }
    // A view is never written through.
    const unsigned char *bytes = o->size > sizeof o->u.inside ? o->u.bytes : o->u.inside;
    brd_message_view(view, (void *)(uintptr_t)bytes, (size_t)o->size);
}

brood_message *brood_results_at(brood_results *r, size_t index)
{
    if (!r)
        return NULL;
    const brd_outcome none = {.status = BROOD_EINVAL};
    brd_outcome_view(index < r->count ? &r->outcomes[index] : &none, &r->view);
    return &r->view;
}

void brood_results_destroy(brood_results *r)
{
    if (!r)
        return;
    brood_message_clear(&r->view);
    for (size_t i = 0; i < r->count; i++)
        brd_outcome_clear(&r->outcomes[i]);
    free(r);
}
