/**
 * Requests and answers as bytes. See protocol.h. What comes in is checked here, once:
 * whoever has the key may send anything.
 */
#include "manager/protocol.h"
#include "base/bytes.h"
#include "ipc/message.h"
#include "os.h"
#include <stdio.h>
#include <string.h>

/* Where the parts of a hello are. */
enum {
    HELLO_SERVER = 8,
    HELLO_SESSION = HELLO_SERVER + BRD_SERVER_ID_SIZE,
    HELLO_PID = HELLO_SESSION + BRD_SESSION_SIZE,
    HELLO_LIMIT = HELLO_PID + 8,
    HELLO_SIZE = HELLO_LIMIT + 8
};

int brd_request_write(brood_message *out, const brd_request *request, const brood_message *args)
{
    size_t name = strlen(request->name), size = args ? args->size : 0;
    unsigned char *at = brood_message_reserve(out, BRD_REQUEST_SIZE + name + size);
    if (!at)
        return BROOD_ENOMEM;
    brd_put32(at, request->ask);
    brd_put32(at + 4, (uint32_t)name);
    brd_put64(at + 8, request->object);
    brd_put64(at + 16, request->thread);
    brd_put64(at + 24, (uint64_t)request->timeout);
    brd_put64(at + 32, request->ticket);
    memcpy(at + BRD_REQUEST_SIZE, request->name, name);
    if (size)
        memcpy(at + BRD_REQUEST_SIZE + name, brd_message_at(args), size);
    return BROOD_OK;
}

int brd_request_read(brood_message *in, brd_request *request, brood_message *args)
{
    unsigned char *at = brd_message_at(in);
    size_t name = in->size < BRD_REQUEST_SIZE ? 0 : brd_get32(at + 4);
    if (in->size < BRD_REQUEST_SIZE || name >= sizeof request->name ||
        in->size - BRD_REQUEST_SIZE < name)
        return BROOD_EPROTOCOL;
    *request = (brd_request){.ask = brd_get32(at),
                             .object = brd_get64(at + 8),
                             .thread = brd_get64(at + 16),
                             .timeout = (int64_t)brd_get64(at + 24),
                             .ticket = brd_get64(at + 32)};
    memcpy(request->name, at + BRD_REQUEST_SIZE, name);
    if (memchr(request->name, 0, name))
        return BROOD_EPROTOCOL;
    brd_message_view(args, at + BRD_REQUEST_SIZE + name, in->size - BRD_REQUEST_SIZE - name);
    return BROOD_OK;
}

int brd_answer_begin(brood_message *out)
{
    unsigned char *head = brood_message_reserve(out, BRD_ANSWER_HEAD_SIZE);
    if (!head)
        return BROOD_ENOMEM;
    memset(head, 0, BRD_ANSWER_HEAD_SIZE);
    return BROOD_OK;
}

// A text instead of what was appended.
static int append_text(brood_message *out, brd_span text)
{
    unsigned char *at = brood_message_reserve(out, BRD_ANSWER_HEAD_SIZE + text.size);
    if (!at)
        return BROOD_ENOMEM;
    if (text.size)
        memcpy(at + BRD_ANSWER_HEAD_SIZE, text.bytes, text.size);
    return BROOD_OK;
}

int brd_answer_end(brood_message *out, int status, int code, const char *text)
{
    if (status && append_text(out, (brd_span){text, strlen(text)}))
        return BROOD_ENOMEM;
    unsigned char *at = brd_message_at(out);
    brd_put32(at, (uint32_t)status);
    brd_put32(at + 4, (uint32_t)code);
    return BROOD_OK;
}

int brd_answer_read(const brood_message *in, int *status, int *code)
{
    const unsigned char *at = brd_message_at(in);
    if (in->size < BRD_ANSWER_HEAD_SIZE)
        return BROOD_EPROTOCOL;
    *status = (int)brd_get32(at);
    *code = (int)brd_get32(at + 4);
    return BROOD_OK;
}

int brd_hello_write(brood_message *out, const brd_hello_from *hello)
{
    unsigned char *at = brd_message_grow(out, HELLO_SIZE);
    if (!at)
        return BROOD_ENOMEM;
    brd_put64(at, BRD_MANAGER_MAGIC);
    memcpy(at + HELLO_SERVER, hello->server, BRD_SERVER_ID_SIZE);
    memcpy(at + HELLO_SESSION, hello->session, BRD_SESSION_SIZE);
    brd_put64(at + HELLO_PID, (uint64_t)hello->pid);
    brd_put64(at + HELLO_LIMIT, hello->limit);
    return BROOD_OK;
}

int brd_hello_read(const brood_message *in, size_t at, brd_hello_from *hello)
{
    const unsigned char *bytes = brd_message_at(in) + at;
    if (in->size != at + HELLO_SIZE || brd_get64(bytes) != BRD_MANAGER_MAGIC)
        return BROOD_EPROTOCOL;
    memcpy(hello->server, bytes + HELLO_SERVER, BRD_SERVER_ID_SIZE);
    memcpy(hello->session, bytes + HELLO_SESSION, BRD_SESSION_SIZE);
    hello->pid = (int64_t)brd_get64(bytes + HELLO_PID);
    hello->limit = brd_get64(bytes + HELLO_LIMIT);
    return BROOD_OK;
}

void brd_server_address(const unsigned char id[BRD_SERVER_ID_SIZE],
                        char out[BRD_SERVER_ADDRESS_SIZE])
{
    int at = snprintf(out, BRD_SERVER_ADDRESS_SIZE, "local:m-");
    for (int i = 0; i < BRD_SERVER_ID_SIZE; i++)
        at += snprintf(out + at, BRD_SERVER_ADDRESS_SIZE - (size_t)at, "%02x", id[i]);
}
