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

/**
 * What both sides of a connection know the listener by, which their tags stand for: the
 * local name, the TCP address that was reached, or what both were told to call it.
 */
typedef struct brd_endpoint {
    unsigned char bytes[1 + BRD_HOST_SIZE];
    size_t size;
} brd_endpoint;

int brd_endpoint_of_local(brd_endpoint *out, const char *name);
void brd_endpoint_of_tcp(brd_endpoint *out, const uint8_t address[18]);
int brd_endpoint_of_label(brd_endpoint *out, const char *label);

/** Puts it together again. Fails with: BROOD_EINVAL (it does not fit, or has no text). */
int brd_address_print(const brd_address *a, char *buffer, size_t cap);

#endif
