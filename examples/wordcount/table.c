/*
 * Words and how often each was seen. What goes over the wire are two of its arrays as
 * they are, `words` and `counts`; the rest only finds a word quickly. A slot holds the
 * hash too, so that words which only share a place are passed by without a look.
 */
#include "wordcount.h"
#include <stdlib.h>
#include <string.h>

struct table_slot {
    uint32_t hash;
    uint32_t word; /* its index + 1; 0: free */
};

struct table_place {
    size_t start; /* in words */
    size_t slot;
};

enum { FIRST_ROOM = 256, FIRST_WORDS = 4096 };

static size_t next_slot(const table *t, size_t slot)
{
    return (slot + 1) & (t->slot_count - 1);
}

static size_t first_slot(const table *t, uint32_t hash)
{
    return (hash ^ hash >> 15) & (t->slot_count - 1);
}

static bool is_word(const table *t, uint32_t index, const char *word, size_t length)
{
    const char *other = t->words + t->places[index].start;
    return strncmp(other, word, length) == 0 && !other[length];
}

// Where the word is, or the free slot where it belongs.
static size_t find_slot(const table *t, const char *word, size_t length, uint32_t hash)
{
    size_t at = first_slot(t, hash);
    while (t->slots[at].word &&
           !(t->slots[at].hash == hash && is_word(t, t->slots[at].word - 1, word, length)))
        at = next_slot(t, at);
    return at;
}

static void move_slots(table *t, const struct table_slot *old, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!old[i].word)
            continue;
        size_t at = first_slot(t, old[i].hash);
        while (t->slots[at].word)
            at = next_slot(t, at);
        t->slots[at] = old[i];
        t->places[old[i].word - 1].slot = at;
    }
}

// Room for twice the words; half of the slots stay free, so that looking stays short.
static int grow(table *t)
{
    size_t room = t->room ? t->room * 2 : FIRST_ROOM;
    if (room > UINT32_MAX / 2)
        return BROOD_ENOMEM;
    void *places = realloc(t->places, room * sizeof *t->places);
    if (places)
        t->places = places;
    void *counts = realloc(t->counts, room * sizeof *t->counts);
    if (counts)
        t->counts = counts;
    struct table_slot *slots = calloc(room * 2, sizeof *slots);
    if (!places || !counts || !slots) {
        free(slots);
        return BROOD_ENOMEM;
    }
    struct table_slot *old = t->slots;
    size_t old_count = t->slot_count;
    t->slots = slots;
    t->slot_count = room * 2;
    t->room = room;
    move_slots(t, old, old_count);
    free(old);
    return BROOD_OK;
}

static int grow_words(table *t, size_t need)
{
    size_t room = t->words_room ? t->words_room : FIRST_WORDS;
    while (room < need)
        room *= 2;
    char *words = realloc(t->words, room);
    if (!words)
        return BROOD_ENOMEM;
    t->words = words;
    t->words_room = room;
    return BROOD_OK;
}

static int add_new(table *t, const char *word, size_t length, uint64_t count)
{
    size_t end = t->words_size + length + 1;
    int status = end > t->words_room ? grow_words(t, end) : BROOD_OK;
    if (status)
        return status;
    memcpy(t->words + t->words_size, word, length);
    t->words[end - 1] = 0;
    t->places[t->used].start = t->words_size;
    t->counts[t->used++] = count;
    t->words_size = end;
    return BROOD_OK;
}

int table_add(table *t, const char *word, size_t length, uint32_t hash, uint64_t count)
{
    int status = t->used == t->room ? grow(t) : BROOD_OK;
    if (status)
        return status;
    size_t at = find_slot(t, word, length, hash);
    if (t->slots[at].word) {
        t->counts[t->slots[at].word - 1] += count;
        return BROOD_OK;
    }
    status = add_new(t, word, length, count);
    if (status)
        return status;
    t->slots[at] = (struct table_slot){.hash = hash, .word = (uint32_t)t->used};
    t->places[t->used - 1].slot = at;
    return BROOD_OK;
}

int table_add_packed(table *t, const char *words, size_t size, const uint64_t *counts, size_t n)
{
    const char *end = words + size;
    int status = BROOD_OK;
    for (size_t i = 0; !status && i < n; i++) {
        const char *word = words;
        uint32_t hash = HASH_START;
        while (words < end && *words)
            hash = hash_byte(hash, (unsigned char)*words++);
        if (words == end)
            return BROOD_ETYPE;
        status = table_add(t, word, (size_t)(words++ - word), hash, counts[i]);
    }
    return status;
}

const char *table_word(const table *t, size_t index)
{
    return t->words + t->places[index].start;
}

void table_reset(table *t)
{
    for (size_t i = 0; i < t->used; i++)
        t->slots[t->places[i].slot].word = 0;
    t->used = 0;
    t->words_size = 0;
}

void table_clear(table *t)
{
    free(t->words);
    free(t->counts);
    free(t->places);
    free(t->slots);
    *t = (table){0};
}
