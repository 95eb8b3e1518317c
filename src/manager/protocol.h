/**
 * What clients and the server of a manager say to each other: messages of a pipe, one
 * request and then one answer at a time on each connection.
 *
 *     request  op, size of the name, object, thread, timeout, ticket; the name; the arguments
 *     answer   status, code; the result, or the text of what is wrong
 *
 * The first request of a connection is BRD_ASK_HELLO, whose arguments are a brd_hello_from.
 */
#ifndef BRD_MANAGER_PROTOCOL_H
#define BRD_MANAGER_PROTOCOL_H

#include <brood/message.h>
#include <stdbool.h>

enum {
    BRD_MANAGER_MAGIC = 0x314d5242, /* "BRM1": another version has another one */
    BRD_SERVER_ID_SIZE = 16,
    BRD_SESSION_SIZE = 16,
    BRD_MANAGED_NAME_SIZE = 128, /* of a type, a method, or what was published, with a NUL */
    BRD_REQUEST_SIZE = 40,
    BRD_ANSWER_HEAD_SIZE = 8
};

typedef enum brd_ask {
    BRD_ASK_HELLO = 1, /* -> who the server is, and the session */
    BRD_ASK_CREATE,    /* name: a type, arguments -> object */
    BRD_ASK_CALL,      /* object, name: a method, arguments -> result */
    BRD_ASK_TICKET,    /* object -> ticket: it is on its way */
    BRD_ASK_TAKE,      /* object, ticket -> name of the type: the session refers to it now */
    BRD_ASK_DROP,      /* object: no longer */
    BRD_ASK_PUBLISH,   /* name, object or 0 */
    BRD_ASK_FIND       /* name -> object, name of the type: as BRD_ASK_TAKE */
} brd_ask;

typedef struct brd_request {
    uint32_t ask; /* a brd_ask */
    uint64_t object;
    uint64_t thread; /* of the client: what an RLock belongs to */
    int64_t timeout; /* milliseconds; negative: for ever */
    uint64_t ticket;
    char name[BRD_MANAGED_NAME_SIZE];
} brd_request;

/** Makes *out the request with these arguments (NULL: none). Fails with: BROOD_ENOMEM. */
int brd_request_write(brood_message *out, const brd_request *request, const brood_message *args);

/**
 * Reads a request; *args becomes a view of its arguments, in the bytes of `in`.
 * Fails with: BROOD_EPROTOCOL.
 */
int brd_request_read(brood_message *in, brd_request *request, brood_message *args);

/** Begins an answer: room for its head, behind which the result is to be appended. */
int brd_answer_begin(brood_message *out);

/** Completes it: `out` has the result, or, if status is not 0, becomes text. */
int brd_answer_end(brood_message *out, int status, int code, const char *text);

/** The head of an answer. Fails with: BROOD_EPROTOCOL. */
int brd_answer_read(const brood_message *in, int *status, int *code);

/* What stands behind the head in answers to others than BRD_ASK_CALL. */

/** Who is there: arguments and answer of BRD_ASK_HELLO. */
typedef struct brd_hello_from {
    unsigned char server[BRD_SERVER_ID_SIZE];
    unsigned char session[BRD_SESSION_SIZE]; /* zeroed in the request: a new one */
    int64_t pid;                             /* of the server, as the next; 0 in the request */
    uint64_t limit;                          /* bytes of a request */
} brd_hello_from;

int brd_hello_write(brood_message *out, const brd_hello_from *hello);
/** Fails with: BROOD_EPROTOCOL (no manager, another version). */
int brd_hello_read(const brood_message *in, size_t at, brd_hello_from *hello);

/* -------------------------------------------------- proxies in messages */

enum {
    BRD_EXT_PROXY = 'P',
    BRD_REFERENCE_SIZE = BRD_SERVER_ID_SIZE + 16, /* server, object, ticket */
    BRD_REFERENCE_OBJECT = BRD_SERVER_ID_SIZE,
    BRD_REFERENCE_TICKET = BRD_SERVER_ID_SIZE + 8
};

/** The local address of a server: "local:" and a word that stands for its id. */
enum { BRD_SERVER_ADDRESS_SIZE = 48 };
void brd_server_address(const unsigned char id[BRD_SERVER_ID_SIZE],
                        char out[BRD_SERVER_ADDRESS_SIZE]);

#endif
