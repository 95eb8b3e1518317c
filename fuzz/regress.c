/*
 * A fuzz target without libFuzzer: runs it over its seeds, over every cut and many
 * changes of each, and over the files that are named as arguments. With
 * --write DIRECTORY it writes the seeds out instead, as a first corpus.
 */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAP = 1 << 16 };

static uint8_t seed[CAP];

/** In a heap block of exactly that size, so that a sanitizer sees a read outside. */
static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    FUZZ_CHECK(exact != NULL);
    if (size)
        memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static size_t run_around(size_t size)
{
    static const uint8_t changes[] = {0x01, 0x10, 0x7f, 0x80, 0xff};
    size_t step = size / 512 + 1, runs = 1;
    run(seed, size);
    for (size_t at = 0; at < size; at += step) {
        run(seed, at);
        for (size_t i = 0; i < sizeof changes; i++) {
            seed[at] ^= changes[i];
            run(seed, size);
            seed[at] ^= changes[i];
        }
        runs += 1 + sizeof changes;
    }
    return runs;
}

static int run_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    if (!file) {
        fprintf(stderr, "%s: cannot be read\n", name);
        return 1;
    }
    size_t size = fread(seed, 1, CAP, file);
    fclose(file);
    run(seed, size);
    return 0;
}

static int write_seed(const char *directory, size_t index, size_t size)
{
    char name[1024];
    snprintf(name, sizeof name, "%s/seed-%02u", directory, (unsigned)index);
    FILE *file = fopen(name, "wb");
    size_t put = file ? fwrite(seed, 1, size, file) : 0;
    if (!file || fclose(file) || put != size) {
        fprintf(stderr, "%s: cannot be written\n", name);
        return 1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    const char *directory = argc == 3 && strcmp(argv[1], "--write") == 0 ? argv[2] : NULL;
    size_t size = 0, index = 0, runs = 0;
    int failures = 0;
    for (; (size = fuzz_seed(index, seed, CAP)) > 0; index++) {
        if (directory)
            failures += write_seed(directory, index, size);
        else
            runs += run_around(size);
    }
    for (int i = 1; !directory && i < argc; i++)
        failures += run_file(argv[i]);
    printf("%u seeds, %u runs\n", (unsigned)index, (unsigned)runs);
    return failures || index == 0;
}
