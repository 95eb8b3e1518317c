/*
 * A program outside of the repository: it sees only what is installed. It starts
 * a real pool, which proves that a program can be its own worker there too; and one
 * of the brood-worker that is installed, which says that it is not this program.
 */
#include <brood/brood.h>
#include <stdio.h>

static int square(brood_message *args, brood_message *result)
{
    int32_t n = 0;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "x", (int64_t)n * n);
}

static int sum_of_squares(brood_pool *pool, int64_t *sum)
{
    const int32_t in[5] = {1, 2, 3, 4, 5};
    brood_results *out = NULL;
    int status = brood_pool_map(pool, square, brood_items_int32(in, 5), NULL, &out);
    for (size_t i = 0; !status && i < brood_results_count(out); i++) {
        int64_t n = 0;
        status = brood_unpack(brood_results_at(out, i), "x", &n);
        *sum += n;
    }
    brood_results_destroy(out);
    return status;
}

static int ask_brood_worker(void)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    int status = brood_context_create(&context, BROOD_CONTEXT(.executable = CONSUMER_WORKER));
    if (!status)
        status = brood_pool_create(&pool, BROOD_POOL(.processes = 1, .context = context));
    if (!status)
        status = brood_pool_run(pool, square, NULL, "i", 2);
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    if (status != BROOD_EFUNCTION)
        fprintf(stderr, "consumer: %s: %s\n", CONSUMER_WORKER, brood_status_text(status));
    return status == BROOD_EFUNCTION ? BROOD_OK : BROOD_EINVAL;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool = NULL;
    int64_t sum = 0;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = 2));
    if (!status)
        status = sum_of_squares(pool, &sum);
    brood_pool_destroy(pool);
    if (!status)
        status = ask_brood_worker();
    if (status)
        fprintf(stderr, "consumer: %s\n", brood_status_text(status));
    printf("consumer: %d\n", (int)sum);
    return status || sum != 55;
}
