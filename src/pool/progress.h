/**
 * The progress bar with the time as an argument, so that tests decide what a clock
 * shows. The public functions are these at brd_os_now().
 */
#ifndef BRD_PROGRESS_H
#define BRD_PROGRESS_H

#include "os.h"
#include <brood/progress.h>

int brd_progress_create(brood_progress_bar **out, const brood_progress_bar_options *options,
                        brd_time now);
void brd_progress_show(brood_progress_bar *bar, size_t done, size_t count, brd_time now);
void brd_progress_destroy(brood_progress_bar *bar, brd_time now);

#endif
