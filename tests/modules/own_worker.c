/*
 * A worker program of somebody's own: it registers what it can do, then becomes a worker.
 * Before that it makes the mistake of making a pool, and remembers what came of it.
 */
#include <brood/brood.h>

static int early;

static int triple(brood_message *args, brood_message *result)
{
    int32_t n;
    int status = brood_unpack(args, "i", &n);
    return status ? status : brood_pack(result, "x", (int64_t)3 * n);
}

static int exits_with_seven(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return 7;
}

static int tell_early(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", (int64_t)early);
}

static int make_a_pool(const char *program)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    int status = brood_context_create(&context, BROOD_CONTEXT(.executable = program));
    if (!status)
        status = brood_pool_create(&pool, BROOD_POOL(.processes = 1, .context = context));
    brood_pool_destroy(pool);
    brood_context_destroy(context);
    return status;
}

int main(int argc, char **argv)
{
    if (brood_register("triple", triple) || brood_register("exits", exits_with_seven) ||
        brood_register("early", tell_early))
        return 1;
    early = make_a_pool(argv[0]);
    brood_main(&argc, &argv);
    return 2;
}
