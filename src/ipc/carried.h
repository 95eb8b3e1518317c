/**
 * What a message can carry besides values: ends of pipes, and what processes share. To pack
 * one is to describe it, by handles and bytes; to unpack it is to make another one of that.
 */
#ifndef BRD_CARRIED_H
#define BRD_CARRIED_H

#include "sync/object.h"

enum {
    BRD_CARRIED_HANDLES = 4, /* of one thing */
    BRD_CARRIED_BYTES = 640,
    BRD_CARRIED_AT_ONCE = 64 /* things that one call unpacks */
};

/** A description. */
typedef struct brd_carried {
    brd_handle handles[BRD_CARRIED_HANDLES]; /* borrowed */
    uint32_t nhandles;
    uint32_t size;
    unsigned char bytes[BRD_CARRIED_BYTES];
} brd_carried;

/** A kind of thing that can be carried. */
typedef struct brd_carried_class {
    char letter; /* of brood_pack; also its extension type in MessagePack */
    /** Fails with: BROOD_EINVAL (it is none of this process), BROOD_EBUSY ... */
    int (*describe)(void *object, brd_carried *out);
    /** What comes out has handles of its own; the bytes may come from anywhere. */
    int (*make)(void **out, const brd_carried *from);
    /** Accepts NULL. */
    void (*destroy)(void *object);
    /** Set, and all functions NULL: it is a segment and nothing else. */
    const brd_object_class *object;
} brd_carried_class;

/** Proxies of managed objects: the floor above has them. */
extern const brd_carried_class brd_carried_proxy;

/** NULL: there is no such letter. */
const brd_carried_class *brd_carried_find(char letter);

int brd_carried_describe(const brd_carried_class *kind, void *object, brd_carried *out);
int brd_carried_make(const brd_carried_class *kind, void **out, const brd_carried *from);
void brd_carried_destroy(const brd_carried_class *kind, void *object);

#endif
