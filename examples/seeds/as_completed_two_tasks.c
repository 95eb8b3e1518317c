/*
 * 004_bd66ff833da3bf23.txt, the last program: the results of two tasks, in the order in
 * which they end. Python: concurrent.futures.as_completed.
 */
#include "work.h"

static int do_something(brood_message *args, brood_message *result)
{
    int32_t seconds;
    int status = brood_unpack(args, "i", &seconds);
    if (status)
        return status;
    print("Sleeping %d second", (int)seconds);
    work(seconds);
    return brood_pack(result, "s", "Done sleep");
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    double start_time = now();
    brood_executor *executor;
    brood_future *futures[2];
    brood_message args = BROOD_MESSAGE_INIT;
    check(brood_pack(&args, "i", 1));
    check(brood_executor_create(&executor, NULL));
    for (int i = 0; i < 2; i++)
        check(brood_executor_submit(executor, do_something, &args, NULL, &futures[i]));

    brood_completions *completed;
    check(brood_as_completed(futures, 2, &completed));
    for (size_t i; brood_completions_next(completed, BROOD_FOREVER, &i) == BROOD_OK;)
        print_result(futures[i]); // in work.h: brood_future_get, brood_unpack
    brood_completions_destroy(completed);
    brood_message_clear(&args);
    brood_executor_destroy(executor);
    print("Finished in %.2f second(s)", now() - start_time);
    return 0;
}
