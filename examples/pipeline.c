/*
 * A pipeline: three stages of processes, with queues between them. One makes ranges of
 * numbers, three look for primes in them, one counts what they find.
 *
 * Queues end it: a stage goes on until the queue before it is closed and empty, and a queue
 * is closed when all have ended who put into it, however they did.
 */
#include <brood/brood.h>
#include <stdio.h>

enum { LAST = 20000, STEP = 500, SIEVES = 3, PRIMES = 2262, LARGEST = 19997 };

static int make_ranges(brood_message *args, brood_message *result)
{
    brood_queue *ranges;
    int status = brood_unpack(args, "Q", &ranges);
    (void)result;
    if (status)
        return status;
    for (uint32_t from = 1; !status && from <= LAST; from += STEP)
        status = brood_queue_put_values(ranges, BROOD_FOREVER, "uu", from, from + STEP - 1);
    brood_queue_destroy(ranges);
    return status;
}

static int is_prime(uint32_t n)
{
    for (uint32_t divisor = 2; divisor * divisor <= n; divisor++)
        if (n % divisor == 0)
            return 0;
    return n > 1;
}

static int sift(brood_message *args, brood_message *result)
{
    brood_message item = BROOD_MESSAGE_INIT;
    brood_queue *ranges, *primes;
    int status = brood_unpack(args, "QQ", &ranges, &primes);
    (void)result;
    if (status)
        return status;
    while (!status && !(status = brood_queue_get(ranges, &item, BROOD_FOREVER))) {
        uint32_t from, to;
        status = brood_unpack(&item, "uu", &from, &to);
        for (uint32_t n = from; !status && n <= to; n++)
            if (is_prime(n))
                status = brood_queue_put_bytes(primes, &n, sizeof n, BROOD_FOREVER);
    }
    brood_message_clear(&item);
    brood_queue_destroy(ranges);
    brood_queue_destroy(primes);
    return status == BROOD_ECLOSED ? BROOD_OK : status;
}

static int count(brood_message *args, brood_message *result)
{
    brood_queue *primes, *answer;
    uint32_t n, found = 0, largest = 0;
    size_t size;
    int status = brood_unpack(args, "QQ", &primes, &answer);
    (void)result;
    if (status)
        return status;
    while (!(status = brood_queue_get_bytes(primes, &n, sizeof n, &size, BROOD_FOREVER))) {
        largest = n > largest ? n : largest;
        found++;
    }
    if (status == BROOD_ECLOSED)
        status = brood_queue_put_values(answer, BROOD_FOREVER, "uu", found, largest);
    brood_queue_destroy(primes);
    brood_queue_destroy(answer);
    return status;
}

/* Waits until the stage has ended, and tells the next one by closing the queue between them. */
static void end_stage(brood_process **stage, int processes, brood_queue *queue)
{
    for (int i = 0; i < processes; i++) {
        if (stage[i]) // it was started
            brood_process_join(stage[i], BROOD_FOREVER);
        brood_process_destroy(stage[i]);
    }
    brood_queue_close(queue);
}

static int run(brood_queue *ranges, brood_queue *primes, brood_queue *answer)
{
    brood_process *maker = NULL, *sieves[SIEVES] = {NULL}, *counter = NULL;
    int status = brood_process_call(&maker, make_ranges, "Q", ranges);
    for (int i = 0; !status && i < SIEVES; i++)
        status = brood_process_call(&sieves[i], sift, "QQ", ranges, primes);
    if (!status)
        status = brood_process_call(&counter, count, "QQ", primes, answer);
    if (status) // without its next stage the first one could wait for room
        brood_queue_close(ranges);
    end_stage(&maker, 1, ranges);
    end_stage(sieves, SIEVES, primes);
    end_stage(&counter, 1, answer);
    return status;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_queue *ranges = NULL, *primes = NULL, *answer = NULL;
    brood_message item = BROOD_MESSAGE_INIT;
    uint32_t found = 0, largest = 0;
    int status = brood_queue_create(&ranges, BROOD_QUEUE(.maxsize = 8));
    if (!status)
        status = brood_queue_create(&primes, NULL);
    if (!status)
        status = brood_queue_create(&answer, NULL);
    if (!status)
        status = run(ranges, primes, answer);
    if (!status)
        status = brood_queue_get(answer, &item, 0);
    if (!status)
        status = brood_unpack(&item, "uu", &found, &largest);
    if (status)
        fprintf(stderr, "pipeline: %s\n", brood_status_text(status));
    else
        printf("%u primes up to %d, the largest is %u\n", (unsigned)found, LAST, (unsigned)largest);
    brood_message_clear(&item);
    brood_queue_destroy(ranges);
    brood_queue_destroy(primes);
    brood_queue_destroy(answer);
    return found != PRIMES || largest != LARGEST;
}
