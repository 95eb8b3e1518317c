/* What ends a run, in both kinds of program. */
#include "target.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void fuzz_failed(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    fflush(stderr);
    abort();
}
