/*
 * 004_bd66ff833da3bf23.txt: an executor, two tasks, and their results from the futures.
 * (os.getpid() is left out.) Python: ProcessPoolExecutor.submit, Future.result.
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
    brood_future *future, *future2;
    brood_message args = BROOD_MESSAGE_INIT;
    check(brood_pack(&args, "i", 1));
    check(brood_executor_create(&executor, NULL));
    check(brood_executor_submit(executor, do_something, &args, NULL, &future));
    check(brood_executor_submit(executor, do_something, &args, NULL, &future2));
    print_result(future); // in work.h: brood_future_get, brood_unpack
    print_result(future2);
    brood_message_clear(&args);
    brood_executor_destroy(executor);
    print("Finished in %.2f second(s)", now() - start_time);
    return 0;
}
