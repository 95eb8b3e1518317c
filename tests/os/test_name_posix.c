/*
 * What os.h promises of names where they are files: which directory counts, who may enter,
 * what is left behind. Built for POSIX only. The one thing to know: each test makes a
 * world of its own, a scratch directory to which the environment points.
 */
#define _GNU_SOURCE 1

#include "callers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NOBODY = 65534 };

/** A base directory, and the private one that brood makes in it. */
typedef struct world {
    char base[200];
    char place[240];
} world;

/** The environment points to `variable` = base, and to no other directory. */
static void world_open(world *w, const char *variable, const char *below)
{
    static const char *const all[] = {"XDG_RUNTIME_DIR", "TMPDIR"};
    char scratch[] = "/tmp/brood-test-XXXXXX";
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(scratch));
    snprintf(w->base, sizeof w->base, "%s%s", scratch, below);
    CU_ASSERT_FATAL(below[0] == '\0' || mkdir(w->base, 0700) == 0);
    snprintf(w->place, sizeof w->place, "%s/brood-%lu", w->base, (unsigned long)geteuid());
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        unsetenv(all[i]);
    setenv(variable, w->base, 1);
}

/** Removes it; what is left in it makes this fail. */
static void world_close(world *w)
{
    char *slash = NULL;
    CU_ASSERT(unlink(w->place) == 0 || rmdir(w->place) == 0 || errno == ENOENT);
    CU_ASSERT_EQUAL(rmdir(w->base), 0);
    slash = strrchr(w->base, '/');
    *slash = '\0';
    CU_ASSERT(strcmp(w->base, "/tmp") == 0 || rmdir(w->base) == 0);
}

static bool is_in(const char *name, const char *directory)
{
    size_t size = strlen(directory);
    return strncmp(name, directory, size) == 0 && name[size] == '/' &&
           !strchr(name + size + 1, '/');
}

static void check_connection(brd_name *n, const char *name)
{
    brd_chan *client = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_name_connect(&client, name, test_deadline(10000)), 0);
    brd_chan *server = accept_from(n, NULL);
    converse(client, server);
    part(&client, &server);
}

/** Listens at a name and connects, and looks whether all is gone afterwards. */
static void check_name(const char *name)
{
    struct stat is;
    brd_name *n = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&n, name), 0);
    CU_ASSERT(lstat(name, &is) == 0 && S_ISSOCK(is.st_mode) && (is.st_mode & 07777) == 0600);
    check_connection(n, name);
    brd_os_name_close(&n);
    CU_ASSERT(lstat(name, &is) < 0 && errno == ENOENT);
}

static void makes_a_private_directory(void)
{
    world w;
    struct stat is;
    char name[BRD_LOCAL_SIZE];
    mode_t before = umask(0);
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL(brd_os_name_local("word", name, sizeof name), 0);
    CU_ASSERT(is_in(name, w.place));
    CU_ASSERT(lstat(w.place, &is) == 0 && (is.st_mode & 07777) == 0700);
    check_name(name);
    CU_ASSERT_EQUAL(brd_os_name_private(name, sizeof name), 0);
    CU_ASSERT(is_in(name, w.place));
    check_name(name);
    CU_ASSERT_EQUAL(umask(before), 0);
    world_close(&w); // empty: neither sockets nor locks are left
}

static void does_not_mind_the_umask(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    mode_t before = 0;
    world_open(&w, "XDG_RUNTIME_DIR", "");
    before = umask(0777);
    CU_ASSERT_EQUAL(brd_os_name_local("word", name, sizeof name), 0);
    check_name(name);
    CU_ASSERT_EQUAL(umask(before), 0777);
    world_close(&w);
}

static void refuses_a_directory_that_is_not_private(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    char word[BRD_LOCAL_SIZE];
    brd_name *n = NULL;
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL(brd_os_name_local("word", word, sizeof word), 0);
    CU_ASSERT_EQUAL(chmod(w.place, 0755), 0);
    CU_ASSERT_EQUAL(brd_os_name_local("word", name, sizeof name), EPERM);
    CU_ASSERT_EQUAL(brd_os_name_listen(&n, word), EPERM);
    // A word has one place; what nobody is to guess finds another.
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(name, sizeof name), 0);
    CU_ASSERT_FALSE(is_in(name, w.place));
    check_name(name);
    *strrchr(name, '/') = '\0';
    CU_ASSERT(rmdir(name) < 0 && errno == ENOENT);
    // A link to a private directory is not one: its owner could turn it.
    CU_ASSERT_EQUAL(chmod(w.place, 0700), 0);
    CU_ASSERT_EQUAL(rmdir(w.place), 0);
    CU_ASSERT_EQUAL(symlink(w.base, w.place), 0);
    CU_ASSERT_EQUAL(brd_os_name_local("word", name, sizeof name), EPERM);
    CU_ASSERT_NOT_EQUAL(brd_os_name_listen(&n, word), 0);
    CU_ASSERT_PTR_NULL(n);
    world_close(&w);
}

static void refuses_the_directory_of_another_user(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    if (geteuid() != 0)
        TEST_SKIP("only root can give a directory away");
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL(mkdir(w.place, 0700), 0);
    CU_ASSERT_EQUAL(chown(w.place, NOBODY, NOBODY), 0);
    CU_ASSERT_EQUAL(brd_os_name_local("word", name, sizeof name), EPERM);
    world_close(&w);
}

static void passes_over_a_directory_that_is_too_long(void)
{
    char below[122];
    char name[BRD_LOCAL_SIZE];
    world w;
    memset(below, 'd', sizeof below - 1);
    below[0] = '/';
    below[sizeof below - 1] = '\0';
    world_open(&w, "TMPDIR", below);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(name, sizeof name), 0);
    CU_ASSERT_FALSE(is_in(name, w.place));
    CU_ASSERT(strlen(name) < sizeof((struct sockaddr_un *)NULL)->sun_path);
    check_name(name);
    // One that is missing, and one that is no absolute path.
    setenv("TMPDIR", "/tmp/brood-there-is-none", 1);
    CU_ASSERT_EQUAL(brd_os_name_private(name, sizeof name), 0);
    setenv("TMPDIR", "here", 1);
    CU_ASSERT_EQUAL(brd_os_name_private(name, sizeof name), 0);
    CU_ASSERT_EQUAL(strncmp(name, "/tmp/brood", 10), 0);
    world_close(&w);
}

/** Lines of /proc/net/unix that speak of an abstract name with this in it; -1: no such file. */
static int count_abstract(const char *what)
{
    char line[512];
    int count = 0;
    FILE *file = fopen("/proc/net/unix", "re");
    if (!file)
        return -1;
    while (fgets(line, sizeof line, file))
        count += strchr(line, '@') && strstr(line, what);
    fclose(file);
    return count;
}

static void makes_no_abstract_names(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    brd_name *n = NULL;
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL(brd_os_name_private(name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&n, name), 0);
    int count = count_abstract(strrchr(name, '/') + 1);
    brd_os_name_close(&n);
    world_close(&w);
    if (count < 0)
        TEST_SKIP("this system does not list its sockets");
    CU_ASSERT_EQUAL(count, 0);
}

static void takes_over_what_a_dead_listener_left(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", name, sizeof name), 0);
    memcpy(address.sun_path, name, strlen(name) + 1);
    // A socket without a lock, that nobody listens at any more; then one that is alive.
    for (int alive = 0; alive < 2; alive++) {
        brd_name *n = NULL;
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        if (!alive)
            close(fd);
        CU_ASSERT(!alive || listen(fd, 1) == 0);
        CU_ASSERT_EQUAL(brd_os_name_listen(&n, name), alive ? BROOD_EBUSY : 0);
        brd_os_name_close(&n);
        if (alive) {
            CU_ASSERT_EQUAL(unlink(name), 0); // nobody took that one away
            close(fd);
        }
    }
    world_close(&w);
}

static void removes_only_its_own(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    brd_name *n = NULL;
    struct stat is;
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&n, name), 0);
    CU_ASSERT_EQUAL(unlink(name), 0);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    brd_os_name_close(&n);
    CU_ASSERT(lstat(name, &is) == 0 && S_ISREG(is.st_mode));
    close(fd);
    CU_ASSERT_EQUAL(unlink(name), 0);
    world_close(&w);
}

// As somebody who listens there, and dies, leaves it.
static void die_listening(const char *name)
{
    int ended = 0;
    brd_name *n = NULL;
    pid_t pid = fork();
    if (pid == 0)
        _exit(brd_os_name_listen(&n, name) == 0 ? 7 : 1);
    CU_ASSERT_EQUAL_FATAL(waitpid(pid, &ended, 0), pid);
    CU_ASSERT(WIFEXITED(ended) && WEXITSTATUS(ended) == 7);
}

// The lock of a name, made an hour old.
static void make_old(const char *name, char *lock, size_t cap)
{
    const char *file = strrchr(name, '/') + 1;
    struct timespec times[2] = {{.tv_sec = time(NULL) - 3600}, {.tv_sec = time(NULL) - 3600}};
    snprintf(lock, cap, "%.*sl-%s", (int)(file - name), name, file);
    CU_ASSERT_EQUAL(utimensat(AT_FDCWD, lock, times, 0), 0);
}

static void sweeps_what_the_dead_left(void)
{
    world w;
    brd_name *living = NULL;
    brd_name *fresh = NULL;
    char dead[BRD_LOCAL_SIZE];
    char young[BRD_LOCAL_SIZE];
    char word[BRD_LOCAL_SIZE];
    char name[BRD_LOCAL_SIZE];
    char lock[BRD_LOCAL_SIZE];
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&living, name), 0);
    make_old(name, lock, sizeof lock);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", word, sizeof word), 0);
    die_listening(word);
    make_old(word, lock, sizeof lock);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(young, sizeof young), 0);
    die_listening(young);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(dead, sizeof dead), 0);
    die_listening(dead);
    make_old(dead, lock, sizeof lock);
    // The next fresh name takes away what is dead for sure and was fresh, and nothing else.
    char next[BRD_LOCAL_SIZE];
    CU_ASSERT_EQUAL_FATAL(brd_os_name_private(next, sizeof next), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&fresh, next), 0);
    CU_ASSERT(access(dead, F_OK) < 0);
    CU_ASSERT(access(lock, F_OK) < 0);
    CU_ASSERT(access(word, F_OK) == 0);
    CU_ASSERT(access(young, F_OK) == 0);
    check_connection(living, name);
    check_connection(fresh, next);
    brd_os_name_close(&fresh);
    brd_os_name_close(&living);
    make_old(young, lock, sizeof lock);
    check_name(word);
    check_name(next);
    world_close(&w);
}

/** A program may fork on its own, and both of them may tidy up. */
static void a_copy_leaves_it_to_its_owner(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    brd_name *n = NULL;
    brd_name *second = NULL;
    int ended = 0;
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&n, name), 0);
    pid_t pid = fork();
    if (pid == 0) {
        brd_os_name_close(&n);
        _exit(7);
    }
    CU_ASSERT_EQUAL_FATAL(waitpid(pid, &ended, 0), pid);
    CU_ASSERT(WIFEXITED(ended) && WEXITSTATUS(ended) == 7);
    CU_ASSERT_EQUAL(brd_os_name_listen(&second, name), BROOD_EBUSY);
    check_connection(n, name);
    brd_os_name_close(&n);
    CU_ASSERT(access(name, F_OK) < 0);
    world_close(&w);
}

/** Connects as another user; its exit code tells that nobody spoke to it. */
static int child_intrudes(int argc, char **argv)
{
    brd_chan *c = NULL;
    char byte = 0;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    // Root may listen for everybody.
    TEST_CHILD_CHECK(brd_os_name_connect(&c, argv[0], test_deadline(10000)) == 0);
    int status = test_read_all(c, &byte, 1);
    brd_os_chan_close(&c);
    return status == BROOD_ECLOSED ? 7 : 1;
}

static void never_sees_another_user(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    brd_name *n = NULL;
    brd_proc child = {0};
    brd_waiter *waiter = NULL;
    brd_event event;
    size_t count = 0;
    brd_chan *c = NULL;
    if (geteuid() != 0)
        TEST_SKIP("only root can become somebody else");
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&n, name), 0);
    // The directory alone keeps them out: it is opened for this test.
    CU_ASSERT(chmod(w.base, 0755) == 0 && chmod(w.place, 0755) == 0 && chmod(name, 0666) == 0);
    test_start how = {.child = "intrudes", .args = {name}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_open(&waiter), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_waiter_name(waiter, n, true, n), 0);
    CU_ASSERT_EQUAL(brd_os_waiter_wait(waiter, test_deadline(20000), &event, 1, &count), 0);
    CU_ASSERT_EQUAL(brd_os_name_accept(n, &c, NULL), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(test_end(&child), 7);
    CU_ASSERT_EQUAL(brd_os_waiter_name(waiter, n, false, NULL), 0);
    brd_os_waiter_close(&waiter);
    brd_os_name_close(&n);
    world_close(&w);
}

/** A listener that is another user's: that user's client must not talk to it. */
static int child_poses(int argc, char **argv)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    brd_chan *parent = NULL;
    char byte = 0;
    TEST_CHILD_CHECK(argc == 2 && strlen(argv[0]) < sizeof address.sun_path);
    TEST_CHILD_CHECK(brd_os_chan_adopt(&parent, test_handle(argv[1])) == 0);
    TEST_CHILD_CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    memcpy(address.sun_path, argv[0], strlen(argv[0]) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    TEST_CHILD_CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    TEST_CHILD_CHECK(listen(fd, 1) == 0);
    TEST_CHILD_CHECK(test_write_all(parent, "!", 1) == 0);
    int status = test_read_all(parent, &byte, 1);
    close(fd);
    brd_os_chan_close(&parent);
    return status == BROOD_ECLOSED ? 7 : 1;
}

static void talks_to_no_other_user(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    brd_proc child = {0};
    brd_chan *to_child = NULL, *c = NULL;
    brd_handle theirs = BRD_NONE;
    char byte = 0;
    if (geteuid() != 0)
        TEST_SKIP("only root can become somebody else");
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", name, sizeof name), 0);
    CU_ASSERT(chmod(w.base, 0755) == 0 && chmod(w.place, 0777) == 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_chan_pair(&to_child, &theirs), 0);
    test_start how = {
        .child = "poses", .args = {name}, .inherit = &theirs, .ninherit = 1, .channel = to_child};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    brd_os_close(&theirs);
    CU_ASSERT_EQUAL(test_read_all(to_child, &byte, 1), 0);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, name, test_deadline(10000)), EACCES);
    CU_ASSERT_PTR_NULL(c);
    brd_os_chan_close(&to_child);
    CU_ASSERT_EQUAL(test_end(&child), 7);
    CU_ASSERT_EQUAL(unlink(name), 0);
    world_close(&w);
}

/** Takes one of those who wait, after it was seen that nobody else finds a place. */
static void accept_one(void *baton)
{
    int came = accept(*(int *)baton, NULL, NULL);
    close(came);
}

/** There is no place just now. */
static void check_waiting(const char *name, int *listener)
{
    brd_chan *c = NULL;
    brd_thread thread = {0};
    brd_time until = brd_os_now() + 20 * BRD_MS;
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, name, until), BROOD_ETIMEDOUT);
    CU_ASSERT(brd_os_now() >= until - BRD_MS);
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&thread, accept_one, listener), 0);
    CU_ASSERT_EQUAL(brd_os_name_connect(&c, name, test_deadline(20000)), 0);
    brd_os_thread_join(&thread);
    brd_os_chan_close(&c);
}

static void waits_for_a_place(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    brd_chan *waiting[8] = {0};
    size_t count = 0;
    int status = 0;
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", name, sizeof name), 0);
    memcpy(address.sun_path, name, strlen(name) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    CU_ASSERT_EQUAL(listen(fd, 1), 0);
    while (count < 8 && (status = brd_os_name_connect(&waiting[count], name, 0)) == 0)
        count++;
    if (status == BROOD_ETIMEDOUT)
        check_waiting(name, &fd);
    for (size_t i = 0; i < count; i++)
        brd_os_chan_close(&waiting[i]);
    close(fd);
    CU_ASSERT_EQUAL(unlink(name), 0);
    world_close(&w);
    if (status == BROOD_ECLOSED)
        TEST_SKIP("this system refuses whoever finds no place");
    CU_ASSERT_EQUAL(status, BROOD_ETIMEDOUT);
}

/** Descriptors that nobody asked for end the channel, and do not stay. */
// What brood itself never does: a byte on a named socket, and a descriptor with it.
static void send_descriptor(int to)
{
    union {
        struct cmsghdr align;
        unsigned char room[CMSG_SPACE(sizeof(int))];
    } extra = {{0}};
    struct iovec byte = {.iov_base = "x", .iov_len = 1};
    struct msghdr head = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &extra, .msg_controllen = sizeof extra};
    struct cmsghdr *item = CMSG_FIRSTHDR(&head);
    *item = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(item), &(int){2}, sizeof(int));
    CU_ASSERT_EQUAL(sendmsg(to, &head, 0), 1);
}

static void check_refusal(brd_chan *c, int intruder)
{
    uint64_t token = 0;
    size_t size = 0;
    char byte = 0;
    CU_ASSERT_EQUAL(brd_os_chan_give(c, (brd_handle){2}, &token), BROOD_ENOTSUP);
    send_descriptor(intruder);
    CU_ASSERT_EQUAL(brd_os_chan_wait(c, BRD_READ, test_deadline(10000)), 0);
    CU_ASSERT_EQUAL(brd_os_chan_read(c, &byte, 1, &size), BROOD_EPROTOCOL);
}

static void refuses_descriptors(void)
{
    world w;
    char name[BRD_LOCAL_SIZE];
    brd_name *n = NULL;
    world_open(&w, "XDG_RUNTIME_DIR", "");
    CU_ASSERT_EQUAL_FATAL(brd_os_name_local("word", name, sizeof name), 0);
    CU_ASSERT_EQUAL_FATAL(brd_os_name_listen(&n, name), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name, strlen(name) + 1);
    // As it came in, and as a worker has it that it was passed on to.
    for (int passed_on = 0; passed_on < 2; passed_on++) {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        brd_chan *server = accept_from(n, NULL);
        if (passed_on) {
            brd_handle copy = BRD_NONE;
            CU_ASSERT_EQUAL_FATAL(brd_os_copy(brd_os_chan_handle(server), &copy), 0);
            brd_os_chan_close(&server);
            CU_ASSERT_EQUAL_FATAL(brd_os_chan_adopt(&server, copy), 0);
        }
        check_refusal(server, fd);
        brd_os_chan_close(&server);
        close(fd);
    }
    brd_os_name_close(&n);
    world_close(&w);
}

static const test_case cases[] = {
    TEST_CASE(makes_a_private_directory),
    TEST_CASE(does_not_mind_the_umask),
    TEST_CASE(refuses_a_directory_that_is_not_private),
    TEST_CASE(refuses_the_directory_of_another_user),
    TEST_CASE(passes_over_a_directory_that_is_too_long),
    TEST_CASE(makes_no_abstract_names),
    TEST_CASE(takes_over_what_a_dead_listener_left),
    TEST_CASE(removes_only_its_own),
    TEST_CASE(sweeps_what_the_dead_left),
    TEST_CASE(a_copy_leaves_it_to_its_owner),
    TEST_CASE(never_sees_another_user),
    TEST_CASE(talks_to_no_other_user),
    TEST_CASE(waits_for_a_place),
    TEST_CASE(refuses_descriptors),
    TEST_CHILD("intrudes", child_intrudes),
    TEST_CHILD("poses", child_poses),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "name_posix", cases);
}
