/*
 * A library of somebody's. It knows nothing of tests, of main, or of who is a worker.
 */
#include "prices.h"
#include <brood/brood.h>

typedef struct price {
    int32_t cents, percent;
} price;

static int with_tax(brood_message *args, brood_message *result)
{
    size_t size;
    const price *p = brood_message_bytes(args, &size);
    if (size != sizeof *p)
        return BROOD_ETYPE;
    if (p->cents < 0)
        return brood_fail("a price of %d", (int)p->cents);
    return brood_pack(result, "x", p->cents + (int64_t)p->cents * p->percent / 100);
}

/* The prices one by one: no array of them is needed. */
typedef struct stream {
    const int32_t *cents;
    size_t count, next;
    int32_t percent;
} stream;

static int next_price(void *baton, brood_message *item)
{
    stream *s = baton;
    if (s->next == s->count)
        return BROOD_EEND;
    const price p = {.cents = s->cents[s->next++], .percent = s->percent};
    return brood_message_set(item, &p, sizeof p);
}

int prices_total(const int32_t *cents, size_t count, int32_t percent, uint32_t workers,
                 int64_t *total)
{
    stream s = {.cents = cents, .count = count, .percent = percent};
    brood_pool *pool = NULL;
    brood_results *out = NULL;
    int64_t sum = 0;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = workers));
    if (!status)
        status = brood_pool_map(pool, with_tax, brood_items_generator(next_price, &s), NULL, &out);
    for (size_t i = 0; !status && i < count; i++) {
        int64_t one = 0;
        status = brood_unpack(brood_results_at(out, i), "x", &one);
        sum += one;
    }
    if (!status)
        *total = sum;
    brood_results_destroy(out);
    brood_pool_destroy(pool);
    return status;
}
