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

// Reads one byte of each page and writes another: a worker that has not seen it needs them all.
int task_touch(brood_message *args, brood_message *result)
{
    brood_shared *block;
    uint64_t sum = 0;
    int status = brood_unpack(args, "M", &block);
    if (status)
        return status;
    unsigned char *bytes = brood_shared_data(block);
    for (size_t i = 0, size = brood_shared_size(block); i + 1 < size; i += BENCH_PAGE) {
        sum += bytes[i];
        bytes[i + 1] = (unsigned char)(bytes[i] + 1);
    }
    brood_shared_destroy(block);
    return brood_pack(result, "t", sum);
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
