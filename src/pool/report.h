/**
 * What tasks say of their progress, on its way to on_progress.
 */
#ifndef BRD_REPORT_H
#define BRD_REPORT_H

#include "pool/state.h"

/** A worker's report has come. Fails with: BROOD_EPROTOCOL (not of the task at hand). */
int brd_report_accept(brood_pool *pool, brd_station *station, const brd_report *report);

#endif
