/**
 * Proxies: what a process has in its hand of an object. Each is one reference of the
 * process's session.
 */
#include "manager/proxy.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/generation.h"
#include "ipc/carried.h"
#include "ipc/message.h"
#include "manager/client.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RESULTS = 4 };

int64_t brd_proxy_patience = 5000;

struct brood_proxy {
    unsigned generation;
    brd_client *client;
    uint64_t object;
    char type[BRD_MANAGED_NAME_SIZE];
};

static bool is_ours(const brood_proxy *p)
{
    return p && p->generation == brd_generation();
}

int brd_proxy_make(brood_proxy **out, brd_client *client, uint64_t object, const char *type)
{
    brood_proxy *p = calloc(1, sizeof *p);
    size_t size = strlen(type);
    if (!p || size >= sizeof p->type) {
        free(p);
        return p ? BROOD_EPROTOCOL : BROOD_ENOMEM;
    }
    p->generation = brd_generation();
    p->client = client;
    p->object = object;
    memcpy(p->type, type, size + 1);
    brd_client_keep(client);
    *out = p;
    return BROOD_OK;
}

brd_client *brd_proxy_client(const brood_proxy *p)
{
    return is_ours(p) ? p->client : NULL;
}

void brood_proxy_destroy(brood_proxy *p)
{
    if (!is_ours(p))
        return;
    brd_drop(p->client, p->object);
    brd_client_release(p->client);
    free(p);
}

void brd_drop(brd_client *client, uint64_t object)
{
    const brd_request request = {.ask = BRD_ASK_DROP, .object = object};
    brood_message answer = BROOD_MESSAGE_INIT;
    (void)brd_client_ask(client, &request, NULL, &answer, brd_client_patience(), NULL);
    brood_message_clear(&answer);
}

const char *brood_proxy_type(const brood_proxy *p)
{
    return p ? p->type : "";
}

uint64_t brood_proxy_id(const brood_proxy *p)
{
    return p ? p->object : 0;
}

/* --------------------------------------------------------------------- calls */

// The answer's text becomes that of an error which the result carries.
static void fail(const brood_proxy *p, const brd_request *request, const brood_message *answer,
                 int status, int code, brood_message *result)
{
    char text[1024], function[2 * BRD_MANAGED_NAME_SIZE];
    bool told = answer->size > BRD_ANSWER_HEAD_SIZE;
    size_t size = told ? answer->size - BRD_ANSWER_HEAD_SIZE : 0;
    if (size >= sizeof text)
        size = sizeof text - 1;
    if (told)
        memcpy(text, brd_message_at(answer) + BRD_ANSWER_HEAD_SIZE, size);
    text[size] = 0;
    (void)snprintf(function, sizeof function, "%s.%s", p->type, request->name);
    const brood_error error = {.status = status,
                               .code = code,
                               .text = told ? text : brood_status_text(status),
                               .function = function,
                               .worker = brd_client_pid(p->client)};
    (void)brd_message_fail(result, &error);
}

static int fill(brood_message *result, const brood_message *answer)
{
    return brood_message_set(result, brd_message_at(answer) + BRD_ANSWER_HEAD_SIZE,
                             answer->size - BRD_ANSWER_HEAD_SIZE);
}

// Who waited for a condition has its lock again before anything else: others have it for as long
// as they want, and a caller who gave up meanwhile could not know whose it is.
static bool takes_its_lock(const brood_proxy *p, const char *method)
{
    return strcmp(p->type, "Condition") == 0 && strcmp(method, "wait") == 0;
}

static brd_time patience_of(const brood_proxy *p, const char *method, int64_t timeout)
{
    if (brd_until(timeout) == BRD_FOREVER || timeout > INT64_MAX - brd_proxy_patience ||
        takes_its_lock(p, method))
        return BRD_FOREVER;
    return brd_until(timeout + brd_proxy_patience);
}

int brood_proxy_call(brood_proxy *p, const char *method, const brood_message *args,
                     brood_message *result, int64_t timeout)
{
    brd_request request = {.ask = BRD_ASK_CALL, .timeout = timeout};
    brood_message answer = BROOD_MESSAGE_INIT;
    size_t size = method ? strlen(method) : 0;
    int code = 0;
    if (!is_ours(p) || !size || size >= sizeof request.name || (args && brood_message_error(args)))
        return BROOD_EINVAL;
    if (args && brd_message_cargo(args))
        return BROOD_ENOTSUP;
    memcpy(request.name, method, size);
    request.object = p->object;
    request.thread = brd_client_thread();
    int status =
        brd_client_ask(p->client, &request, args, &answer, patience_of(p, method, timeout), &code);
    bool holds = status == BROOD_OK || status == BROOD_EOWNERDEAD;
    if (result && holds) {
        int filled = status ? BROOD_OK : fill(result, &answer);
        status = status ? status : filled;
    } else if (result) {
        fail(p, &request, &answer, status, code, result);
    }
    brood_message_clear(&answer);
    return status;
}

/** A format taken apart: results, and arguments. */
typedef struct halves {
    char results[MOST_RESULTS + 1];
    void *outs[MOST_RESULTS];
    const char *arguments;
} halves;

// Only results that are whole without the message they came in.
static int split(halves *h, const char *format)
{
    const char *equals = strchr(format, '=');
    size_t count = equals ? (size_t)(equals - format) : 0;
    *h = (halves){.arguments = equals ? equals + 1 : format};
    if (count > MOST_RESULTS)
        return BROOD_EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!strchr("bynqiuxtdP", format[i]))
            return BROOD_EINVAL;
    memcpy(h->results, format, count);
    return BROOD_OK;
}

int brood_proxy_run(brood_proxy *p, const char *method, int64_t timeout, const char *format, ...)
{
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    halves h;
    va_list values;
    int status = format ? split(&h, format) : BROOD_EINVAL;
    if (status)
        return status;
    va_start(values, format);
    for (size_t i = 0; h.results[i]; i++)
        h.outs[i] = va_arg(values, void *);
    status = brood_vpack(&args, h.arguments, values);
    va_end(values);
    if (!status)
        status = brood_proxy_call(p, method, &args, *h.results ? &result : NULL, timeout);
    if (!status && *h.results)
        status = brood_unpack(&result, h.results, h.outs[0], h.outs[1], h.outs[2], h.outs[3]);
    brood_message_clear(&args);
    brood_message_clear(&result);
    return status;
}

int brood_proxy_ask(brood_proxy *p, const char *method, brood_message *result, int64_t timeout,
                    const char *format, ...)
{
    brood_message args = BROOD_MESSAGE_INIT;
    va_list values;
    if (!format)
        return BROOD_EINVAL;
    va_start(values, format);
    int status = brood_vpack(&args, format, values);
    va_end(values);
    if (!status)
        status = brood_proxy_call(p, method, &args, result, timeout);
    brood_message_clear(&args);
    return status;
}

/* --------------------------------------------------------------- in messages */

// Without handles: who it is, and a ticket that keeps it until it has come.
static int describe(void *object, brd_carried *out)
{
    brood_proxy *p = object;
    if (!is_ours(p))
        return BROOD_EINVAL;
    const brd_request request = {.ask = BRD_ASK_TICKET, .object = p->object};
    brood_message answer = BROOD_MESSAGE_INIT;
    uint64_t ticket = 0;
    int status = brd_client_ask(p->client, &request, NULL, &answer, brd_client_patience(), NULL);
    answer.position = BRD_ANSWER_HEAD_SIZE;
    if (!status)
        status = brood_unpack(&answer, "t", &ticket);
    brood_message_clear(&answer);
    if (status)
        return status;
    out->nhandles = 0;
    out->size = BRD_REFERENCE_SIZE;
    memcpy(out->bytes, brd_client_server(p->client), BRD_SERVER_ID_SIZE);
    brd_put64(out->bytes + BRD_REFERENCE_OBJECT, p->object);
    brd_put64(out->bytes + BRD_REFERENCE_TICKET, ticket);
    return BROOD_OK;
}

int brd_proxy_ask_for(brood_proxy **out, brd_client *client, const brd_request *request)
{
    brood_message answer = BROOD_MESSAGE_INIT;
    uint64_t object = 0;
    const char *type;
    int status = brd_client_ask(client, request, NULL, &answer, brd_client_patience(), NULL);
    answer.position = BRD_ANSWER_HEAD_SIZE;
    if (!status)
        status = brood_unpack(&answer, "ts", &object, &type);
    if (!status) {
        status = brd_proxy_make(out, client, object, type);
        if (status)
            brd_drop(client, object);
    }
    brood_message_clear(&answer);
    return status;
}

static int make(void **out, const brd_carried *from)
{
    brd_client *client = NULL;
    brood_proxy *p = NULL;
    if (from->nhandles || from->size != BRD_REFERENCE_SIZE)
        return BROOD_ETYPE;
    const brd_request request = {.ask = BRD_ASK_TAKE,
                                 .object = brd_get64(from->bytes + BRD_REFERENCE_OBJECT),
                                 .ticket = brd_get64(from->bytes + BRD_REFERENCE_TICKET)};
    int status = brd_client_of(&client, from->bytes);
    if (!status)
        status = brd_proxy_ask_for(&p, client, &request);
    brd_client_release(client);
    if (!status)
        *out = p;
    return status;
}

static void destroy(void *object)
{
    brood_proxy_destroy(object);
}

const brd_carried_class brd_carried_proxy = {
    .letter = BRD_EXT_PROXY, .describe = describe, .make = make, .destroy = destroy};
