/**
 * Texts for statuses: brood's own from a table, the system's from APR.
 */
#include <apr_errno.h>
#include <brood/status.h>

_Static_assert(BROOD_EINVAL > APR_OS_START_USERERR && BROOD_EOWNERDEAD < APR_OS_START_CANONERR,
               "brood's codes lie in APR's range for users");

static const char *const texts[] = {
    [BROOD_EINVAL - BROOD_EINVAL] = "an argument is out of its range",
    [BROOD_ENOMEM - BROOD_EINVAL] = "out of memory, or of room for shared memory",
    [BROOD_ETIMEDOUT - BROOD_EINVAL] = "the time given to wait is over",
    [BROOD_ENOTSUP - BROOD_EINVAL] = "not available on this system",
    [BROOD_EAGAIN - BROOD_EINVAL] = "nothing there yet",
    [BROOD_EBUSY - BROOD_EINVAL] = "still in use; close or terminate it first",
    [BROOD_ECLOSED - BROOD_EINVAL] = "closed",
    [BROOD_ECANCELLED - BROOD_EINVAL] = "the task was cancelled before it ended",
    [BROOD_ETERMINATED - BROOD_EINVAL] = "the pool was terminated before the task ended",
    [BROOD_ETASK - BROOD_EINVAL] = "the task's function returned an error",
    [BROOD_EWORKERLOST - BROOD_EINVAL] = "the worker that ran the task died",
    [BROOD_EBROKEN - BROOD_EINVAL] = "the pool gave up: its workers die as fast as they start",
    [BROOD_EFUNCTION - BROOD_EINVAL] =
        ("the function cannot be found in the worker; it must be in the worker's program, in a "
         "shared library that this can load, or registered there by name"),
    [BROOD_EBUILD - BROOD_EINVAL] = ("the worker is another build than its parent; restart the "
                                     "program, or point the context at the right executable"),
    [BROOD_EPROTOCOL - BROOD_EINVAL] = "the peer sent something that makes no sense",
    [BROOD_ETYPE - BROOD_EINVAL] = "the message does not hold what was asked for",
    [BROOD_ENOMAIN - BROOD_EINVAL] =
        ("call brood_main(&argc, &argv) as the first statement of main: "
         "workers are this program, started again"),
    [BROOD_EDEPTH - BROOD_EINVAL] = ("workers start workers too deep; is a pool made before "
                                     "brood_main, or in code that every worker runs?"),
    [BROOD_ETIMELIMIT - BROOD_EINVAL] = "the task ran longer than its time limit, and was ended",
    [BROOD_EDEADLINE - BROOD_EINVAL] = "the task had not ended at its deadline",
    [BROOD_ETHREADS - BROOD_EINVAL] =
        ("the program runs threads of its own, and a copy of it would lack them; start children "
         "before them, by spawn or forkserver, or say .fork_anyway"),
    [BROOD_EEND - BROOD_EINVAL] = "it has ended: nothing more comes, and nothing can be cancelled",
    [BROOD_EAUTH - BROOD_EINVAL] = "the peer has another key, or is not the one that was meant",
    [BROOD_EOWNERDEAD - BROOD_EINVAL] =
        ("it is yours now, and works; its last owner died with it in hand, so what it protects may "
         "be half done"),
};

const char *brood_status_text(int status)
{
    static _Thread_local char system_text[256];
    if (status == BROOD_OK)
        return "no error";
    if (status >= BROOD_EINVAL && status <= BROOD_EOWNERDEAD)
        return texts[status - BROOD_EINVAL];
    return apr_strerror(status, system_text, sizeof system_text);
}
