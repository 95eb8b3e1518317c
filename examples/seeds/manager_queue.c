/*
 * 003_34ad78576f023423.txt: a writer and a reader, two tasks of a pool, with a queue of a
 * manager between them. Python: multiprocessing.Manager().Queue().
 */
#include "work.h"

static int reader(brood_message *args, brood_message *result)
{
    brood_proxy *q;
    brood_message item = BROOD_MESSAGE_INIT;
    const char *text;
    int64_t size;
    (void)result;
    TRY(brood_unpack(args, "P", &q));
    print("the reader starts (%lld), of (%lld)", (long long)brood_pid(),
          (long long)brood_current_process().parent);
    TRY(brood_proxy_run(q, "qsize", BROOD_FOREVER, "x=", &size));
    while (size-- > 0) {
        TRY(brood_proxy_ask(q, "get", &item, BROOD_FOREVER, ""));
        TRY(brood_unpack(&item, "s", &text));
        print("the reader gets %s", text);
    }
    brood_message_clear(&item);
    brood_proxy_destroy(q);
    return 0;
}

static int writer(brood_message *args, brood_message *result)
{
    brood_proxy *q;
    (void)result;
    TRY(brood_unpack(args, "P", &q));
    print("the writer starts (%lld), of (%lld)", (long long)brood_pid(),
          (long long)brood_current_process().parent);
    for (const char *i = "itcast"; *i; i++)
        TRY(brood_proxy_run(q, "put", BROOD_FOREVER, "s", text_of("%c", *i)));
    brood_proxy_destroy(q);
    return 0;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_manager *manager;
    brood_proxy *q;
    brood_pool *po;
    brood_future *written;
    print("(%lld) start", (long long)brood_pid());
    check(brood_manager_start(&manager, NULL));
    check(brood_manager_create(manager, &q, "Queue", NULL));
    check(brood_pool_create(&po, NULL));
    check(brood_pool_call(po, writer, &written, "P", q));
    check(brood_future_wait(written, BROOD_FOREVER)); // the writer first, then the reader
    check(brood_pool_call(po, reader, NULL, "P", q));
    check(brood_pool_close(po));
    check(brood_pool_join(po, BROOD_FOREVER));
    print("(%lld) End", (long long)brood_pid());
    brood_future_destroy(written);
    brood_pool_destroy(po);
    brood_proxy_destroy(q);
    brood_manager_destroy(manager);
}
