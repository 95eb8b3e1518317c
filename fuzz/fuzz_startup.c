/*
 * Any bytes as a startup record, cut or filled with zeros to its size. What it must
 * keep: a path that ends, and a record that was accepted comes back as it was.
 */
#include "process/startup.h"
#include "target.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    unsigned char *record = calloc(1, BRD_STARTUP_SIZE);
    unsigned char again[BRD_STARTUP_SIZE];
    brd_startup s, back;
    FUZZ_CHECK(record != NULL);
    if (size)
        memcpy(record, bytes, size < BRD_STARTUP_SIZE ? size : BRD_STARTUP_SIZE);
    int status = brd_startup_decode(&s, record);
    FUZZ_CHECK(status == BROOD_OK || status == BROOD_EPROTOCOL);
    if (!status) {
        FUZZ_CHECK(memchr(s.entry.module, 0, sizeof s.entry.module) != NULL);
        brd_startup_encode(&s, again);
        FUZZ_CHECK(brd_startup_decode(&back, again) == BROOD_OK);
        FUZZ_CHECK(strcmp(s.entry.module, back.entry.module) == 0);
        FUZZ_CHECK(memchr(s.function, 0, sizeof s.function) != NULL);
        FUZZ_CHECK(strcmp(s.function, back.function) == 0 && s.role == back.role);
        FUZZ_CHECK(s.depth == back.depth && s.parent == back.parent);
        FUZZ_CHECK(s.segment.os == back.segment.os && s.segment_size == back.segment_size);
        FUZZ_CHECK(memcmp(s.token, back.token, sizeof s.token) == 0);
        FUZZ_CHECK(memcmp(s.entry.build, back.entry.build, sizeof s.entry.build) == 0);
    }
    free(record);
    return 0;
}

size_t fuzz_seed(size_t index, uint8_t *bytes, size_t cap)
{
    brd_startup s = {
        .depth = 1, .cpus = 8, .parent = 4711, .segment = {5}, .worker_bell = BRD_NONE};
    if (index > 2 || cap < BRD_STARTUP_SIZE)
        return 0;
    if (index == 1)
        strcpy(s.entry.module, "/usr/lib/libsome.so");
    if (index == 2) {
        s.role = BRD_ROLE_WORKER;
        strcpy(s.function, "a name");
        memset(s.entry.module, 'p', sizeof s.entry.module - 1);
    }
    brd_startup_encode(&s, bytes);
    return BRD_STARTUP_SIZE;
}
