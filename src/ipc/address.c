/**
 * Addresses: "local", "local:WORD", "local:NAME", "tcp:HOST:PORT". What is not exactly
 * one of these is refused, so that nobody listens where he did not mean to.
 */
#include "ipc/address.h"
#include <stdio.h>
#include <string.h>

static const char default_host[] = "127.0.0.1"; // never all interfaces unless one says so

static bool starts(const char *text, const char *word, const char **rest)
{
    size_t size = strlen(word);
    if (strncmp(text, word, size) != 0)
        return false;
    *rest = text + size;
    return true;
}

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Whether it consists of letters, digits and these, and of at least one of them.
static bool consists_of(const char *text, size_t size, const char *others)
{
    for (size_t i = 0; i < size; i++)
        if (!is_alphanumeric(text[i]) && !strchr(others, text[i]))
            return false;
    return size > 0;
}

static int copy(char to[BRD_HOST_SIZE], const char *from, size_t size)
{
    if (size >= BRD_HOST_SIZE)
        return BROOD_EINVAL;
    memcpy(to, from, size);
    to[size] = 0;
    return BROOD_OK;
}

static int parse_port(uint16_t *out, const char *text)
{
    uint32_t port = 0;
    if (!*text || strlen(text) > 5)
        return BROOD_EINVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return BROOD_EINVAL;
        port = port * 10 + (uint32_t)(*text - '0');
    }
    if (port > UINT16_MAX)
        return BROOD_EINVAL;
    *out = (uint16_t)port;
    return BROOD_OK;
}

// Numbers that are no whole IPv4 address: old rules take 0 for all interfaces.
static bool is_short(const char *host, const char *end)
{
    size_t digits = strspn(host, "0123456789."), dots = 0;
    for (const char *c = host; c < end; c++)
        dots += *c == '.';
    return host + digits >= end && dots != 3;
}

static int parse_tcp(brd_address *a, const char *text)
{
    const char *host = text, *end, *port;
    const char *allowed = ".-_";
    a->family = BRD_FAMILY_TCP;
    if (*text == '[') {
        host = text + 1;
        end = strchr(host, ']');
        allowed = ":.%";
        port = end ? end + 1 : NULL;
    } else {
        port = end = text + strcspn(text, ":");
    }
    if (!port || (*port && *port != ':'))
        return BROOD_EINVAL;
    int status = *port ? parse_port(&a->port, port + 1) : BROOD_OK;
    if (status)
        return status;
    if (end == text)
        return copy(a->text, default_host, sizeof default_host - 1);
    if (!consists_of(host, (size_t)(end - host), allowed) || is_short(host, end))
        return BROOD_EINVAL;
    return copy(a->text, host, (size_t)(end - host));
}

static int parse_local(brd_address *a, const char *text)
{
    size_t size = strlen(text);
    a->family = strpbrk(text, "/\\") ? BRD_FAMILY_NAME : BRD_FAMILY_WORD;
    if (a->family == BRD_FAMILY_WORD && (size > 64 || !consists_of(text, size, "._-")))
        return BROOD_EINVAL;
    return copy(a->text, text, size);
}

int brd_address_parse(brd_address *out, const char *text)
{
    brd_address a = {.family = BRD_FAMILY_FRESH};
    const char *rest;
    int status = BROOD_OK;
    if (text && starts(text, "tcp:", &rest))
        status = parse_tcp(&a, rest);
    else if (text && starts(text, "local:", &rest))
        status = parse_local(&a, rest);
    else if (text && strcmp(text, "local") != 0)
        status = BROOD_EINVAL;
    if (!status)
        *out = a;
    return status;
}

int brd_address_print(const brd_address *a, char *buffer, size_t cap)
{
    int size;
    if (!*a->text)
        return BROOD_EINVAL;
    if (a->family != BRD_FAMILY_TCP)
        size = snprintf(buffer, cap, "local:%s", a->text);
    else if (strchr(a->text, ':'))
        size = snprintf(buffer, cap, "tcp:[%s]:%u", a->text, (unsigned)a->port);
    else
        size = snprintf(buffer, cap, "tcp:%s:%u", a->text, (unsigned)a->port);
    return size < 0 || (size_t)size >= cap ? BROOD_EINVAL : BROOD_OK;
}

/* -------------------------------------------------------------------- endpoints */

// The first byte says which kind it is, so that none can be taken for another.
static int endpoint_of(brd_endpoint *out, char kind, const void *bytes, size_t size)
{
    brd_endpoint e = {.bytes = {(unsigned char)kind}, .size = 1 + size};
    if (e.size > sizeof e.bytes)
        return BROOD_EINVAL;
    memcpy(e.bytes + 1, bytes, size);
    *out = e;
    return BROOD_OK;
}

int brd_endpoint_of_local(brd_endpoint *out, const char *name)
{
    return endpoint_of(out, 'L', name, strlen(name));
}

void brd_endpoint_of_tcp(brd_endpoint *out, const uint8_t address[18])
{
    (void)endpoint_of(out, 'T', address, 18);
}

int brd_endpoint_of_label(brd_endpoint *out, const char *label)
{
    return endpoint_of(out, 'N', label, strlen(label));
}
