/*
 * 004_bd66ff833da3bf23.txt: a map of an executor: the results come in the order of the
 * items, each as soon as it is there. (os.getpid() is left out.)
 * Python: ProcessPoolExecutor.map.
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
    brood_items sleep_seconds = brood_items_int32((const int32_t[]){1, 2, 3, 4}, 4);
    brood_executor *executor;
    brood_iterator *results;
    brood_message result = BROOD_MESSAGE_INIT;
    check(brood_executor_create(&executor, NULL));
    check(brood_executor_map(executor, do_something, sleep_seconds, BROOD_FOREVER, NULL, &results));
    const char *text;
    while (brood_iterator_next(results, BROOD_FOREVER, &result, NULL) != BROOD_EEND) {
        check(brood_unpack(&result, "s", &text)); // of a failed task: why it failed
        print("%s", text);
    }
    brood_message_clear(&result);
    brood_iterator_destroy(results);
    brood_executor_destroy(executor);
    print("Finished in %.2f second(s)", now() - start_time);
    return 0;
}
