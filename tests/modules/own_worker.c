/*
 * A worker program of somebody's own: it registers what it can do, then becomes a worker.
 */
#include <brood/brood.h>

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

int main(int argc, char **argv)
{
    if (brood_register("triple", triple) || brood_register("exits", exits_with_seven))
        return 1;
    brood_main(&argc, &argv);
    return 2;
}
