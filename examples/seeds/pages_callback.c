/*
 * 002_5836eab47717bb0a.txt: workers fetch pages; the callback, in the parent, looks at
 * each as soon as it is there. No page is fetched here, where the original asks the
 * network. Python: Pool.apply_async(callback=...), Future.add_done_callback.
 */
#include "work.h"

static int get_url(brood_message *args, brood_message *result)
{
    const char *url;
    TRY(brood_unpack(args, "s", &url));
    print("--> %s %d get_url", url, (int)brood_pid());
    sleep_for(1); // the network
    return brood_pack(result, "s", url);
}

static void call(brood_future *future, void *baton)
{
    const char *url;
    check(brood_future_unpack(future, 0, "s", &url));
    print("%s %d callback", url, (int)brood_pid());
    (void)baton;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    print("%d main process", (int)brood_pid());
    const char *l[] = {
        "http://www.baidu.com", "http://www.sina.com", "http://www.sohu.com",
        "http://www.sogou.com", "http://www.qq.com",   "http://www.bilibili.com",
    };
    brood_pool *p;
    brood_future *ret_l[6];
    check(brood_pool_create(&p, BROOD_POOL(.processes = 5)));
    for (int i = 0; i < 6; i++) {
        check(brood_pool_call(p, get_url, &ret_l[i], "s", l[i]));
        check(brood_future_add_done_callback(ret_l[i], call, NULL));
    }
    for (int i = 0; i < 6; i++) {
        check(brood_future_get(ret_l[i], BROOD_FOREVER, NULL));
        brood_future_destroy(ret_l[i]);
    }
    brood_pool_destroy(p); // calls back what is still due
}
