/*
 * A program with options of its own, which refuses what it does not know:
 *     recipe_own_options [--workers N] [--power N] NUMBER...
 * The one thing to know: a worker is this program with one argument that is brood's. It
 * never comes to the parser, because brood_main stands before it.
 */
#include <brood/brood.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_NUMBERS = 100, WRONG_USAGE = 2 };

typedef struct options {
    long workers, power;
    int32_t numbers[MOST_NUMBERS];
    size_t count;
} options;

/* In a worker: the number to the power of the initializer's argument. */
static long power_here = 1;

static int set_power(brood_message *args, brood_message *result)
{
    int32_t power;
    (void)result;
    int status = brood_unpack(args, "i", &power);
    if (!status)
        power_here = power;
    return status;
}

static int raise_to_power(brood_message *args, brood_message *result)
{
    int32_t n;
    int64_t product = 1;
    int status = brood_unpack(args, "i", &n);
    for (long i = 0; i < power_here; i++)
        product *= n;
    return status ? status : brood_pack(result, "x", product);
}

/* ---------------------------------------------------------------- the parser */

static int read_number(const char *text, long most, long *out)
{
    char *end = NULL;
    long value = text ? strtol(text, &end, 10) : 0;
    if (!text || end == text || *end || value < 1 || value > most) {
        fprintf(stderr, "own_options: not a number from 1 to %ld: %s\n", most, text ? text : "");
        return 0;
    }
    *out = value;
    return 1;
}

static int read_options(options *o, char **argv)
{
    long number = 0;
    for (char **at = argv + 1; *at; at++) {
        if (strcmp(*at, "--workers") == 0) {
            if (!read_number(*++at, 64, &o->workers))
                return 0;
        } else if (strcmp(*at, "--power") == 0) {
            if (!read_number(*++at, 6, &o->power))
                return 0;
        } else if (**at == '-') {
            fprintf(stderr, "own_options: unknown option %s\n", *at);
            return 0;
        } else if (o->count == MOST_NUMBERS || !read_number(*at, 1000, &number)) {
            return 0;
        } else {
            o->numbers[o->count++] = (int32_t)number;
        }
    }
    return 1;
}

/* ------------------------------------------------------------------ the work */

static int print_powers(const options *o)
{
    brood_pool *pool = NULL;
    brood_results *out = NULL;
    brood_message power = BROOD_MESSAGE_INIT;
    int status = brood_pack(&power, "i", (int32_t)o->power);
    if (!status)
        status = brood_pool_create(&pool, BROOD_POOL(.processes = (uint32_t)o->workers,
                                                     .initializer = set_power,
                                                     .initializer_args = &power));
    if (!status)
        status = brood_pool_map(pool, raise_to_power, brood_items_int32(o->numbers, o->count), NULL,
                                &out);
    for (size_t i = 0; !status && i < o->count; i++) {
        int64_t n = 0;
        status = brood_unpack(brood_results_at(out, i), "x", &n);
        printf("%d^%ld = %lld\n", (int)o->numbers[i], o->power, (long long)n);
    }
    if (status)
        fprintf(stderr, "own_options: %s\n", brood_status_text(status));
    brood_results_destroy(out);
    brood_pool_destroy(pool);
    brood_message_clear(&power);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    options o = {.workers = 2, .power = 2};
    if (!read_options(&o, argv))
        return WRONG_USAGE;
    return print_powers(&o);
}
