/*
 * The command line of a worker. The one thing to know: anybody can write one, so all that
 * is not exactly as a parent writes it is no such argument.
 */
#include "harness.h"
#include "process/arguments.h"

#include <stdio.h>
#include <string.h>

enum { NOT_OURS = 9 }; /* an argument that this program was not started with */

static brd_place example(void)
{
    brd_place place = {.module = "/opt/a b/lib,x=1.so", .offset = UINT64_C(0xfedcba9876543210)};
    for (size_t i = 0; i < sizeof place.build; i++)
        place.build[i] = (uint8_t)(i * 13 + 7);
    return place;
}

static bool same(const brd_place *a, const brd_place *b)
{
    return a->offset == b->offset && strcmp(a->module, b->module) == 0 &&
           memcmp(a->build, b->build, sizeof a->build) == 0;
}

/** Writes a place as an argument and reads it again. */
static int there_and_back(const brd_place *place, brd_place *back)
{
    char argument[BRD_ARGUMENT_SIZE], text[BRD_ARGUMENT_SIZE];
    char *argv[NOT_OURS + 2] = {[NOT_OURS] = argument};
    brd_arguments_put_copy(argument, place);
    int status = brd_arguments_get(NOT_OURS + 1, argv, NOT_OURS, BRD_COPY_ARGUMENT, text);
    return status ? status : brd_arguments_read_copy(text, back);
}

static void a_place_comes_back_as_it_was(void)
{
    brd_place place = example(), back;
    CU_ASSERT_EQUAL(there_and_back(&place, &back), 0);
    CU_ASSERT(same(&place, &back));
    memset(place.module, 'p', sizeof place.module - 1);
    place.module[sizeof place.module - 1] = '\0';
    place.offset = 0;
    CU_ASSERT_EQUAL(there_and_back(&place, &back), 0);
    CU_ASSERT(same(&place, &back));
}

static void a_cut_place_is_none(void)
{
    char argument[BRD_ARGUMENT_SIZE], cut[BRD_ARGUMENT_SIZE];
    brd_place place = example(), back;
    brd_arguments_put_copy(argument, &place);
    const char *text = argument + sizeof BRD_COPY_ARGUMENT - 1;
    size_t path = strlen(text) - strlen(place.module), accepted = 0;
    for (size_t size = 0; size <= path; size++) {
        memcpy(cut, text, size);
        cut[size] = '\0';
        accepted += brd_arguments_read_copy(cut, &back) != BROOD_EPROTOCOL;
    }
    CU_ASSERT_EQUAL(accepted, 0);
    // Nor is one whose build has another digit than ours.
    for (size_t at = 17; at < path - 1; at++) {
        memcpy(cut, text, strlen(text) + 1);
        cut[at] = 'G';
        accepted += brd_arguments_read_copy(cut, &back) != BROOD_EPROTOCOL;
    }
    CU_ASSERT_EQUAL(accepted, 0);
}

static void a_place_that_is_too_long_is_none(void)
{
    char text[BRD_ARGUMENT_SIZE];
    brd_place place = example(), back;
    brd_arguments_put_copy(text, &place);
    size_t used = strlen(text) - strlen(place.module);
    CU_ASSERT_FATAL(used + sizeof place.module < sizeof text);
    memset(text + used, 'p', sizeof place.module);
    text[used + sizeof place.module] = '\0';
    CU_ASSERT_EQUAL(brd_arguments_read_copy(text + sizeof BRD_COPY_ARGUMENT - 1, &back),
                    BROOD_EPROTOCOL);
}

static void only_what_is_asked_for_is_given(void)
{
    char module[] = BRD_MODULE_ARGUMENT "/x", text[BRD_ARGUMENT_SIZE];
    char *argv[NOT_OURS + 2] = {[NOT_OURS] = module};
    const int count = NOT_OURS + 1;
    CU_ASSERT_EQUAL(brd_arguments_get(count, argv, NOT_OURS, BRD_MODULE_ARGUMENT, text), 0);
    CU_ASSERT_STRING_EQUAL(text, "/x");
    CU_ASSERT_EQUAL(brd_arguments_get(count, argv, NOT_OURS, BRD_COPY_ARGUMENT, text), BROOD_EEND);
    CU_ASSERT_EQUAL(brd_arguments_get(count, argv, count, BRD_MODULE_ARGUMENT, text), BROOD_EEND);
    CU_ASSERT_EQUAL(brd_arguments_get(0, NULL, NOT_OURS, BRD_MODULE_ARGUMENT, text), BROOD_EEND);
    CU_ASSERT_STRING_EQUAL(text, "/x");
}

static void an_argument_that_is_too_long_is_none(void)
{
    static char text[BRD_ARGUMENT_SIZE];
    static char argument[sizeof BRD_MODULE_ARGUMENT + BRD_ARGUMENT_SIZE] = BRD_MODULE_ARGUMENT;
    char *argv[NOT_OURS + 2] = {[NOT_OURS] = argument};
    const int count = NOT_OURS + 1;
    size_t prefix = sizeof BRD_MODULE_ARGUMENT - 1;
    memset(argument + prefix, 'p', BRD_ARGUMENT_SIZE - 1);
    CU_ASSERT_EQUAL(brd_arguments_get(count, argv, NOT_OURS, BRD_MODULE_ARGUMENT, text), 0);
    CU_ASSERT_EQUAL(strlen(text), BRD_ARGUMENT_SIZE - 1);
    argument[prefix + BRD_ARGUMENT_SIZE - 1] = 'p';
    CU_ASSERT_EQUAL(brd_arguments_get(count, argv, NOT_OURS, BRD_MODULE_ARGUMENT, text),
                    BROOD_EEND);
}

static void a_channel_and_a_depth_come_back(void)
{
    char argument[BRD_ARGUMENT_SIZE];
    brd_handle channel = BRD_NONE;
    unsigned depth = 0;
    brd_arguments_put_worker(argument, (brd_handle){77}, 3);
    CU_ASSERT_STRING_EQUAL(argument, "--brood-worker=77,3");
    const char *text = argument + sizeof BRD_WORKER_ARGUMENT - 1;
    CU_ASSERT_EQUAL(brd_arguments_read_worker(text, &channel, &depth), 0);
    CU_ASSERT_EQUAL(channel.os, 77);
    CU_ASSERT_EQUAL(depth, 3);
}

static void what_is_no_channel_and_depth(void)
{
    static const char *const wrong[] = {"",    ",",    "3",    "3,",      ",1",   "2,1",
                                        "0,1", "x,1",  "3,0",  "3,x",     "3,1x", "3,1,1",
                                        "3 1", "-3,1", "3,-1", "3,70000", "3;1"};
    brd_handle channel = BRD_NONE;
    unsigned depth = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CU_ASSERT_EQUAL(brd_arguments_read_worker(wrong[i], &channel, &depth), BROOD_EPROTOCOL);
    CU_ASSERT(brd_is_none(channel) && depth == 0);
}

static const test_case cases[] = {
    TEST_CASE(a_channel_and_a_depth_come_back),      TEST_CASE(what_is_no_channel_and_depth),
    TEST_CASE(a_place_comes_back_as_it_was),         TEST_CASE(a_cut_place_is_none),
    TEST_CASE(a_place_that_is_too_long_is_none),     TEST_CASE(only_what_is_asked_for_is_given),
    TEST_CASE(an_argument_that_is_too_long_is_none), {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "arguments", cases);
}
