/*
 * brood-worker: a worker for programs whose main does not call brood_main, such as the host
 * of a plug-in. The plug-in names it in its context:
 *
 *     brood_context_create(&context, BROOD_CONTEXT(.executable = ".../brood-worker"));
 *
 * All that it does happens in brood_main: it loads the library that brood is part of in its
 * parent, and the modules of the context, and runs what is found there.
 */
#include <brood/brood.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    (void)fprintf(stderr,
                  "brood-worker " BROOD_VERSION_STRING ": programs that use brood start this by "
                  "themselves; on its own it does nothing\n");
    return 64;
}
