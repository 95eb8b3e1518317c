/**
 * brood: Python's multiprocessing and concurrent.futures for C programs.
 *
 * This header includes all the others; each of them also stands alone.
 */
#ifndef BROOD_H
#define BROOD_H

#define BROOD_VERSION_MAJOR  0
#define BROOD_VERSION_MINOR  1
#define BROOD_VERSION_PATCH  0
#define BROOD_VERSION_STRING "0.1.0"

#include <brood/context.h>
#include <brood/executor.h>
#include <brood/export.h>
#include <brood/future.h>
#include <brood/items.h>
#include <brood/listener.h>
#include <brood/manager.h>
#include <brood/message.h>
#include <brood/pipe.h>
#include <brood/pool.h>
#include <brood/process.h>
#include <brood/progress.h>
#include <brood/queue.h>
#include <brood/shared.h>
#include <brood/status.h>
#include <brood/sync.h>
#include <brood/task.h>

#endif
