/*
 * A client whose connection ends while its manager is there: calls go on by another one. The one
 * thing to know: the connection is found among this process's descriptors by its peer's name.
 */
#include "api/managed.h"

#include <sys/socket.h>
#include <sys/un.h>

// Ends the connections to managers; true: there were some.
static bool cut_all(void)
{
    enum { MOST = 256 };
    bool some = false;
    for (int fd = 3; fd < MOST; fd++) {
        union {
            struct sockaddr head;
            struct sockaddr_un local;
            char room[sizeof(struct sockaddr_un) + 1];
        } peer = {.room = {0}};
        socklen_t size = sizeof peer.local;
        if (getpeername(fd, &peer.head, &size) || peer.head.sa_family != AF_UNIX)
            continue;
        const char *path = peer.local.sun_path;
        if (strstr(path + !*path, "m-")) // Linux: a NUL first, for a name that is no file
            some = shutdown(fd, SHUT_RDWR) == 0 || some;
    }
    return some;
}

static void a_connection_is_cut(void)
{
    brood_proxy *l = object_of("list", ""), *found = NULL;
    ASSERT_OK(brood_manager_publish(shared, "list", l));
    CU_ASSERT(cut_all());
    int status = BROOD_ECLOSED;
    for (int i = 0; status == BROOD_ECLOSED && i < MANAGED_THREADS + 1; i++)
        status = brood_manager_find(shared, &found, "list"); // each connection says so once
    CU_ASSERT_EQUAL(status, BROOD_OK);
    ASSERT_OK(brood_proxy_run(found, "append", LONG, "i", 1));
    CU_ASSERT_EQUAL(number_of(found, "len"), 1);
    ASSERT_OK(brood_manager_publish(shared, "list", NULL));
    brood_proxy_destroy(found);
    brood_proxy_destroy(l);
}

static const test_case cases[] = {TEST_CASE(a_connection_is_cut), {0}};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    test_warm_up = managed_open;
    return managed_close(test_main(argc, argv, "manager_cut", cases));
}
