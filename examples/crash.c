/*
 * A task that crashes costs that task, and nothing else. The README shows this file.
 */
#include <brood/brood.h>
#include <stdio.h>
#include <stdlib.h>

static int fragile(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    if (status)
        return status;
    if (n == 2)
        abort();
    if (n == 3)
        exit(7);
    if (n == 4)
        return brood_fail("%d is out of stock", (int)n);
    return brood_pack(result, "i", n * 100);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    const int32_t in[] = {1, 2, 3, 4, 5};
    brood_pool *pool = NULL;
    brood_results *out = NULL;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = 2));
    if (!status)
        status = brood_pool_map(pool, fragile, brood_items_int32(in, 5), NULL, &out);
    for (size_t i = 0; i < brood_results_count(out); i++) {
        const brood_error *error = brood_results_error(out, i);
        int32_t n = 0;
        if (error)
            printf("%d: %s\n", (int)in[i], error->text);
        else if (brood_unpack(brood_results_at(out, i), "i", &n) == BROOD_OK)
            printf("%d: %d\n", (int)in[i], (int)n);
    }
    if (!out)
        fprintf(stderr, "crash: %s\n", brood_status_text(status));
    int wrong = brood_results_count(out) != 5 || brood_results_status(out, 0) ||
                brood_results_status(out, 1) != BROOD_EWORKERLOST ||
                brood_results_status(out, 2) != BROOD_EWORKERLOST ||
                brood_results_status(out, 3) != BROOD_ETASK || brood_results_status(out, 4);
    brood_results_destroy(out);
    brood_pool_destroy(pool);
    return wrong;
}
