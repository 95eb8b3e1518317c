/*
 * Code that uses a pool, and is to be tested: see test_prices.c.
 */
#ifndef PRICES_H
#define PRICES_H

#include <stddef.h>
#include <stdint.h>

/**
 * The sum of prices in cents with their tax of `percent`, each rounded down, by so many
 * worker processes. *total is written on success only.
 * Fails with: BROOD_ETASK (a price below 0), and what brood_pool_create() fails with.
 */
int prices_total(const int32_t *cents, size_t count, int32_t percent, uint32_t workers,
                 int64_t *total);

#endif
