/*
 * The order of events. Workers never pass brood_main.
 */
#include "wordcount.h"
#include <apr_general.h>
#include <stdio.h>

static double seconds_since(apr_time_t start)
{
    return (double)(apr_time_now() - start) / 1e6;
}

static bool same(const totals *a, const totals *b)
{
    return a->files == b->files && a->bytes == b->bytes && a->table.used == b->table.used &&
           totals_words(a) == totals_words(b);
}

static int compare(totals *sum, const files *f, const options *o, double pooled, apr_pool_t *memory)
{
    totals alone = {0};
    apr_time_t start = apr_time_now();
    int status = count_here(&alone, f, o->crash, memory);
    double seconds = seconds_since(start);
    if (!status) {
        printf("%12.2f  seconds in one process: %.2f times as long\n", seconds, seconds / pooled);
        if (!sum->problems && !same(sum, &alone)) {
            fprintf(stderr, "wordcount: the pool and the one process differ\n");
            sum->problems++;
        }
    }
    table_clear(&alone.table);
    return status;
}

static int count(totals *sum, const files *f, const options *o, apr_pool_t *memory)
{
    apr_time_t start = apr_time_now();
    int status = count_with_workers(sum, f, o);
    double seconds = seconds_since(start);
    if (!status)
        status = report_words(sum, o->top);
    if (status)
        return status;
    report_sums(sum);
    printf("%12.2f  seconds with %u workers\n", seconds, (unsigned)sum->workers);
    fflush(stdout);
    return o->compare ? compare(sum, f, o, seconds, memory) : BROOD_OK;
}

static int run(options *o, apr_pool_t *memory)
{
    files found = {0};
    totals sum = {0};
    int status = files_find(&found, o, memory);
    if (!status && o->crash) {
        const char *crash = files_same(&found, o->crash, memory);
        if (!crash)
            fprintf(stderr, "wordcount: --crash %s: not one of the files\n", o->crash);
        sum.problems += !crash;
        o->crash = crash;
    }
    if (!status)
        status = count(&sum, &found, o, memory);
    if (status)
        fprintf(stderr, "wordcount: %s\n", brood_status_text(status));
    sum.problems += found.problems;
    files_clear(&found);
    table_clear(&sum.table);
    return status ? EXIT_NOTHING : sum.problems ? EXIT_INCOMPLETE : EXIT_COMPLETE;
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    options o;
    apr_pool_t *memory = NULL;
    const char *const *arguments = (const char *const *)argv;
    int code = EXIT_NOTHING;
    // On Windows this makes the arguments UTF-8.
    if (apr_app_initialize(&argc, &arguments, NULL) || apr_pool_create(&memory, NULL)) {
        fprintf(stderr, "wordcount: the portable runtime does not start\n");
        return code;
    }
    if (options_read(&o, argc, arguments, &code))
        code = run(&o, memory);
    apr_pool_destroy(memory);
    apr_terminate();
    return code;
}
