/*
 * The progress bar: what it writes, when, and how wide. The one thing to know: these
 * tests say what time it is, and get what is written; they see each byte.
 */
#include "harness.h"
#include "pool/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_MS = 1000 };

/** What a bar has written. */
typedef struct page {
    char text[4096]; /* the last write; ends with a NUL */
    size_t size;
    int writes;
} page;

static void write_page(const char *text, size_t size, void *baton)
{
    page *p = baton;
    CU_ASSERT_FATAL(size < sizeof p->text);
    memcpy(p->text, text, size);
    p->text[size] = '\0';
    p->size = size;
    p->writes++;
}

static brood_progress_bar *bar_at(const brood_progress_bar_options *o, brd_time now)
{
    brood_progress_bar *bar = NULL;
    CU_ASSERT_EQUAL_FATAL(brd_progress_create(&bar, o, now), BROOD_OK);
    if (!bar)
        abort(); // analyzers do not know that a fatal assertion never returns
    return bar;
}

/** What a bar that started at 0 says of done and count, so many milliseconds later. */
static const char *text_of(const brood_progress_bar_options *options, size_t done, size_t count,
                           int64_t ms)
{
    static page p;
    brood_progress_bar_options o = *options;
    p = (page){0};
    o.write = write_page;
    o.baton = &p;
    o.plain_interval = 1;
    brood_progress_bar *bar = bar_at(&o, 0);
    brd_progress_show(bar, done, count, ms * BRD_MS);
    page shown = p;
    brd_progress_destroy(bar, ms * BRD_MS);
    p = shown;
    return p.text;
}

#define TEXT(done, count, ms, ...) text_of(BROOD_PROGRESS_BAR(__VA_ARGS__), done, count, ms)

/* ---------------------------------------------------------------- the texts */

static void draws_a_bar(void)
{
    CU_ASSERT_STRING_EQUAL(TEXT(420, 1000, 3040, .label = "files", .columns = 67),
                           "\rfiles:  42%|#########             | 420/1000 [00:03<00:04, 138.2/s]");
    CU_ASSERT_STRING_EQUAL(TEXT(0, 8, 0, .columns = 36), "\r  0%|           | 0/8 [00:00<?, ?/s]");
    CU_ASSERT_STRING_EQUAL(TEXT(8, 8, 2000, .columns = 42),
                           "\r100%|###########| 8/8 [00:02<00:00, 4.0/s]");
}

static void writes_plain_lines(void)
{
    CU_ASSERT_STRING_EQUAL(TEXT(420, 1000, 3040, .label = "files"),
                           "files:  42% 420/1000 [00:03<00:04, 138.2/s]\n");
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .label = "a\tb\n", .unit = "\r"),
                           "a b :  25% 1/4 [00:01<00:03, 1.0 /s]\n");
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .label = ""), " 25% 1/4 [00:01<00:03, 1.0/s]\n");
}

static void counts_without_a_total(void)
{
    CU_ASSERT_STRING_EQUAL(TEXT(7, 0, 2000, .label = "rows", .unit = "rows"),
                           "rows: 7rows [00:02, 3.5rows/s]\n");
    CU_ASSERT_STRING_EQUAL(TEXT(7, 0, 2000, .columns = 80), "\r7 [00:02, 3.5/s]");
    CU_ASSERT_STRING_EQUAL(TEXT(0, 0, 2000, .columns = 80), "\r0 [00:02, ?/s]");
}

static void tells_slow_from_fast(void)
{
    CU_ASSERT_STRING_EQUAL(TEXT(2, 4, 60 * SECOND_MS, .unit = "films"),
                           " 50% 2/4 [01:00<01:00, 30.0s each]\n");
    CU_ASSERT_STRING_EQUAL(TEXT(5000, 5000, 2000, .unit = "B"),
                           "100% 5000/5000 [00:02<00:00, 2500B/s]\n");
}

static void tells_long_times(void)
{
    CU_ASSERT_STRING_EQUAL(TEXT(1, 11, 3661 * SECOND_MS, .label = "x"),
                           "x:   9% 1/11 [1:01:01<10:10:10, 3661.0s each]\n");
    // A rest that nobody lives to see.
    CU_ASSERT_STRING_EQUAL(TEXT(1, 3600000000, 2000, .label = "x"),
                           "x:   0% 1/3600000000 [00:02<?, 2.0s each]\n");
}

static void rounds_percents_down(void)
{
    CU_ASSERT_PTR_NOT_NULL(strstr(TEXT(29, 100, 1, .label = "x"), " 29% "));
    CU_ASSERT_PTR_NOT_NULL(strstr(TEXT(999, 1000, 1, .label = "x"), " 99% "));
    CU_ASSERT_PTR_NOT_NULL(strstr(TEXT(SIZE_MAX - 1, SIZE_MAX, 1, .label = "x"), " 99% "));
}

static void bears_numbers_that_make_no_sense(void)
{
    CU_ASSERT_STRING_EQUAL(TEXT(12, 8, 2000, .columns = 43),
                           "\r100%|###########| 12/8 [00:02<00:00, 6.0/s]");
    CU_ASSERT_PTR_NOT_NULL(strstr(TEXT(SIZE_MAX, 1, 1, .label = "x"), "100% "));
    page p = {0};
    brood_progress_bar *bar =
        bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p, .columns = 44), 0);
    brd_progress_show(bar, 8, 8, 2000 * BRD_MS);
    brd_progress_show(bar, 2, 8, 4000 * BRD_MS); // backwards
    CU_ASSERT_STRING_EQUAL(p.text, "\r 25%|##       | 2/8 [00:04<00:12, 2.0s each]");
    brd_progress_show(bar, 3, 8, 1000 * BRD_MS); // so does the clock
    brd_progress_destroy(bar, 0);
}

/* ----------------------------------------------------------------- the width */

// Bytes are never fewer than columns.
static void is_never_too_wide(void)
{
    static const size_t counts[] = {0, 1, 1000, SIZE_MAX};
    char label[400];
    memset(label, 'm', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    for (int columns = 1; columns < 700; columns++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            const char *text = TEXT(counts[i] / 2, counts[i], 5000, .columns = columns);
            CU_ASSERT(strlen(text) - 1 <= (size_t)columns);
            // But it is as wide as it may be.
            CU_ASSERT(columns < 100 || columns > 512 || i == 0 ||
                      strlen(text) - 1 == (size_t)columns);
            text =
                TEXT(counts[i], counts[i], 5000, .columns = columns, .label = label, .unit = label);
            CU_ASSERT(strlen(text) - 1 <= (size_t)columns);
        }
    CU_ASSERT(strlen(TEXT(1, 2, 5000, .label = label, .unit = label)) <= 512 + 1);
}

static void gives_up_the_bar_then_the_label(void)
{
    const char *label = "letters";
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .columns = 44, .label = label),
                           "\rletters:  25%|#   | 1/4 [00:01<00:03, 1.0/s]");
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .columns = 38, .label = label),
                           "\rletters:  25% 1/4 [00:01<00:03, 1.0/s]");
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .columns = 35, .label = label),
                           "\rlett:  25% 1/4 [00:01<00:03, 1.0/s]");
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .columns = 30, .label = label),
                           "\r 25% 1/4 [00:01<00:03, 1.0/s]");
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .columns = 8, .label = label), "\r 25% 1/4");
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .columns = 1, .label = label), "\r ");
}

static void cuts_no_character_in_two(void)
{
    const char *label = "\xC3\xA4\xC3\xB6\xC3\xBC"; // three of two bytes
    CU_ASSERT_STRING_EQUAL(TEXT(1, 4, SECOND_MS, .columns = 35, .label = label),
                           "\r\xC3\xA4\xC3\xB6:  25% 1/4 [00:01<00:03, 1.0/s]");
    char many[301];
    for (size_t i = 0; i < 300; i++)
        many[i] = label[i % 2];
    many[300] = '\0';
    const char *text = TEXT(1, 4, SECOND_MS, .label = many);
    CU_ASSERT_EQUAL(strcspn(text, ":"), 254); // of up to 255 bytes
}

/* ------------------------------------------------------------------ the time */

static void draws_when_it_is_time(void)
{
    page p = {0};
    brood_progress_bar *bar = bar_at(
        BROOD_PROGRESS_BAR(.write = write_page, .baton = &p, .columns = 60, .interval = 50), 7);
    brd_progress_show(bar, 0, 100, 7); // the first at once
    CU_ASSERT_EQUAL(p.writes, 1);
    for (size_t i = 1; i < 50; i++)
        brd_progress_show(bar, i, 100, 7 + (brd_time)i * BRD_MS);
    CU_ASSERT_EQUAL(p.writes, 1);
    brd_progress_show(bar, 50, 100, 7 + 50 * BRD_MS);
    CU_ASSERT_EQUAL(p.writes, 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(p.text, " 50/100 "));
    brd_progress_show(bar, 100, 100, 7 + 51 * BRD_MS); // the end at once, but not twice
    brd_progress_show(bar, 100, 100, 7 + 52 * BRD_MS);
    CU_ASSERT_EQUAL(p.writes, 3);
    brd_progress_show(bar, 100, 100, 7 + 200 * BRD_MS); // the clock goes on
    CU_ASSERT_EQUAL(p.writes, 4);
    brd_progress_destroy(bar, 7 + 201 * BRD_MS);
}

static void an_unknown_total_has_no_end(void)
{
    page p = {0};
    brood_progress_bar *bar =
        bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p, .columns = 60), 0);
    brd_progress_show(bar, 0, 0, 1);
    for (size_t i = 0; i < 10; i++)
        brd_progress_show(bar, i % 2, 0, 2);
    CU_ASSERT_EQUAL(p.writes, 1);
    brd_progress_destroy(bar, 3);
}

static void plain_lines_are_rare(void)
{
    page p = {0};
    brood_progress_bar *bar = bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p), 0);
    for (size_t i = 0; i < 9999; i++)
        brd_progress_show(bar, i, 20000, (brd_time)i * BRD_MS);
    CU_ASSERT_EQUAL(p.writes, 0);
    brd_progress_show(bar, 10000, 20000, 10000 * BRD_MS);
    CU_ASSERT_EQUAL(p.writes, 1);
    brd_progress_show(bar, 15000, 20000, 15000 * BRD_MS);
    CU_ASSERT_EQUAL(p.writes, 1);
    brd_progress_destroy(bar, 20000 * BRD_MS); // what no line has yet
    CU_ASSERT_EQUAL(p.writes, 2);
    CU_ASSERT_STRING_EQUAL(p.text, " 75% 15000/20000 [00:20<00:06, 750.0/s]\n");
}

static void bears_the_longest_interval(void)
{
    page p = {0};
    brood_progress_bar *bar =
        bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p, .columns = 60,
                                  .interval = INT64_MAX, .plain_interval = INT64_MAX),
               BRD_FOREVER - 2);
    brd_progress_show(bar, 0, 2, BRD_FOREVER - 2);
    brd_progress_show(bar, 1, 2, BRD_FOREVER - 1);
    CU_ASSERT_EQUAL(p.writes, 1);
    brd_progress_destroy(bar, BRD_FOREVER);
}

/* ------------------------------------------------------------------- the end */

static void wipes_the_line(void)
{
    page p = {0};
    brood_progress_bar *bar =
        bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p, .columns = 80), 0);
    brd_progress_show(bar, 7, 0, 2000 * BRD_MS);
    CU_ASSERT_STRING_EQUAL(p.text, "\r7 [00:02, 3.5/s]");
    brd_progress_destroy(bar, 3000 * BRD_MS);
    CU_ASSERT_STRING_EQUAL(p.text, "\r                \r");
    CU_ASSERT_EQUAL(p.writes, 2);
}

static void leaves_the_line(void)
{
    page p = {0};
    brood_progress_bar *bar =
        bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p, .columns = 80, .leave = 1), 0);
    brd_progress_show(bar, 7, 0, 2000 * BRD_MS);
    brd_progress_show(bar, 8, 0, 2001 * BRD_MS);
    brd_progress_destroy(bar, 4000 * BRD_MS);
    CU_ASSERT_STRING_EQUAL(p.text, "\r8 [00:04, 2.0/s]\n");
}

static void overwrites_a_longer_line(void)
{
    page p = {0};
    brood_progress_bar *bar =
        bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p, .columns = 80), 0);
    brd_progress_show(bar, 70000, 0, 2000 * BRD_MS);
    CU_ASSERT_STRING_EQUAL(p.text, "\r70000 [00:02, 35000/s]");
    brd_progress_show(bar, 7, 0, 4000 * BRD_MS);
    CU_ASSERT_STRING_EQUAL(p.text, "\r7 [00:04, 1.8/s]      ");
    brd_progress_destroy(bar, 4000 * BRD_MS);
}

static void says_nothing_of_nothing(void)
{
    page p = {0};
    for (int columns = 0; columns <= 80; columns += 80)
        for (int leave = 0; leave <= 1; leave++)
            brd_progress_destroy(bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p,
                                                           .columns = columns, .leave = leave),
                                        0),
                                 100);
    CU_ASSERT_EQUAL(p.writes, 0);
}

static void repeats_no_plain_line(void)
{
    page p = {0};
    brood_progress_bar *bar = bar_at(BROOD_PROGRESS_BAR(.write = write_page, .baton = &p), 0);
    brd_progress_show(bar, 8, 8, 2000 * BRD_MS);
    brd_progress_destroy(bar, 3000 * BRD_MS);
    CU_ASSERT_EQUAL(p.writes, 1);
    CU_ASSERT_STRING_EQUAL(p.text, "100% 8/8 [00:02<00:00, 4.0/s]\n");
}

/* ------------------------------------------------------------------ the face */

static void is_what_map_calls(void)
{
    page p = {0};
    char label[] = "files";
    brood_progress_bar *bar = NULL;
    brood_progress_bar_options o = {sizeof o, .label = label, .write = write_page, .baton = &p};
    CU_ASSERT_EQUAL_FATAL(brood_progress_bar_create(&bar, &o), BROOD_OK);
    label[0] = 'm'; // it was copied
    void (*progress)(size_t done, size_t count, void *baton) = brood_progress_bar_show;
    progress(1, 2, bar);
    progress(2, 2, bar);
    brood_progress_bar_destroy(bar);
    CU_ASSERT_EQUAL(p.writes, 1);
    CU_ASSERT_EQUAL(strncmp(p.text, "files: 100% 2/2 [", 17), 0);
}

static void reads_only_the_options_that_were_known(void)
{
    page p = {0};
    brood_progress_bar_options o = {.label = "x", .write = write_page, .baton = &p, .columns = -1};
    o.struct_size = offsetof(brood_progress_bar_options, columns);
    brood_progress_bar *bar = bar_at(&o, 0);
    brd_progress_show(bar, 1, 1, SECOND_MS * BRD_MS);
    CU_ASSERT_STRING_EQUAL(p.text, "x: 100% 1/1 [00:01<00:00, 1.0/s]\n");
    brd_progress_destroy(bar, 0);
}

static void refuses_what_makes_no_sense(void)
{
    brood_progress_bar *bar = NULL;
    CU_ASSERT_EQUAL(brood_progress_bar_create(NULL, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_progress_bar_create(&bar, BROOD_PROGRESS_BAR(.columns = -1)),
                    BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_progress_bar_create(&bar, BROOD_PROGRESS_BAR(.interval = -1)),
                    BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_progress_bar_create(&bar, BROOD_PROGRESS_BAR(.plain_interval = -1)),
                    BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(bar);
    brood_progress_bar_show(1, 2, NULL);
    brood_progress_bar_destroy(NULL);
    CU_ASSERT_EQUAL_FATAL(brood_progress_bar_create(&bar, NULL), BROOD_OK);
    brood_progress_bar_destroy(bar);
}

static const test_case cases[] = {
    TEST_CASE(draws_a_bar),
    TEST_CASE(writes_plain_lines),
    TEST_CASE(counts_without_a_total),
    TEST_CASE(tells_slow_from_fast),
    TEST_CASE(tells_long_times),
    TEST_CASE(rounds_percents_down),
    TEST_CASE(bears_numbers_that_make_no_sense),
    TEST_CASE(is_never_too_wide),
    TEST_CASE(gives_up_the_bar_then_the_label),
    TEST_CASE(cuts_no_character_in_two),
    TEST_CASE(draws_when_it_is_time),
    TEST_CASE(an_unknown_total_has_no_end),
    TEST_CASE(plain_lines_are_rare),
    TEST_CASE(bears_the_longest_interval),
    TEST_CASE(wipes_the_line),
    TEST_CASE(leaves_the_line),
    TEST_CASE(overwrites_a_longer_line),
    TEST_CASE(says_nothing_of_nothing),
    TEST_CASE(repeats_no_plain_line),
    TEST_CASE(is_what_map_calls),
    TEST_CASE(reads_only_the_options_that_were_known),
    TEST_CASE(refuses_what_makes_no_sense),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "progress", cases);
}
