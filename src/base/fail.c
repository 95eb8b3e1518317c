/**
 * brood_fail: a task's error with a text. The text waits here, in the thread that
 * runs the task, until the worker loop has seen what the function returned.
 */
#include "base/fail.h"
#include <brood/context.h>
#include <stdarg.h>
#include <stdio.h>

static _Thread_local char fail_text[1024];

void brd_fail_reset(void)
{
    fail_text[0] = 0;
}

const char *brd_fail_text(void)
{
    return fail_text;
}

int brood_fail(const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (vsnprintf(fail_text, sizeof fail_text, format, values) < 0)
        fail_text[0] = 0;
    va_end(values);
    return BROOD_ETASK;
}
