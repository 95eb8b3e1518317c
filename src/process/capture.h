/**
 * What captured children print. A context that captures has one thread, which reads the
 * streams of all its children, cuts them into lines, and tells those; of each child's
 * standard error the end is kept for whoever asks why it died.
 *
 * The one thing to know: what a process wrote stands in its pipe when it has ended. So
 * brd_output_end() takes it out there and then, and waits for nobody: not for the thread,
 * which may be in a slow on_line, and not for others that hold the stream open.
 */
#ifndef BRD_CAPTURE_H
#define BRD_CAPTURE_H

#include "ipc/link.h"
#include <brood/context.h>

enum { BRD_TAIL_SIZE = 4096 }; /* bytes of standard error that are kept */

/** Of a context: who reads. */
typedef struct brd_capture brd_capture;

/** Of a child: what is read. */
typedef struct brd_output brd_output;

/** *out is NULL if these options capture nothing. Fails with: BROOD_ENOMEM. */
int brd_capture_open(brd_capture **out, const brood_context_options *options);

/**
 * Ends the thread, after all that is there has been told. The children must have ended.
 * Accepts NULL.
 */
void brd_capture_close(brd_capture **capture);

/**
 * Makes the streams of a child that is about to be started, and puts them into *how. words
 * (of its link; may be NULL) tell what it is at. *out is NULL if capture is.
 */
int brd_output_open(brd_output **out, brd_capture *capture, const char *name, brd_link_words *words,
                    brd_launch *how);

/** The child has been started; its own ends are closed here. Accepts NULL. */
int brd_output_begin(brd_output *output, int64_t pid);

/** The child has ended: takes out what it left. May be called twice. Accepts NULL. */
void brd_output_end(brd_output *output);

/**
 * The end of its standard error, up to cap - 1 bytes and a NUL; returns how many were kept.
 * NULL: -1, as when that is not captured.
 */
int brd_output_tail(brd_output *output, char *text, size_t cap);

/** Nobody will ask for it any more; what is still to be told is told. Accepts none. */
void brd_output_close(brd_output **output);

#endif
