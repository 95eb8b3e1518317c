/*
 * 004_bd66ff833da3bf23.txt: the results of four tasks, in the order in which they end.
 * (os.getpid() is left out.) Python: concurrent.futures.as_completed.
 */
#include "work.h"

static int do_something(brood_message *args, brood_message *result)
{
    int32_t seconds = 0;
    char text[40];
    int status = brood_unpack(args, "i", &seconds);
    print("Sleeping %d second", (int)seconds);
    work(seconds);
    snprintf(text, sizeof(text), "Done sleeping for %d", (int)seconds);
    return status ? status : brood_pack(result, "s", text);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    double start_time = now();
    brood_executor *executor;
    brood_future *futures[4];
    brood_message args = BROOD_MESSAGE_INIT;
    check(brood_pack(&args, "i", 1));
    check(brood_executor_create(&executor, NULL));
    for (int i = 0; i < 4; i++)
        check(brood_executor_submit(executor, do_something, &args, NULL, &futures[i]));

    brood_completions *completed;
    check(brood_as_completed(futures, 4, &completed));
    for (size_t i; brood_completions_next(completed, BROOD_FOREVER, &i) == BROOD_OK;)
        print_result(futures[i]); // in work.h: brood_future_get, brood_unpack
    brood_completions_destroy(completed);
    brood_message_clear(&args);
    brood_executor_destroy(executor);
    print("Finished in %.2f second(s)", now() - start_time);
    return 0;
}
