/*
 * A message's memory: inside the struct, on the heap, or somebody else's. The one thing
 * to know: the border is at 64 bytes, so every size around it is tried, and each test
 * relies on AddressSanitizer for what is freed too early or not at all.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "harness.h"
#include "ipc/message.h"

#include <stdlib.h>
#include <string.h>

enum { INSIDE = 64 };

static const size_t sizes[] = {0, 1, 8, INSIDE - 1, INSIDE, INSIDE + 1, 2 * INSIDE, 5000};
enum { SIZES = sizeof sizes / sizeof *sizes };

static unsigned char bytes[8192];

static void fill(void)
{
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i * 7 + (i >> 8));
}

static bool holds(const brood_message *m, const void *expected, size_t size)
{
    size_t have = 99999;
    const void *at = brood_message_bytes(m, &have);
    return at && have == size && (!size || memcmp(at, expected, size) == 0);
}

static void starts_empty(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    CU_ASSERT(holds(&m, "", 0));
    CU_ASSERT_PTR_NOT_NULL(brood_message_bytes(&m, NULL));
    CU_ASSERT_PTR_NULL(brood_message_error(&m));
    brood_message_rewind(&m);
    brood_message_clear(&m);
    brood_message_clear(&m);
    CU_ASSERT(holds(&m, "", 0));
}

static void holds_what_was_set(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    fill();
    for (int i = 0; i < SIZES; i++)
        for (int j = 0; j < SIZES; j++) { // from every size to every other
            CU_ASSERT_EQUAL(brood_message_set(&m, bytes, sizes[i]), 0);
            CU_ASSERT(holds(&m, bytes, sizes[i]));
            CU_ASSERT_EQUAL(brood_message_set(&m, bytes + 1, sizes[j]), 0);
            CU_ASSERT(holds(&m, bytes + 1, sizes[j]));
            if (j % 2)
                brood_message_clear(&m);
        }
    CU_ASSERT_EQUAL(brood_message_set(&m, NULL, 5), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brood_message_set(&m, NULL, 0), 0);
    CU_ASSERT(holds(&m, "", 0));
    brood_message_clear(&m);
}

static void reserves_what_is_written_in_place(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    fill();
    for (int i = 0; i < SIZES; i++) {
        void *room = brood_message_reserve(&m, sizes[i]);
        CU_ASSERT_PTR_NOT_NULL_FATAL(room);
        if (!room)
            abort();
        memcpy(room, bytes, sizes[i]);
        CU_ASSERT(holds(&m, bytes, sizes[i]));
        CU_ASSERT_PTR_EQUAL(brood_message_bytes(&m, NULL), room);
        CU_ASSERT_EQUAL((uintptr_t)room % 8, 0);
    }
    // Shorter again: the memory that is there serves.
    void *before = brd_message_at(&m);
    CU_ASSERT_PTR_EQUAL(brood_message_reserve(&m, 100), before);
    brood_message_clear(&m);
}

static void out_of_memory_leaves_it_alone(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_message_set(&m, "kept", 5), 0);
    CU_ASSERT_PTR_NULL(brd_message_grow(&m, SIZE_MAX));
    CU_ASSERT_PTR_NULL(brd_message_scratch(&m, SIZE_MAX));
    CU_ASSERT_PTR_NULL(brd_message_scratch(&m, SIZE_MAX - 8));
    CU_ASSERT(holds(&m, "kept", 5));
    brood_message_clear(&m);
}

static void grows_over_the_border(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    fill();
    for (size_t step = 1; step <= 3 * INSIDE; step++) {
        size_t size = 0;
        while (size < 4 * INSIDE) {
            unsigned char *room = brd_message_grow(&m, step);
            CU_ASSERT_PTR_NOT_NULL_FATAL(room);
            if (!room)
                abort();
            memcpy(room, bytes + size, step);
            size += step;
        }
        CU_ASSERT(holds(&m, bytes, size));
        CU_ASSERT_PTR_NOT_NULL(brd_message_grow(&m, 0));
        CU_ASSERT(holds(&m, bytes, size));
        brood_message_clear(&m);
    }
}

/* ------------------------------------------------------------------- views */

static void views_what_others_keep(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    unsigned char kept[200];
    fill();
    memcpy(kept, bytes, sizeof kept);
    CU_ASSERT_EQUAL(brood_message_set(&m, bytes, 5000), 0); // which is freed
    brd_message_view(&m, kept, sizeof kept);
    CU_ASSERT_PTR_EQUAL(brood_message_bytes(&m, NULL), kept);
    CU_ASSERT(holds(&m, bytes, sizeof kept));
    brood_message_clear(&m);
    CU_ASSERT(holds(&m, "", 0));
    CU_ASSERT_EQUAL(memcmp(kept, bytes, sizeof kept), 0);
}

static void never_writes_into_a_view(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    unsigned char kept[40];
    fill();
    memcpy(kept, bytes, sizeof kept);
    brd_message_view(&m, kept, sizeof kept);
    unsigned char *room = brd_message_grow(&m, 8);
    CU_ASSERT_PTR_NOT_NULL_FATAL(room);
    if (!room)
        abort();
    memcpy(room, bytes + sizeof kept, 8);
    CU_ASSERT(holds(&m, bytes, sizeof kept + 8));
    brd_message_at(&m)[0] ^= 1;
    CU_ASSERT_EQUAL(kept[0], bytes[0]);
    for (int i = 0; i < SIZES; i++) {
        brd_message_view(&m, kept, sizeof kept);
        CU_ASSERT_PTR_NOT_EQUAL(brood_message_reserve(&m, sizes[i]), (void *)kept);
        memset(brd_message_at(&m), 0, sizes[i]);
    }
    brd_message_view(&m, kept, sizeof kept);
    CU_ASSERT_EQUAL(brood_message_set(&m, "x", 1), 0);
    CU_ASSERT_EQUAL(memcmp(kept, bytes, sizeof kept), 0);
    brood_message_clear(&m);
}

/* --------------------------------------------------------------- two of them */

static void copies_are_of_their_own(void)
{
    brood_message from = BROOD_MESSAGE_INIT, to = BROOD_MESSAGE_INIT;
    fill();
    for (int i = 0; i < SIZES; i++) {
        CU_ASSERT_EQUAL(brood_message_set(&from, bytes, sizes[i]), 0);
        CU_ASSERT_EQUAL(brd_message_copy(&to, &from), 0);
        CU_ASSERT_PTR_NOT_EQUAL(brd_message_at(&to), brd_message_at(&from));
        memset(brd_message_at(&from), 0, sizes[i]);
        CU_ASSERT(holds(&to, bytes, sizes[i]));
    }
    brd_message_view(&from, bytes, 100);
    CU_ASSERT_EQUAL(brd_message_copy(&to, &from), 0);
    brood_message_clear(&from);
    CU_ASSERT(holds(&to, bytes, 100));
    CU_ASSERT_PTR_NOT_EQUAL(brd_message_at(&to), bytes);
    brood_message_clear(&to);
}

static void moving_leaves_nothing_behind(void)
{
    brood_message from = BROOD_MESSAGE_INIT, to = BROOD_MESSAGE_INIT;
    fill();
    for (int i = 0; i < SIZES; i++) {
        CU_ASSERT_EQUAL(brood_message_set(&from, bytes, sizes[i]), 0);
        brd_message_move(&to, &from); // to's old contents are freed
        CU_ASSERT(holds(&to, bytes, sizes[i]));
        CU_ASSERT(holds(&from, "", 0));
        CU_ASSERT_PTR_NOT_EQUAL(brd_message_at(&to), brd_message_at(&from));
    }
    brood_message_clear(&to);
    brood_message_clear(&from);
}

/* ------------------------------------------------------------------ errors */

static const brood_error trouble = {.status = BROOD_ETASK,
                                    .code = 12,
                                    .text = "no door",
                                    .function = "open+0x10",
                                    .worker = INT64_C(1) << 40,
                                    .exit_kind = BROOD_EXIT_SIGNAL,
                                    .exit_code = -3,
                                    .output = "a\0door",
                                    .output_size = 6};

static bool is_trouble(const brood_error *e)
{
    return e && e != &trouble && e->status == BROOD_ETASK && e->code == 12 &&
           strcmp(e->text, "no door") == 0 && e->text != trouble.text &&
           strcmp(e->function, "open+0x10") == 0 && e->function != trouble.function &&
           e->worker == INT64_C(1) << 40 && e->exit_kind == BROOD_EXIT_SIGNAL &&
           e->exit_code == -3 && e->output != trouble.output && e->output_size == 6 &&
           memcmp(e->output, "a\0door", 7) == 0;
}

static void carries_an_error_instead_of_data(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    int32_t number = 77;
    CU_ASSERT_EQUAL(brood_pack(&m, "i", 5), 0);
    CU_ASSERT_EQUAL(brd_message_fail(&m, &trouble), 0);
    CU_ASSERT(is_trouble(brood_message_error(&m)));
    CU_ASSERT(holds(&m, "", 0));
    CU_ASSERT_EQUAL(brood_unpack(&m, "i", &number), BROOD_ETASK);
    CU_ASSERT_EQUAL(brood_unpack_key(&m, "k", "i", &number), BROOD_ETASK);
    CU_ASSERT_EQUAL(number, 77);
    // One error after another, and data again.
    CU_ASSERT_EQUAL(brd_message_fail(&m, &trouble), 0);
    CU_ASSERT_EQUAL(brood_message_set(&m, "x", 1), 0);
    CU_ASSERT_PTR_NULL(brood_message_error(&m));
    CU_ASSERT_EQUAL(brd_message_fail(&m, &trouble), 0);
    brd_message_view(&m, bytes, 3);
    CU_ASSERT_PTR_NULL(brood_message_error(&m));
    brood_message_clear(&m);
}

static void its_error_goes_with_it(void)
{
    brood_message from = BROOD_MESSAGE_INIT, copy = BROOD_MESSAGE_INIT, moved = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brd_message_fail(&from, &trouble), 0);
    CU_ASSERT_EQUAL(brd_message_copy(&copy, &from), 0);
    CU_ASSERT_PTR_NOT_EQUAL(brood_message_error(&copy), brood_message_error(&from));
    brd_message_move(&moved, &from);
    CU_ASSERT_PTR_NULL(brood_message_error(&from));
    CU_ASSERT(is_trouble(brood_message_error(&copy)));
    CU_ASSERT(is_trouble(brood_message_error(&moved)));
    // Its own error again: what is copied must not be freed first.
    CU_ASSERT_EQUAL(brd_message_fail(&copy, brood_message_error(&copy)), 0);
    CU_ASSERT(is_trouble(brood_message_error(&copy)));
    brood_message_clear(&copy);
    brood_message_clear(&moved);
}

static void cuts_a_text_that_is_too_long(void)
{
    brood_error e = trouble;
    char *text = malloc(100001);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    if (!text)
        abort();
    for (size_t size = 0; size <= 100000; size = size * 3 + 1) {
        memset(text, 'e', size);
        text[size] = 0;
        e.text = e.function = text;
        brood_error *copy = brd_error_copy(&e);
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        if (!copy)
            abort();
        size_t cut = size < 4096 ? size : 4096;
        CU_ASSERT_EQUAL(strlen(copy->text), cut);
        CU_ASSERT_EQUAL(strlen(copy->function), cut);
        CU_ASSERT_EQUAL(memcmp(copy->output, "a\0door", 7), 0);
        free(copy);
    }
    free(text);
}

/* ----------------------------------------------------------------- scratch */

static void lends_memory_until_it_is_cleared(void)
{
    brood_message m = BROOD_MESSAGE_INIT;
    unsigned char *lent[50];
    for (size_t i = 0; i < 50; i++) {
        lent[i] = brd_message_scratch(&m, i * 11);
        CU_ASSERT_PTR_NOT_NULL_FATAL(lent[i]);
        if (!lent[i])
            abort();
        CU_ASSERT_EQUAL((uintptr_t)lent[i] % _Alignof(max_align_t), 0);
        memset(lent[i], (int)i, i * 11);
    }
    CU_ASSERT_EQUAL(brood_pack(&m, "s", "packing frees nothing of it"), 0);
    for (size_t i = 1; i < 50; i++)
        CU_ASSERT_EQUAL(lent[i][i * 11 - 1], i);
    brood_message_clear(&m);
}

static const test_case cases[] = {
    TEST_CASE(starts_empty),
    TEST_CASE(holds_what_was_set),
    TEST_CASE(reserves_what_is_written_in_place),
    TEST_CASE(out_of_memory_leaves_it_alone),
    TEST_CASE(grows_over_the_border),
    TEST_CASE(views_what_others_keep),
    TEST_CASE(never_writes_into_a_view),
    TEST_CASE(copies_are_of_their_own),
    TEST_CASE(moving_leaves_nothing_behind),
    TEST_CASE(carries_an_error_instead_of_data),
    TEST_CASE(its_error_goes_with_it),
    TEST_CASE(cuts_a_text_that_is_too_long),
    TEST_CASE(lends_memory_until_it_is_cleared),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "message", cases);
}
