/*
 * What is printed: the result to standard output, what is missing to standard error.
 */
#include "wordcount.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct line {
    const char *word;
    uint64_t count;
} line;

// The most frequent first; the same frequency in the order of the alphabet.
static int by_count(const void *a, const void *b)
{
    const line *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return strcmp(x->word, y->word);
}

int report_words(const totals *sum, size_t top)
{
    const table *t = &sum->table;
    line *lines = malloc((t->used + 1) * sizeof *lines);
    if (!lines)
        return BROOD_ENOMEM;
    for (size_t i = 0; i < t->used; i++)
        lines[i] = (line){.word = table_word(t, i), .count = t->counts[i]};
    qsort(lines, t->used, sizeof *lines, by_count);
    for (size_t i = 0; i < top && i < t->used; i++)
        printf("%12" PRIu64 "  %s\n", lines[i].count, lines[i].word);
    free(lines);
    return BROOD_OK;
}

uint64_t totals_words(const totals *sum)
{
    uint64_t words = 0;
    for (size_t i = 0; i < sum->table.used; i++)
        words += sum->table.counts[i];
    return words;
}

void report_sums(const totals *sum)
{
    printf("%12zu  files, %.1f MB\n", sum->files, (double)sum->bytes / 1e6);
    printf("%12" PRIu64 "  words, %zu of them different\n", totals_words(sum), sum->table.used);
    if (sum->binary)
        printf("%12zu  binary files left out\n", sum->binary);
    if (sum->lost + sum->failed)
        printf("%12zu  files missing: %zu lost with their worker, %zu unreadable\n",
               sum->lost + sum->failed, sum->lost, sum->failed);
}

void report_missing(totals *sum, const char *path, const brood_error *error, bool on_purpose)
{
    const char *how = "it is not known how";
    bool lost = error->status == BROOD_EWORKERLOST;
    sum->lost += lost;
    sum->failed += !lost;
    if (!on_purpose || !lost)
        sum->problems++;
    if (!lost) {
        fprintf(stderr, "wordcount: %s: %s\n", path, error->text);
        return;
    }
    if (error->exit_kind == BROOD_EXIT_CODE)
        how = "exit code";
    else if (error->exit_kind == BROOD_EXIT_SIGNAL)
        how = "signal or exception";
    fprintf(stderr, "wordcount: %s: lost: worker %" PRId64 " ended by %s %" PRId64 "%s\n", path,
            error->worker, how, error->exit_code, on_purpose ? ", as asked for with --crash" : "");
}
