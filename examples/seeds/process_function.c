/*
 * 004_bd66ff833da3bf23.txt: one function in a process of its own, and how long it took.
 * Python: Process(target=, args=), start, join.
 */
#include "work.h"

static int do_something(brood_message *args, brood_message *result)
{
    int32_t seconds;
    (void)result;
    TRY(brood_unpack(args, "i", &seconds));
    print("%d Sleeping %d second", (int)brood_pid(), (int)seconds);
    sleep_for(seconds);
    print("%d Done sleeping for %d", (int)brood_pid(), (int)seconds);
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    double start_time = now();
    brood_process *process;
    check(brood_process_call(&process, do_something, "i", 1));
    check(brood_process_join(process, BROOD_FOREVER));
    brood_process_destroy(process);
    print("Finished in %.2f second(s)", now() - start_time);
}
