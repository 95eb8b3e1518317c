/**
 * Starts APR once in this process, whoever needs it first.
 */
#include "base/apr.h"
#include "os.h"
#include <apr_general.h>

static _Atomic int started;

static void start(void)
{
    (void)apr_initialize(); // counted by APR; on Windows it starts the sockets
}

void brd_apr_start(void)
{
    brd_os_once(&started, start);
}
