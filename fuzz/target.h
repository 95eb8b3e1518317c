/**
 * What each fuzz target gives, for libFuzzer and for the regression program alike.
 */
#ifndef BRD_FUZZ_TARGET_H
#define BRD_FUZZ_TARGET_H

#include <stddef.h>
#include <stdint.h>

/** libFuzzer's entry: any bytes. Aborts when a promise is broken; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/**
 * Makes seed number `index`, in at most `cap` bytes. Its size; 0: there are no
 * more.
 */
size_t fuzz_seed(size_t index, uint8_t *bytes, size_t cap);

/** A broken promise: says which, and aborts. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))
_Noreturn void fuzz_failed(const char *what, const char *file, int line);

#endif
