/*
 * What the workers run.
 */
#include "bench.h"
#include <string.h>

int task_pid(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", brd_os_pid());
}

int task_echo(brood_message *args, brood_message *result)
{
    size_t size;
    const void *bytes = brood_message_bytes(args, &size);
    return brood_message_set(result, bytes, size);
}

void bench_burn_us(uint64_t us)
{
    int64_t end = host_thread_ns() + (int64_t)us * 1000;
    while (host_thread_ns() < end)
        continue;
}

int task_burn(brood_message *args, brood_message *result)
{
    uint64_t us;
    size_t size;
    const void *bytes = brood_message_bytes(args, &size);
    if (size != sizeof us)
        return brood_fail("8 bytes were expected, not %lu", (unsigned long)size);
    memcpy(&us, bytes, sizeof us);
    bench_burn_us(us);
    return brood_message_set(result, &us, sizeof us);
}
