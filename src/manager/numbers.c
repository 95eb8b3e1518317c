/**
 * A table from numbers to pointers. See numbers.h.
 *
 * Linear probing; what is taken out closes its gap at once, so that there are no
 * tombstones and a table that was full once is as good as new.
 */
#include "manager/numbers.h"
#include <brood/status.h>
#include <stdlib.h>

enum { FIRST_ROOM = 16 };

// The finaliser of MurmurHash3: numbers in a row are spread over the table.
static size_t home(const brd_numbers *t, uint64_t number)
{
    number ^= number >> 33;
    number *= UINT64_C(0xff51afd7ed558ccd);
    number ^= number >> 33;
    return (size_t)number & (t->room - 1);
}

/** Where it is, or the free place where it would be. */
static size_t find(const brd_numbers *t, uint64_t number)
{
    size_t at = home(t, number);
    while (t->places[at].what && t->places[at].number != number)
        at = (at + 1) & (t->room - 1);
    return at;
}

static int grow(brd_numbers *t)
{
    brd_numbers larger = {.room = t->room ? t->room * 2 : FIRST_ROOM, .count = t->count};
    larger.places = calloc(larger.room, sizeof *larger.places);
    if (!larger.places)
        return BROOD_ENOMEM;
    for (size_t i = 0; i < t->room; i++)
        if (t->places[i].what)
            larger.places[find(&larger, t->places[i].number)] = t->places[i];
    free(t->places);
    *t = larger;
    return BROOD_OK;
}

void *brd_numbers_get(const brd_numbers *t, uint64_t number)
{
    return t->room ? t->places[find(t, number)].what : NULL;
}

int brd_numbers_set(brd_numbers *t, uint64_t number, void *what)
{
    int status = t->count + 1 > t->room / 4 * 3 ? grow(t) : BROOD_OK;
    if (status)
        return status;
    brd_number *place = &t->places[find(t, number)];
    t->count += !place->what;
    *place = (brd_number){number, what};
    return BROOD_OK;
}

// Those behind the gap that would no longer be found move up.
static void close_gap(brd_numbers *t, size_t gap)
{
    size_t mask = t->room - 1;
    for (size_t at = (gap + 1) & mask; t->places[at].what; at = (at + 1) & mask) {
        size_t from_home = (at - home(t, t->places[at].number)) & mask;
        if (from_home < ((at - gap) & mask))
            continue;
        t->places[gap] = t->places[at];
        t->places[at].what = NULL;
        gap = at;
    }
}

void *brd_numbers_take(brd_numbers *t, uint64_t number)
{
    size_t at = t->room ? find(t, number) : 0;
    void *what = t->room ? t->places[at].what : NULL;
    if (!what)
        return NULL;
    t->places[at].what = NULL;
    t->count--;
    close_gap(t, at);
    return what;
}

void *brd_numbers_next(const brd_numbers *t, size_t *at)
{
    while (*at < t->room) {
        void *what = t->places[(*at)++].what;
        if (what)
            return what;
    }
    return NULL;
}

void brd_numbers_clear(brd_numbers *t)
{
    free(t->places);
    *t = (brd_numbers){0};
}
