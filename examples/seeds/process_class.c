/*
 * 004_bd66ff833da3bf23.txt: a process of one's own making, with a method that it runs. A
 * class is a struct here, and its run() a function that gets the struct as its arguments:
 * a process starts from the beginning of the program and knows nothing else of it. What
 * the seed's class gets as its target is run itself: functions travel by themselves.
 * Python: class MyProcess(Process), run.
 */
#include "work.h"

typedef struct my_process {
    int32_t seconds;
    char verb[12];
} my_process;

static int run(brood_message *args, brood_message *result)
{
    size_t size;
    const my_process *self = brood_message_bytes(args, &size);
    (void)result;
    if (size != sizeof *self)
        return BROOD_ETYPE;
    print("%d %s %d second", (int)brood_pid(), self->verb, (int)self->seconds);
    sleep_for(self->seconds);
    print("%d Done sleeping for %d", (int)brood_pid(), (int)self->seconds);
    return BROOD_OK;
}

static brood_process *start(const my_process *self)
{
    brood_message args = BROOD_MESSAGE_INIT;
    brood_process *process;
    check(brood_message_set(&args, self, sizeof *self));
    check(brood_process_create(&process, run, &args, BROOD_PROCESS(.name = "my process")));
    brood_message_clear(&args);
    check(brood_process_start(process));
    return process;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    double start_time = now();
    brood_process *process = start(&(my_process){.seconds = 1, .verb = "Sleeping"});
    check(brood_process_join(process, BROOD_FOREVER));
    brood_process_destroy(process);
    print("Finished in %.2f second(s)", now() - start_time);
}
