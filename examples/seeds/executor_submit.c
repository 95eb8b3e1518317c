/*
 * 004_bd66ff833da3bf23.txt: an executor, two tasks, and their results from the futures.
 * Python: ProcessPoolExecutor.submit, Future.result.
 */
#include "work.h"

static int do_something(brood_message *args, brood_message *result)
{
    int32_t seconds;
    TRY(brood_unpack(args, "i", &seconds));
    print("%d Sleeping %d second", (int)brood_pid(), seconds);
    sleep_for(seconds);
    return brood_pack(result, "s", text_of("%d Done sleeping for %d", (int)brood_pid(), seconds));
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    double start_time = now();
    brood_executor *executor;
    brood_future *future, *future2;
    check(brood_executor_create(&executor, NULL));
    check(brood_executor_call(executor, do_something, &future, "i", 1));
    check(brood_executor_call(executor, do_something, &future2, "i", 1));
    print_result(future); // in work.h: brood_future_unpack
    print_result(future2);
    brood_executor_destroy(executor);
    print("Finished in %.2f second(s)", now() - start_time);
}
