/*
 * Where local names are: in a directory that only this user can enter. Called by
 * whoever makes up a name; name.c listens and connects. The one thing to know: the path
 * of a socket has little room, so of the directories that are possible the first counts
 * that leaves enough, and the same word in the same environment is always the same name.
 * Names that nobody can guess nobody will ever take over either, so the files of those whose
 * listener died are removed in here.
 */
#include "room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <sys/random.h>
#endif

enum {
    LONGEST_WORD = 64,
    LONGEST_PREFIX = 4,
    RANDOM_BYTES = 16,
    SWEPT_AGE = 60,  /* seconds; a lock is made a moment before it is taken */
    MOST_SWEPT = 256 /* looked at in one go */
};

bool brd_place_is_private(const struct stat *is)
{
    return S_ISDIR(is->st_mode) && is->st_uid == geteuid() && (is->st_mode & 07777) == 0700;
}

/** Makes the directory unless it is there, then sees that it is as it must be. */
static int place_enter(const char *path)
{
    struct stat is;
    if (mkdir(path, 0700) == 0) {
        // An umask may have taken from the owner as well.
        if (chmod(path, 0700) < 0)
            return brd_error(errno);
    } else if (errno != EEXIST) {
        return brd_error(errno);
    }
    if (lstat(path, &is) < 0)
        return brd_error(errno);
    return brd_place_is_private(&is) ? 0 : EPERM;
}

/** Whether "directory/file" is a path for a socket that fits here; it is written then. */
static bool place_fits(const char *directory, const char *file, char *buffer, size_t cap)
{
    size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path;
    int size = snprintf(buffer, cap, "%s/%s", directory, file);
    return size > 0 && (size_t)size < cap && (size_t)size < most;
}

/** One directory that is possible: a base, which others may share, and what is ours in it. */
static int place_try(const char *base, const char *ours, const char *file, char *buffer, size_t cap)
{
    char directory[BRD_LOCAL_SIZE];
    int size = 0;
    size_t length = base ? strlen(base) : 0;
    if (!base || base[0] != '/' || length >= sizeof directory)
        return base && base[0] == '/' ? ENAMETOOLONG : ENOENT;
    while (length > 1 && base[length - 1] == '/') // one place has one name
        length--;
    size = snprintf(directory, sizeof directory, "%.*s/%s", (int)length, base, ours);
    if (size < 0 || (size_t)size >= sizeof directory || !place_fits(directory, file, buffer, cap))
        return ENAMETOOLONG;
    return place_enter(directory);
}

/**
 * The full path of a file in the private directory. One that is there and open to others
 * is an error, never passed over: its owner would choose where our names are.
 */
static int place_of(const char *file, char *buffer, size_t cap)
{
    char ours[32];
    char path[BRD_LOCAL_SIZE];
    const char *bases[] = {brd_env_trusted("XDG_RUNTIME_DIR"), brd_env_trusted("TMPDIR"), "/tmp"};
    int status = ENOENT;
    snprintf(ours, sizeof ours, "brood-%lu", (unsigned long)geteuid());
    for (size_t i = 0; i < sizeof bases / sizeof *bases && status && status != EPERM; i++) {
        status = place_try(bases[i], ours, file, path, sizeof path);
    }
    if (status)
        return status == ENAMETOOLONG ? BROOD_EINVAL : status;
    if (strlen(path) >= cap)
        return BROOD_EINVAL;
    memcpy(buffer, path, strlen(path) + 1);
    return 0;
}

/** A directory for one name alone, where somebody else sits on the one for all. */
static int place_alone(const char *file, char *buffer, size_t cap)
{
    char directory[] = BRD_PLACE_ALONE;
    if (!mkdtemp(directory))
        return brd_error(errno);
    if (!place_fits(directory, file, buffer, cap)) {
        (void)rmdir(directory);
        return BROOD_EINVAL;
    }
    return 0;
}

int brd_os_name_private(char *buffer, size_t cap)
{
    unsigned char random[RANDOM_BYTES];
    char file[sizeof BRD_PRIVATE_PREFIX + 2 * RANDOM_BYTES] = BRD_PRIVATE_PREFIX;
    char *at = file + strlen(file);
    int status = 0;
    if (getentropy(random, sizeof random) < 0)
        return brd_error(errno);
    for (size_t i = 0; i < sizeof random; i++)
        at += snprintf(at, 3, "%02x", random[i]);
    status = place_of(file, buffer, cap);
    return status == EPERM ? place_alone(file, buffer, cap) : status;
}

int brd_place_word(const char *prefix, const char *word, char *buffer, size_t cap)
{
    static const char fine[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    char file[LONGEST_PREFIX + LONGEST_WORD + 1];
    size_t size = word ? strlen(word) : 0;
    if (size == 0 || size > LONGEST_WORD || strspn(word, fine) != size)
        return BROOD_EINVAL;
    snprintf(file, sizeof file, "%s%s", prefix, word);
    return place_of(file, buffer, cap);
}

int brd_os_name_local(const char *word, char *buffer, size_t cap)
{
    return brd_place_word(BRD_WORD_PREFIX, word, buffer, cap);
}

/** Removes a lock and the socket that it stands for, if nobody holds it. */
static void sweep_one(int directory, const char *lock)
{
    struct stat held;
    struct stat named;
    int fd = openat(directory, lock, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (brd_fd_own(&fd))
        return;
    if (fstat(fd, &held) == 0 && held.st_mtime < time(NULL) - SWEPT_AGE &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 &&
        fstatat(directory, lock, &named, AT_SYMLINK_NOFOLLOW) == 0 && held.st_dev == named.st_dev &&
        held.st_ino == named.st_ino) {
        (void)unlinkat(directory, lock + strlen(BRD_LOCK_PREFIX), 0);
        (void)unlinkat(directory, lock, 0);
    }
    brd_fd_close(&fd);
}

void brd_place_sweep(int directory)
{
    static const char wanted[] = BRD_LOCK_PREFIX BRD_PRIVATE_PREFIX;
    struct dirent *entry = NULL;
    DIR *list = NULL;
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (brd_fd_own(&fd))
        return;
    list = fdopendir(fd);
    if (!list) {
        brd_fd_close(&fd);
        return;
    }
    for (int looks = 0; looks < MOST_SWEPT && (entry = readdir(list)) != NULL; looks++) {
        if (strncmp(entry->d_name, wanted, strlen(wanted)) == 0)
            sweep_one(directory, entry->d_name);
    }
    brd_fork_lock();
    brd_fd_forget(fd);
    closedir(list);
    brd_fork_unlock();
}
