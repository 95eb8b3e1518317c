/**
 * The progress bar: one line that is written over and over on a terminal, a plain
 * line now and then elsewhere. Called by the user, or by a map as its progress
 * function. The one thing to know: widths are counted in bytes, which are never
 * fewer than the columns they take; so no line is too wide, whatever the label.
 */
#include "pool/progress.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_INTERVAL_MS = 100,
    DEFAULT_PLAIN_MS = 10000,
    MOST_COLUMNS = 512, /* also of a plain line */
    LEAST_BAR = 4,      /* a shorter one says nothing that the percent does not */
    TEXT_MAX = 1024     /* room for every text before it is cut, and what is around it */
};

struct brood_progress_bar {
    char label[256];
    char unit[32];
    void (*write)(const char *text, size_t size, void *baton);
    void *baton;
    int columns; /* at most; 0: the terminal's */
    bool plain;
    bool leave;
    brd_time interval;
    brd_time start;
    brd_time last; /* when a line was written; at first, the start */
    size_t done;
    size_t count;
    bool seen;    /* done and count hold something */
    bool pending; /* and no line has it yet */
    size_t shown; /* bytes that stand on the terminal */
};

static void write_stderr(const char *text, size_t size, void *baton)
{
    (void)baton;
    (void)fwrite(text, 1, size, stderr);
    (void)fflush(stderr);
}

/* -------------------------------------------------------------------- texts */

// At most `room` bytes of a text, and no part of a UTF-8 character.
static size_t cut(const char *text, size_t room)
{
    size_t size = strlen(text);
    if (size <= room)
        return size;
    while (room && ((unsigned char)text[room] & 0xC0) == 0x80)
        room--;
    return room;
}

// A tab would take more columns than bytes, and a new line is none of ours.
static void copy(char *to, const char *from, size_t cap)
{
    size_t size = from ? cut(from, cap - 1) : 0;
    for (size_t i = 0; i < size; i++) {
        to[i] = from[i];
        if ((unsigned char)from[i] < ' ')
            to[i] = ' ';
    }
    to[size] = '\0';
}

static void put_time(char *text, size_t cap, double seconds)
{
    unsigned s = seconds >= 0 && seconds < 3.6e9 ? (unsigned)seconds : UINT_MAX;
    if (s == UINT_MAX)
        snprintf(text, cap, "?");
    else if (s < 3600)
        snprintf(text, cap, "%02u:%02u", s / 60, s % 60);
    else
        snprintf(text, cap, "%u:%02u:%02u", s / 3600, s / 60 % 60, s % 60);
}

static void put_rate(char *text, size_t cap, double rate, const char *unit)
{
    if (rate <= 0)
        snprintf(text, cap, "?%s/s", unit);
    else if (rate < 1)
        snprintf(text, cap, "%.1fs each", 1 / rate);
    else
        snprintf(text, cap, "%.*f%s/s", rate < 1000 ? 1 : 0, rate, unit);
}

// "420/1000 [00:03<00:04, 138.2/s]". The rate is the mean since the start: results
// come in chunks, after which a rate of the last moments would jump about.
static void put_numbers(char *text, size_t cap, const brood_progress_bar *b, brd_time now)
{
    char elapsed[32], left[32], rate[80];
    double seconds = now > b->start ? (double)(now - b->start) / 1e9 : 0;
    double mean = seconds > 0 ? (double)b->done / seconds : 0;
    double rest = mean > 0 ? (double)(b->count - b->done) / mean : -1;
    put_time(elapsed, sizeof elapsed, seconds);
    put_time(left, sizeof left, b->done < b->count ? rest : 0);
    put_rate(rate, sizeof rate, mean, b->unit);
    if (b->count)
        snprintf(text, cap, "%zu/%zu [%s<%s, %s]", b->done, b->count, elapsed, left, rate);
    else
        snprintf(text, cap, "%zu%s [%s, %s]", b->done, b->unit, elapsed, rate);
}

static unsigned percent_of(const brood_progress_bar *b)
{
    if (b->done >= b->count)
        return 100;
    unsigned percent = (unsigned)((double)b->done * 100 / (double)b->count);
    return percent < 100 ? percent : 99; // of very large numbers it is rounded up
}

// The bar gets what the rest leaves. If that is too little, the bar goes, then the
// label, and the end of the numbers last.
static size_t put_text(char *text, const brood_progress_bar *b, size_t columns, brd_time now)
{
    char numbers[256], percent[16] = "", bar[MOST_COLUMNS + 1] = "";
    put_numbers(numbers, sizeof numbers, b, now);
    if (b->count)
        snprintf(percent, sizeof percent, "%3u%%", percent_of(b));
    size_t rest = strlen(percent) + 1 + strlen(numbers);
    size_t label = cut(b->label, columns > rest + 2 ? columns - rest - 2 : 0);
    if (label)
        rest += label + 2;
    if (b->count && !b->plain && columns >= rest + 2 + LEAST_BAR) {
        size_t width = columns - rest - 2;
        memset(bar, ' ', width);
        memset(bar, '#', (size_t)((double)width * percent_of(b) / 100));
    }
    snprintf(text, TEXT_MAX - 2, "%.*s%s%s%s%s%s%s%s", (int)label, b->label, label ? ": " : "",
             percent, *bar ? "|" : "", bar, *bar ? "|" : "", b->count ? " " : "", numbers);
    return cut(text, columns);
}

/* ------------------------------------------------------------------ writing */

// Asked each time: windows change. The last column of one stays free, because some
// consoles go on to the next line as soon as it is written.
static size_t columns_of(const brood_progress_bar *b)
{
    int columns = b->columns ? b->columns : MOST_COLUMNS;
    int window = b->write == write_stderr ? brd_os_terminal_columns() : 0;
    if (window > 1 && columns > window - 1)
        columns = window - 1;
    return columns < MOST_COLUMNS ? (size_t)columns : MOST_COLUMNS;
}

// Writes over what stood there. The cursor then stays behind the text (end 0) or goes to
// the next line ('\n'); with '\r' the line is wiped, and the cursor is at its start.
static void draw(brood_progress_bar *b, char end, brd_time now)
{
    char line[TEXT_MAX] = "\r";
    size_t columns = columns_of(b);
    size_t size = 1 + (end == '\r' ? 0 : put_text(line + 1, b, columns, now));
    size_t before = 1 + (b->shown < columns ? b->shown : columns);
    b->shown = size - 1;
    b->last = now;
    b->pending = false;
    while (!b->plain && size < before)
        line[size++] = ' ';
    if (end)
        line[size++] = end;
    size_t skip = b->plain; // the return to the start
    b->write(line + skip, size - skip, b->baton);
}

/* ----------------------------------------------------------------- the face */

int brd_progress_create(brood_progress_bar **out, const brood_progress_bar_options *options,
                        brd_time now)
{
    brood_progress_bar_options o = BROOD_PROGRESS_BAR_OPTIONS_INIT;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (!out || o.interval < 0 || o.plain_interval < 0 || o.columns < 0)
        return BROOD_EINVAL;
    brood_progress_bar *b = calloc(1, sizeof *b);
    if (!b)
        return BROOD_ENOMEM;
    copy(b->label, o.label, sizeof b->label);
    copy(b->unit, o.unit, sizeof b->unit);
    b->plain = o.write ? o.columns == 0 : brd_os_terminal_columns() == 0;
    b->write = o.write ? o.write : write_stderr;
    b->baton = o.baton;
    b->columns = o.columns;
    b->leave = o.leave != 0;
    int64_t interval = o.interval ? o.interval : DEFAULT_INTERVAL_MS;
    if (b->plain)
        interval = o.plain_interval ? o.plain_interval : DEFAULT_PLAIN_MS;
    b->interval = interval > BRD_FOREVER / BRD_MS ? BRD_FOREVER : interval * BRD_MS;
    b->start = b->last = now;
    *out = b;
    return BROOD_OK;
}

void brd_progress_show(brood_progress_bar *b, size_t done, size_t count, brd_time now)
{
    if (!b)
        return;
    bool first = !b->seen;
    if (first || done != b->done || count != b->count)
        b->pending = true;
    b->seen = true;
    b->done = done;
    b->count = count;
    bool ended = count && done == count && b->pending;
    if (ended || (first && !b->plain) || now - b->last >= b->interval)
        draw(b, b->plain ? '\n' : '\0', now);
}

void brd_progress_destroy(brood_progress_bar *b, brd_time now)
{
    if (!b)
        return;
    if (b->plain ? b->pending : b->seen && b->leave)
        draw(b, '\n', now);
    else if (!b->plain && b->shown)
        draw(b, '\r', now);
    free(b);
}

int brood_progress_bar_create(brood_progress_bar **out, const brood_progress_bar_options *options)
{
    return brd_progress_create(out, options, brd_os_now());
}

void brood_progress_bar_show(size_t done, size_t count, void *bar)
{
    brd_progress_show(bar, done, count, brd_os_now());
}

void brood_progress_bar_destroy(brood_progress_bar *bar)
{
    brd_progress_destroy(bar, brd_os_now());
}
