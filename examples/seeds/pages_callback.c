/*
 * 002_5836eab47717bb0a.txt: workers fetch pages; the callback, in the parent, looks at
 * each as soon as it is there. The page is made up here, where the original asks the
 * network, and os.getpid() is left out. Python: Pool.apply_async(callback=...).
 */
#include "work.h"

static int get_url(brood_message *args, brood_message *result)
{
    const char *url;
    char content[200];
    int status = brood_unpack(args, "s", &url);
    if (status)
        return status;
    print("--> %s get_url", url);
    work(1); // the network
    snprintf(content, sizeof(content), "<title>Welcome to %s</title>", url);
    return brood_pack(result, "ss", url, content);
}

static void call(brood_future *future, void *baton)
{
    brood_message page = BROOD_MESSAGE_INIT;
    const char *url, *content;
    check(brood_future_get(future, 0, &page));
    check(brood_unpack(&page, "ss", &url, &content));
    print("%s callback: %s", url, content);
    brood_message_clear(&page);
    (void)baton;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    const char *urls[] = {"http://www.baidu.com", "http://www.sina.com", "http://www.sohu.com",
                          "http://www.sogou.com", "http://www.qq.com",   "http://www.bilibili.com"};
    brood_pool *p;
    brood_future *results[6];
    print("main process");
    check(brood_pool_create(&p, BROOD_POOL(.processes = 5)));
    for (int i = 0; i < 6; i++) {
        brood_message args = BROOD_MESSAGE_INIT;
        check(brood_pack(&args, "s", urls[i]));
        check(brood_pool_apply_async(p, get_url, &args, BROOD_TASK(.callback = call), &results[i]));
        brood_message_clear(&args);
    }
    for (int i = 0; i < 6; i++) {
        check(brood_future_get(results[i], BROOD_FOREVER, NULL));
        brood_future_destroy(results[i]);
    }
    brood_pool_destroy(p);
    return 0;
}
