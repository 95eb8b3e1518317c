/*
 * 001_ab1cfce0eb245846.txt: the third way to the results, processes that put them into a
 * queue. They come as they are ready, so each says whose it is, and they are put in order
 * here. (The first two ways: retrieve_results.c.) Python: Process(target=f, args=(x, output)).
 */
#include "work.h"

static int f(brood_message *args, brood_message *result)
{
    int32_t x;
    brood_queue *output;
    (void)result;
    TRY(brood_unpack(args, "iQ", &x, &output));
    sleep_for(random_number());
    TRY(brood_queue_put_values(output, BROOD_FOREVER, "ii", x, x * x));
    brood_queue_destroy(output);
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_queue *output;
    brood_process *processes[3];
    int32_t results[3];
    check(brood_queue_create(&output, NULL));
    for (int32_t x = 0; x < 3; x++)
        check(brood_process_call(&processes[x], f, "iQ", x, output));
    for (int i = 0; i < 3; i++) // Python must not join before it has the results
        check(brood_process_join(processes[i], BROOD_FOREVER));

    brood_message item = BROOD_MESSAGE_INIT;
    for (int i = 0; i < 3; i++) {
        int32_t x, square;
        check(brood_queue_get(output, &item, 0));
        check(brood_unpack(&item, "ii", &x, &square));
        results[x] = square;
    }
    print_numbers(results, 3);
    brood_message_clear(&item);
    for (int i = 0; i < 3; i++)
        brood_process_destroy(processes[i]);
    brood_queue_destroy(output);
}
