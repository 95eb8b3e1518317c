/*
 * What a host may be: short of descriptors, more than who started it, or out of the reach of
 * its peers. The one thing to know: a set-user-id copy of this program belongs to nobody, so
 * root can start it as one who may do more than its user.
 */
#include "harness.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534, FEW = 64, HARMLESS = 42 };

/* ------------------------------------------------------------- descriptors */

static int child_waits(int argc, char **argv)
{
    const struct rlimit limit = {.rlim_cur = FEW, .rlim_max = FEW};
    brd_wait things[FEW + 1];
    brd_handle reader = BRD_NONE, writer = BRD_NONE;
    const brd_exit said = {BROOD_EXIT_CODE, 0};
    (void)argc, (void)argv;
    TEST_CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    TEST_CHILD_CHECK(brd_os_news_open(&reader, &writer) == 0);
    for (size_t i = 0; i <= FEW; i++)
        things[i] = (brd_wait){.handle = reader};
    TEST_CHILD_CHECK(brd_os_wait_many(things, FEW, 0) == BROOD_ETIMEDOUT);
    TEST_CHILD_CHECK(brd_os_wait_many(things, FEW + 1, 0) == BROOD_EINVAL);
    brd_os_news_tell(writer, &said);
    TEST_CHILD_CHECK(brd_os_wait_many(things, FEW, 0) == 0);
    for (size_t i = 0; i < FEW; i++)
        TEST_CHILD_CHECK(things[i].ready);
    brd_os_close(&reader);
    brd_os_close(&writer);
    return 0;
}

static void waits_for_as_many_as_it_may_have_open(void)
{
    brd_proc child = {0};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &(test_start){.child = "waits"}), 0);
    CU_ASSERT_EQUAL(test_end(&child), 0);
}

/* -------------------------------------------------------------------- peers */

static int option(int fd, int level, int name)
{
    int value = 0;
    socklen_t size = sizeof value;
    CU_ASSERT_EQUAL(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void looks_after_machines_that_vanish(void)
{
    brd_chan *c = NULL;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&c, (brd_handle){fd}), 0);
    CU_ASSERT(option(fd, SOL_SOCKET, SO_KEEPALIVE));
    CU_ASSERT(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) * option(fd, IPPROTO_TCP, TCP_KEEPCNT) <= 60);
    CU_ASSERT(option(fd, IPPROTO_TCP, TCP_NODELAY));
    brd_os_chan_close(&c);
}

/* ------------------------------------------------------------------- users */

/** As the user that it belongs to, started by another one. */
static int child_names(int argc, char **argv)
{
    char name[BRD_LOCAL_SIZE];
    const char *base = getenv("XDG_RUNTIME_DIR");
    (void)argc, (void)argv;
    if (getuid() == geteuid())
        return HARMLESS; // this file system does not do that
    TEST_CHILD_CHECK(base != NULL && *base);
    TEST_CHILD_CHECK(brd_os_name_private(name, sizeof name) == 0);
    TEST_CHILD_CHECK(strncmp(name, base, strlen(base)) != 0);
    *strrchr(name, '/') = '\0';
    TEST_CHILD_CHECK(rmdir(name) == 0 || errno == ENOTEMPTY);
    return 0;
}

static int copy_file(const char *from, const char *to)
{
    apr_pool_t *memory = NULL;
    int status = apr_initialize();
    if (!status)
        status = apr_pool_create(&memory, NULL);
    if (!status)
        status = apr_file_copy(from, to, APR_FPROT_FILE_SOURCE_PERMS, memory);
    apr_terminate();
    return status;
}

static int run_as_its_owner(const char *program, const char *base)
{
    int ended = 0;
    pid_t pid = fork();
    if (pid == 0) {
        setenv("XDG_RUNTIME_DIR", base, 1);
        execl(program, program, "--child=names", (char *)NULL);
        _exit(127);
    }
    CU_ASSERT_EQUAL_FATAL(waitpid(pid, &ended, 0), pid);
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
}

// They are chosen by whoever starts it, who may then see, or take, what it makes there.
static void believes_no_directories_of_another_user(void)
{
    char self[900] = "";
    char program[1000] = "";
    char base[] = "/tmp/brood-test-XXXXXX";
    if (geteuid() != 0)
        TEST_SKIP("only root can become somebody else");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    TEST_SKIP("sanitizers look at their process as a debugger does, which is not allowed then");
#endif
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
    snprintf(program, sizeof program, "%s/program", base);
    CU_ASSERT_EQUAL_FATAL(copy_file(self, program), 0);
    CU_ASSERT_EQUAL(chown(base, NOBODY, NOBODY), 0);
    CU_ASSERT_EQUAL(chown(program, NOBODY, NOBODY), 0);
    CU_ASSERT_EQUAL(chmod(program, S_ISUID | 0755), 0);
    int code = run_as_its_owner(program, base);
    (void)unlink(program);
    CU_ASSERT_EQUAL(rmdir(base), 0);
    if (code == HARMLESS)
        TEST_SKIP("no program is more than its user here");
    CU_ASSERT_EQUAL(code, 0);
}

static const test_case cases[] = {
    TEST_CASE(waits_for_as_many_as_it_may_have_open),
    TEST_CASE(looks_after_machines_that_vanish),
    TEST_CASE(believes_no_directories_of_another_user),
    TEST_CHILD("waits", child_waits),
    TEST_CHILD("names", child_names),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "host_posix", cases);
}
