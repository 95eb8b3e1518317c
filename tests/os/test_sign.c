/*
 * Words by which other programs find a segment. Run on every system from this one source, and
 * with the knob `file` as where nobody can open another process's descriptors.
 */
#include "harness.h"

#include <stdio.h>
#include <string.h>

enum { SIZE = 5000 };

static const char *fresh_word(char *word, size_t cap)
{
    static int made;
    snprintf(word, cap, "os-%lld.%d", (long long)brd_os_pid(), made++);
    return word;
}

/** Finds the segment, writes into it, and ends. */
static int finds(int argc, char **argv)
{
    brd_shm shm;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_shm_find(&shm, argv[0]) == 0);
    TEST_CHILD_CHECK(shm.size >= SIZE);
    TEST_CHILD_CHECK(memcmp(shm.base, "shown", 6) == 0);
    memcpy(shm.base, "found", 6);
    brd_os_shm_unmap(&shm);
    return 0;
}

/** Shows a segment under the word, and ends at once: nothing is cleaned up. */
static int shows_and_ends(int argc, char **argv)
{
    brd_shm shm;
    brd_sign *sign = NULL;
    TEST_CHILD_CHECK(argc == 1);
    TEST_CHILD_CHECK(brd_os_shm_show(&shm, &sign, SIZE, argv[0]) == 0);
    brd_os_exit(0);
}

static int64_t run_child(const char *child, const char *word)
{
    brd_proc p;
    const test_start how = {.child = child, .args = {word}};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    return test_end(&p);
}

static void a_word_leads_to_the_segment(void)
{
    char word[64];
    brd_shm shm, other;
    brd_sign *sign = NULL, *second = NULL;
    fresh_word(word, sizeof word);
    CU_ASSERT_EQUAL(brd_os_shm_find(&other, word), BROOD_ECLOSED);
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_show(&shm, &sign, SIZE, word), 0);
    CU_ASSERT_EQUAL(shm.size, SIZE);
    memcpy(shm.base, "shown", 6);
    CU_ASSERT_EQUAL(run_child("finds", word), 0);
    CU_ASSERT_STRING_EQUAL((char *)shm.base, "found");
    CU_ASSERT_EQUAL(brd_os_shm_show(&other, &second, SIZE, word), BROOD_EBUSY);
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_find(&other, word), 0);
    brd_os_sign_close(&sign);
    CU_ASSERT_PTR_NULL(sign);
    brd_os_sign_close(&sign);
    brd_os_shm_unmap(&shm);
    CU_ASSERT_STRING_EQUAL((char *)other.base, "found");
    CU_ASSERT_EQUAL(brd_os_shm_find(&shm, word), BROOD_ECLOSED);
    brd_os_shm_unmap(&other);
}

static void the_word_of_the_dead_is_free(void)
{
    char word[64];
    brd_shm shm;
    brd_sign *sign = NULL;
    fresh_word(word, sizeof word);
    CU_ASSERT_EQUAL(run_child("shows_and_ends", word), 0);
    CU_ASSERT_EQUAL(brd_os_shm_find(&shm, word), BROOD_ECLOSED);
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_show(&shm, &sign, SIZE, word), 0);
    CU_ASSERT_EQUAL(((char *)shm.base)[0], 0);
    memcpy(shm.base, "shown", 6);
    CU_ASSERT_EQUAL(run_child("finds", word), 0);
    brd_os_sign_close(&sign);
    brd_os_shm_unmap(&shm);
}

static void some_words_are_none(void)
{
    static const char *const none[] = {"", "a/b", "..\\b", "a b", "a:b"};
    brd_shm shm;
    brd_sign *sign = NULL;
    char longest[66];
    memset(longest, 'a', 65);
    longest[65] = '\0';
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        CU_ASSERT_EQUAL(brd_os_shm_show(&shm, &sign, SIZE, none[i]), BROOD_EINVAL);
        CU_ASSERT_EQUAL(brd_os_shm_find(&shm, none[i]), BROOD_EINVAL);
    }
    CU_ASSERT_EQUAL(brd_os_shm_find(&shm, longest), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_shm_find(&shm, longest + 1), BROOD_ECLOSED);
    CU_ASSERT_EQUAL(brd_os_shm_find(&shm, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_os_shm_show(&shm, &sign, 0, "word"), BROOD_EINVAL);
    // Nor was the word taken by what failed.
    CU_ASSERT_NOT_EQUAL(brd_os_shm_show(&shm, &sign, SIZE_MAX / 2, fresh_word(longest, 66)), 0);
    CU_ASSERT_PTR_NULL(sign);
    CU_ASSERT_EQUAL_FATAL(brd_os_shm_show(&shm, &sign, 1, longest), 0);
    brd_os_sign_close(&sign);
    brd_os_shm_unmap(&shm);
}

static const test_case cases[] = {
    TEST_CASE(a_word_leads_to_the_segment),
    TEST_CASE(the_word_of_the_dead_is_free),
    TEST_CASE(some_words_are_none),
    TEST_CHILD("finds", finds),
    TEST_CHILD("shows_and_ends", shows_and_ends),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "sign", cases);
}
