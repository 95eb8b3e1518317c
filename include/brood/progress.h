/**
 * A progress bar for terminals.
 *
 *     brood_progress_bar *bar;
 *     status = brood_progress_bar_create(&bar, BROOD_PROGRESS_BAR(.label = "files"));
 *     status = brood_pool_map(pool, count_words, files,
 *                             BROOD_MAP(.progress = brood_progress_bar_show, .baton = bar), &out);
 *     brood_progress_bar_destroy(bar);
 *
 *     files:  42%|#########             | 420/1000 [00:03<00:04, 138.2/s]
 *
 * The rate is the mean since the bar was created; below one a second it is turned
 * round: "30.0s each". Where standard error is no terminal, it writes a plain line
 * now and then, and one at the end.
 *
 * Python: tqdm.
 */
#ifndef BROOD_PROGRESS_H
#define BROOD_PROGRESS_H

#include <brood/export.h>
#include <brood/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_progress_bar brood_progress_bar;

/** Zero in a field means the default. */
typedef struct brood_progress_bar_options {
    size_t struct_size;
    const char *label;      /**< what stands before the bar; copied, up to 255 bytes; nothing */
    const char *unit;       /**< as in "138.2files/s"; copied, up to 31 bytes; nothing */
    int64_t interval;       /**< milliseconds between two changes on a terminal; 100 */
    int64_t plain_interval; /**< milliseconds between two lines elsewhere; 10,000 */
    int leave;              /**< 1: the full bar stays when it is destroyed; 0: it is wiped away */
    void (*write)(const char *text, size_t size, void *baton); /**< where it goes; standard error */
    void *baton;                                               /**< the last argument of write */
    int columns; /**< width, up to 512; the terminal's. With `write`: 0 means plain lines */
} brood_progress_bar_options;

/** BROOD_PROGRESS_BAR(.label = "files"): the fields named, the others default. */
#define BROOD_PROGRESS_BAR(...)                                                                    \
    (&(brood_progress_bar_options){.struct_size = sizeof(brood_progress_bar_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_PROGRESS_BAR_OPTIONS_INIT                                                            \
    {                                                                                              \
        sizeof(brood_progress_bar_options), 0, 0, 0, 0, 0, 0, 0, 0                                 \
    }

/**
 * The clock starts. *out is new: to be freed with brood_progress_bar_destroy().
 * options may be NULL. Fails with: BROOD_EINVAL (a negative number), BROOD_ENOMEM.
 */
BROOD_API int brood_progress_bar_create(brood_progress_bar **out,
                                        const brood_progress_bar_options *options);

/**
 * Shows that `done` of `count` are done; count 0: nobody knows of how many. Cheap
 * when it is called often: until the interval is over it only looks at the clock,
 * unless all is done. Has the shape of BROOD_MAP's progress: bar is the baton, and
 * NULL shows nothing. One thread at a time.
 */
BROOD_API void brood_progress_bar_show(size_t done, size_t count, void *bar);

/**
 * Shows the last state and ends the line, or wipes it away (see `leave`), and frees
 * the bar. Accepts NULL.
 */
BROOD_API void brood_progress_bar_destroy(brood_progress_bar *bar);

#ifdef __cplusplus
}
#endif

#endif
