/*
 * Modules where they are files that dlopen finds. The one thing to know: the trap
 * (tests/modules) exports trap_task; what it depends on exports brood_module_init.
 */
#include "harness.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char path[] = BROOD_TEST_TRAP;

static void what_a_module_depends_on_is_not_it(void)
{
    char why[512];
    void *code = NULL;
    int here = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_module_load(path, "trap_task", &code, why, sizeof why), 0);
    CU_ASSERT_PTR_NOT_NULL(code);
    code = &here;
    CU_ASSERT_EQUAL(brd_os_module_load(path, "brood_module_init", &code, why, sizeof why), 0);
    CU_ASSERT_PTR_NULL(code);
    CU_ASSERT_STRING_EQUAL(why, "");
}

static void a_module_may_have_two_names(void)
{
    char why[512];
    char name[1100];
    void *code = NULL;
    snprintf(name, sizeof name, "%s.%lld", path, (long long)brd_os_pid());
    CU_ASSERT_EQUAL_FATAL(symlink(path, name), 0);
    CU_ASSERT_EQUAL(brd_os_module_load(name, "trap_task", &code, why, sizeof why), 0);
    CU_ASSERT_PTR_NOT_NULL(code);
    unlink(name);
}

/** In a process that has not loaded it otherwise, from its directory and then from another. */
static int child_loads(int argc, char **argv)
{
    char name[1024] = ".";
    brd_place place;
    void *code = NULL;
    (void)argc, (void)argv;
    const char *base = strrchr(path, '/');
    TEST_CHILD_CHECK(base != NULL);
    snprintf(name + 1, sizeof name - 1, "%s", base);
    void *loaded = dlopen(name, RTLD_NOW);
    TEST_CHILD_CHECK(loaded != NULL);
    TEST_CHILD_CHECK(chdir("/") == 0);
    void *task = dlsym(loaded, "trap_task");
    TEST_CHILD_CHECK(task != NULL);
    TEST_CHILD_CHECK(brd_os_module_of(task, &place) == 0);
    char *real = realpath(path, NULL);
    TEST_CHILD_CHECK(real && strcmp(place.module, real) == 0);
    free(real);
    TEST_CHILD_CHECK(brd_os_module_at(&place, &code) == 0);
    TEST_CHILD_CHECK(code == task);
    return 0;
}

static void a_relative_path_is_kept_as_a_full_one(void)
{
    char directory[1024];
    brd_proc child = {0};
    snprintf(directory, sizeof directory, "%.*s", (int)(strrchr(path, '/') - path), path);
    test_start how = {.child = "loads", .directory = directory};
    CU_ASSERT_EQUAL_FATAL(test_start_child(&child, &how), 0);
    CU_ASSERT_EQUAL(test_end(&child), 0);
}

static const test_case cases[] = {
    TEST_CASE(what_a_module_depends_on_is_not_it),
    TEST_CASE(a_module_may_have_two_names),
    TEST_CASE(a_relative_path_is_kept_as_a_full_one),
    TEST_CHILD("loads", child_loads),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "module_posix", cases);
}
