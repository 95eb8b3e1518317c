/**
 * The startup record as bytes.
 */
#include "process/startup.h"
#include "base/bytes.h"
#include "ipc/wire.h"
#include <string.h>

static const char magic[8] = "brood\1\r\n";

enum {
    AT_VERSION = 8,
    AT_DEPTH = 12,
    AT_CPUS = 16,
    AT_PATH_SIZE = 20,
    AT_PARENT = 24,
    AT_SEGMENT = 32,
    AT_SEGMENT_SIZE = 40,
    AT_WORKER_BELL = 48,
    AT_PARENT_BELL = 56,
    AT_LAST = 64,
    AT_OFFSET = 72,
    AT_TOKEN = 80,
    AT_BUILD = 96,
    AT_ENTRY_BUILD = 116,
    AT_PATH = 136,
    AT_NAME = BRD_STARTUP_SIZE - BRD_NAME_SIZE,
    AT_FLAGS = AT_NAME - 4,
    AT_METHOD = AT_FLAGS - 4,
    AT_NICE = AT_METHOD - 4,
    AT_NCPUS = AT_NICE - 4,
    AT_MEMORY = AT_NCPUS - 8,
    AT_CPUSET = AT_MEMORY - (int)sizeof((brd_limits *)0)->cpus,
    AT_FUNCTION = AT_CPUSET - BRD_REGISTERED_SIZE,
    AT_ROLE = AT_FUNCTION - 4
};

enum { ALONE = 1, SERVER = 2, CHOSEN = 4, CPU_WORDS = 16 };

_Static_assert(AT_PATH + sizeof((brd_place *)0)->module <= AT_ROLE, "the path fits");

static void put_handle(unsigned char *at, brd_handle h)
{
    brd_put64(at, (uint64_t)(int64_t)h.os);
}

static brd_handle get_handle(const unsigned char *at)
{
    return (brd_handle){(intptr_t)(int64_t)brd_get64(at)};
}

void brd_startup_encode(const brd_startup *s, unsigned char bytes[BRD_STARTUP_SIZE])
{
    memset(bytes, 0, BRD_STARTUP_SIZE);
    memcpy(bytes, magic, sizeof magic);
    brd_put32(bytes + AT_VERSION, BRD_PROTOCOL);
    brd_put32(bytes + AT_DEPTH, s->depth);
    brd_put32(bytes + AT_CPUS, s->cpus);
    brd_put32(bytes + AT_PATH_SIZE, (uint32_t)strlen(s->entry.module));
    brd_put64(bytes + AT_PARENT, (uint64_t)s->parent);
    put_handle(bytes + AT_SEGMENT, s->segment);
    brd_put64(bytes + AT_SEGMENT_SIZE, s->segment_size);
    put_handle(bytes + AT_WORKER_BELL, s->worker_bell);
    put_handle(bytes + AT_PARENT_BELL, s->parent_bell);
    put_handle(bytes + AT_LAST, s->last_inherited);
    brd_put64(bytes + AT_OFFSET, s->entry.offset);
    memcpy(bytes + AT_TOKEN, s->token, sizeof s->token);
    memcpy(bytes + AT_BUILD, s->build, sizeof s->build);
    memcpy(bytes + AT_ENTRY_BUILD, s->entry.build, sizeof s->entry.build);
    memcpy(bytes + AT_PATH, s->entry.module, strlen(s->entry.module));
    brd_put32(bytes + AT_FLAGS,
              (s->alone ? ALONE : 0U) | (s->server ? SERVER : 0U) | (s->chosen ? CHOSEN : 0U));
    brd_put32(bytes + AT_ROLE, s->role);
    brd_put32(bytes + AT_METHOD, s->method);
    brd_put32(bytes + AT_NICE, s->limits.nice);
    brd_put32(bytes + AT_NCPUS, s->limits.ncpus);
    brd_put64(bytes + AT_MEMORY, s->limits.memory);
    for (size_t i = 0; i < CPU_WORDS; i++)
        brd_put64(bytes + AT_CPUSET + 8 * i, s->limits.cpus[i]);
    memcpy(bytes + AT_NAME, s->name, strlen(s->name));
    memcpy(bytes + AT_FUNCTION, s->function, strlen(s->function));
}

int brd_startup_decode(brd_startup *s, const unsigned char bytes[BRD_STARTUP_SIZE])
{
    uint32_t path_size = brd_get32(bytes + AT_PATH_SIZE);
    if (memcmp(bytes, magic, sizeof magic) != 0 || brd_get32(bytes + AT_VERSION) != BRD_PROTOCOL ||
        path_size >= sizeof s->entry.module)
        return BROOD_EPROTOCOL;
    *s = (brd_startup){.depth = brd_get32(bytes + AT_DEPTH),
                       .cpus = brd_get32(bytes + AT_CPUS),
                       .parent = (int64_t)brd_get64(bytes + AT_PARENT),
                       .segment = get_handle(bytes + AT_SEGMENT),
                       .segment_size = brd_get64(bytes + AT_SEGMENT_SIZE),
                       .worker_bell = get_handle(bytes + AT_WORKER_BELL),
                       .parent_bell = get_handle(bytes + AT_PARENT_BELL),
                       .last_inherited = get_handle(bytes + AT_LAST),
                       .entry.offset = brd_get64(bytes + AT_OFFSET)};
    memcpy(s->token, bytes + AT_TOKEN, sizeof s->token);
    memcpy(s->build, bytes + AT_BUILD, sizeof s->build);
    memcpy(s->entry.build, bytes + AT_ENTRY_BUILD, sizeof s->entry.build);
    memcpy(s->entry.module, bytes + AT_PATH, path_size);
    s->alone = brd_get32(bytes + AT_FLAGS) & ALONE;
    s->server = brd_get32(bytes + AT_FLAGS) & SERVER;
    s->chosen = brd_get32(bytes + AT_FLAGS) & CHOSEN;
    s->role = brd_get32(bytes + AT_ROLE);
    s->method = brd_get32(bytes + AT_METHOD);
    s->limits.nice = brd_get32(bytes + AT_NICE);
    s->limits.ncpus = brd_get32(bytes + AT_NCPUS);
    s->limits.memory = brd_get64(bytes + AT_MEMORY);
    for (size_t i = 0; i < CPU_WORDS; i++)
        s->limits.cpus[i] = brd_get64(bytes + AT_CPUSET + 8 * i);
    memcpy(s->name, bytes + AT_NAME, sizeof s->name - 1);
    memcpy(s->function, bytes + AT_FUNCTION, sizeof s->function - 1);
    return BROOD_OK;
}
