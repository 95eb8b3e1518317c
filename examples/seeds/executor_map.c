/*
 * 004_bd66ff833da3bf23.txt: a map of an executor: the results come in the order of the
 * items, each as soon as it is there. Python: ProcessPoolExecutor.map.
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
    brood_items sleep_seconds = brood_items_int32((const int32_t[]){1, 2, 3, 4}, 4);
    brood_iterator *results;
    check(brood_executor_create(&executor, NULL));
    check(brood_executor_map(executor, do_something, sleep_seconds, BROOD_FOREVER, NULL, &results));
    for (int i = 0; i < 4; i++)
        print_next(results); // in work.h: brood_iterator_next
    brood_iterator_destroy(results);
    brood_executor_destroy(executor);
    print("Finished in %.2f second(s)", now() - start_time);
}
