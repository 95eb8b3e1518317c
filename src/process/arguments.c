/**
 * The command line of a worker, written and read.
 *
 * Anybody can start a program with such arguments: nothing here believes them, and the
 * only thing that they can name is what else that person could have started.
 */
#include "process/arguments.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUILD_DIGITS = 2 * sizeof((brd_place *)0)->build };

static const char digits[] = "0123456789abcdef";

void brd_arguments_put_worker(char out[BRD_ARGUMENT_SIZE], brd_handle channel, unsigned depth)
{
    (void)snprintf(out, BRD_ARGUMENT_SIZE, BRD_WORKER_ARGUMENT "%lld,%u", (long long)channel.os,
                   depth);
}

int brd_arguments_read_worker(const char *text, brd_handle *channel, unsigned *depth)
{
    char *comma = NULL, *end = NULL;
    long long number = strtoll(text, &comma, 10);
    if (comma == text || *comma != ',' || number <= 2)
        return BROOD_EPROTOCOL;
    unsigned long deep = strtoul(comma + 1, &end, 10);
    if (end == comma + 1 || *end || !deep || deep > UINT16_MAX)
        return BROOD_EPROTOCOL;
    *channel = (brd_handle){(intptr_t)number};
    *depth = (unsigned)deep;
    return BROOD_OK;
}

// OFFSET,BUILD,PATH: the path last, as it may hold anything.
void brd_arguments_put_copy(char out[BRD_ARGUMENT_SIZE], const brd_place *copy)
{
    char build[BUILD_DIGITS + 1] = "";
    for (size_t i = 0; i < sizeof copy->build; i++) {
        build[2 * i] = digits[copy->build[i] >> 4];
        build[2 * i + 1] = digits[copy->build[i] & 15];
    }
    (void)snprintf(out, BRD_ARGUMENT_SIZE, BRD_COPY_ARGUMENT "%llx,%s,%s",
                   (unsigned long long)copy->offset, build, copy->module);
}

int brd_arguments_get(int argc, char **argv, int index, const char *prefix,
                      char out[BRD_ARGUMENT_SIZE])
{
    char own[BRD_ARGUMENT_SIZE];
    const char *argument = own;
    size_t skip = strlen(prefix);
    if (brd_os_argument((unsigned)index, own, sizeof own))
        argument = argv && index < argc ? argv[index] : NULL;
    if (!argument || strncmp(argument, prefix, skip) != 0 ||
        strlen(argument + skip) >= BRD_ARGUMENT_SIZE)
        return BROOD_EEND;
    memcpy(out, argument + skip, strlen(argument + skip) + 1);
    return BROOD_OK;
}

static bool read_build(const char *text, uint8_t build[20])
{
    for (size_t i = 0; i < BUILD_DIGITS; i++) {
        const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
        if (!digit)
            return false;
        build[i / 2] = (uint8_t)(build[i / 2] << 4 | (digit - digits));
    }
    return true;
}

int brd_arguments_read_copy(const char *text, brd_place *out)
{
    brd_place place = {.offset = 0};
    char *end = NULL;
    place.offset = strtoull(text, &end, 16);
    if (end == text || *end != ',' || !read_build(end + 1, place.build))
        return BROOD_EPROTOCOL;
    const char *path = end + 1 + BUILD_DIGITS;
    if (path[0] != ',' || !path[1] || strlen(path + 1) >= sizeof place.module)
        return BROOD_EPROTOCOL;
    memcpy(place.module, path + 1, strlen(path + 1) + 1);
    *out = place;
    return BROOD_OK;
}
