/**
 * The addresses of listeners: one syntax for both families, taken apart and put together.
 * No I/O. What each form means is told in <brood/listener.h>.
 */
#ifndef BRD_ADDRESS_H
#define BRD_ADDRESS_H

#include "os.h"

enum { BRD_HOST_SIZE = 256, BRD_ADDRESS_SIZE = BRD_HOST_SIZE + 16 };

typedef enum brd_family {
    BRD_FAMILY_FRESH, /* a private local name that is still to be made */
    BRD_FAMILY_WORD,  /* the local name that a word stands for */
    BRD_FAMILY_NAME,  /* a local name as the door gave it */
    BRD_FAMILY_TCP
} brd_family;

typedef struct brd_address {
    brd_family family;
    char text[BRD_HOST_SIZE]; /* the word, the name, or the host without brackets */
    uint16_t port;            /* 0: none, or any */
} brd_address;

/** Takes an address apart. Fails with: BROOD_EINVAL. */
int brd_address_parse(brd_address *out, const char *text);

/** Puts it together again. Fails with: BROOD_EINVAL (it does not fit, or has no text). */
int brd_address_print(const brd_address *a, char *buffer, size_t cap);

#endif
