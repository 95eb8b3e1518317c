/*
 * 001_ab1cfce0eb245846.txt: two functions in two processes. (In a pool of two: see
 * two_functions.c.) Python: Process, start, join.
 */
#include "work.h"

static int foo(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    print("foo");
    return BROOD_OK;
}

static int bar(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    print("bar");
    return BROOD_OK;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_process *p1, *p2;
    check(brood_process_call(&p1, foo, ""));
    check(brood_process_call(&p2, bar, ""));
    check(brood_process_join(p1, BROOD_FOREVER));
    check(brood_process_join(p2, BROOD_FOREVER));
    brood_process_destroy(p1);
    brood_process_destroy(p2);
}
