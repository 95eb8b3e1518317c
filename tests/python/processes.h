/**
 * What the ports of CPython's scenarios of Process and of start methods share: short lives,
 * and notes that processes leave.
 *
 * The one thing to know: a process has no result. What it saw it writes into a file, a
 * line at a time, or says with its exit code.
 */
#ifndef BRD_TESTS_PROCESSES_H
#define BRD_TESTS_PROCESSES_H

#include "api/pools.h"

/** A wait that only a dead-lock outlasts. */
#define LONG_WAIT test_ms(60000)

/** Starts function(args) and clears args, both of which may be NULL as for the library. */
static inline brood_process *process_with(brood_function *function, brood_message *args,
                                          const brood_process_options *options)
{
    brood_process *p = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_process_create(&p, function, args, options), BROOD_OK);
    int status = brood_process_start(p);
    if (status)
        fprintf(stderr, "no process: %d, %s\n", status, brood_status_text(status));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    if (args)
        brood_message_clear(args);
    return p;
}

/** One that stands at the gate as number `index`. */
static inline brood_process *process_at_gate(brood_function *function, const gate *g, int32_t index,
                                             const brood_process_options *options)
{
    brood_message args = BROOD_MESSAGE_INIT;
    gate_pack(g, index, &args);
    brood_process *p = process_with(function, &args, options);
    CU_ASSERT(gate_await(g, index));
    return p;
}

/** Joins and destroys. */
static inline brood_exit process_end(brood_process *p)
{
    ASSERT_OK(brood_process_join(p, LONG_WAIT));
    CU_ASSERT_EQUAL(brood_process_is_alive(p), 0);
    brood_exit end = brood_process_exit(p);
    brood_process_destroy(p);
    return end;
}

/** Joins, destroys, and it ended with that code. */
static inline void process_ends_with(brood_process *p, int64_t code)
{
    brood_exit end = process_end(p);
    CU_ASSERT_EQUAL(end.kind, BROOD_EXIT_CODE);
    CU_ASSERT_EQUAL(end.code, code);
}

static inline bool process_is_active(const brood_process *p)
{
    brood_process *all[16] = {NULL};
    size_t count = brood_active_children(all, 16);
    for (size_t i = 0; i < count && i < 16; i++)
        if (all[i] == p)
            return true;
    return false;
}

/* ------------------------------------------------------------------- notes */

/** Adds a line to the file. Any process; false if it cannot. */
static inline bool note_add(const char *path, const char *line)
{
    FILE *file = fopen(path, "ab");
    if (!file)
        return false;
    bool written = fprintf(file, "%s\n", line) > 0;
    return fclose(file) == 0 && written;
}

/** The file as a text; "" if there is none. */
static inline const char *notes_read(const char *path, char *text, size_t cap)
{
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(text, 1, cap - 1, file) : 0;
    text[size] = '\0';
    if (file)
        fclose(file);
    return text;
}

#endif
