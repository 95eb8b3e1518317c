/*
 * 001_ab1cfce0eb245846.txt: results of processes, in order although they come in any: each
 * has its place in a list of a manager. Python: multiprocessing.Manager().list().
 */
#include "work.h"

static int work(brood_message *args, brood_message *result)
{
    brood_proxy *results;
    int32_t n;
    (void)result;
    TRY(brood_unpack(args, "Pi", &results, &n));
    TRY(brood_proxy_run(results, "setitem", BROOD_FOREVER, "ii", n, n * n));
    brood_proxy_destroy(results);
    return 0;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    enum { COUNT = 5 };
    brood_manager *manager;
    brood_proxy *results;
    brood_process *processes[COUNT];
    check(brood_manager_start(&manager, NULL));
    check(brood_manager_create(manager, &results, "list", NULL));
    check(brood_proxy_run(results, "extend", BROOD_FOREVER, "iiiii", 0, 0, 0, 0, 0));
    for (int32_t i = 0; i < COUNT; i++)
        check(brood_process_call(&processes[i], work, "Pi", results, i));
    for (int i = 0; i < COUNT; i++) {
        check(brood_process_join(processes[i], BROOD_FOREVER));
        brood_process_destroy(processes[i]);
    }
    for (int32_t i = 0, value; i < COUNT; i++) {
        check(brood_proxy_run(results, "getitem", BROOD_FOREVER, "i=i", &value, i));
        print("%d", (int)value);
    }
    brood_proxy_destroy(results);
    brood_manager_destroy(manager);
}
