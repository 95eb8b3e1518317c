/*
 * Workers that are another program than their parent: brood-worker, and one of somebody's
 * own. The one thing to know: this program, brood-worker and each shop (tests/modules) may
 * have a copy of brood of its own, and what a shop says of itself tells whose copy its
 * worker runs.
 */
#include "fault/acts.h"
#include "fault/methods.h"
#include "modules/shop.h"

#include <apr_file_io.h>
#include <apr_pools.h>
#include <brood/process.h>

enum { REFUSED = 65 };

static const char worker[] = BROOD_TEST_WORKER, own_worker[] = BROOD_TEST_OWN_WORKER;
static const char shop_a[] = BROOD_TEST_SHOP_A, shop_b[] = BROOD_TEST_SHOP_B,
                  shop_sick[] = BROOD_TEST_SHOP_SICK;

static char shop_c[1000]; /* a copy of the second, to be replaced */

/** Loads a shop into this program, as hosts load plug-ins. NULL: it cannot. */
static const shop *load_shop(const char *path)
{
    char why[512] = "", full[1024] = "";
    void *code = NULL;
    shop_door *open = NULL;
    int status = brd_os_file_path(path, false, full, sizeof full);
    if (!status)
        status = brd_os_module_load(full, "shop_open", &code, why, sizeof why);
    if (status || !code) {
        fprintf(stderr, "%s: %s\n", path, *why ? why : brood_status_text(status));
        return NULL;
    }
    memcpy(&open, &code, sizeof open);
    return open();
}

static const shop *shop_at(const char *path)
{
    const shop *loaded = load_shop(path);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loaded);
    return loaded;
}

/** The start methods by which another program can be started. */
static size_t other_methods(brood_start_method all[3])
{
    size_t count = methods(all), kept = 0;
    for (size_t i = 0; i < count; i++)
        if (all[i] != BROOD_FORK)
            all[kept++] = all[i];
    return kept;
}

static brood_context *context_of(const brood_context_options *options)
{
    brood_context *context = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_context_create(&context, options), BROOD_OK);
    return context;
}

static brood_pool *pool_in(brood_context *context, brood_function *initializer)
{
    brood_pool *pool = NULL;
    int status = brood_pool_create(
        &pool, BROOD_POOL(.processes = 2, .context = context, .initializer = initializer));
    CU_ASSERT_EQUAL_FATAL(status, BROOD_OK);
    return pool;
}

/** Runs a function of "i"; how that fails, with a part of the text. */
static void check_failure(brood_pool *pool, brood_function *function, int expected,
                          const char *part)
{
    brood_message result = BROOD_MESSAGE_INIT;
    CU_ASSERT_EQUAL(brood_pool_run(pool, function, &result, "i", 1), expected);
    const brood_error *error = brood_message_error(&result);
    CU_ASSERT_PTR_NOT_NULL_FATAL(error);
    if (!error)
        abort(); // for analyzers, which do not see that a fatal assertion never returns
    CU_ASSERT_PTR_NOT_NULL(strstr(error->text, part));
    if (!strstr(error->text, part))
        fprintf(stderr, "not \"%s\": %s\n", part, error->text);
    brood_message_clear(&result);
}

/* ----------------------------------------------------------- functions by place */

static void runs_what_is_in_a_library(void)
{
    const shop *a = shop_at(shop_a);
    brood_start_method all[3];
    size_t count = other_methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context = context_of(BROOD_CONTEXT(.method = all[i], .executable = worker));
        brood_pool *pool = pool_in(context, NULL);
        CU_ASSERT_EQUAL(apply_number(pool, a->square, 12), 144);
        pool_end(pool);
        brood_context_destroy(context);
    }
}

static int of_this_program(brood_message *args, brood_message *result)
{
    return square(args, result);
}

static void names_the_fix_for_what_is_in_this_program(void)
{
    const shop *a = shop_at(shop_a);
    brood_context *context = context_of(BROOD_CONTEXT(.executable = worker));
    brood_pool *pool = pool_in(context, NULL);
    check_failure(pool, of_this_program, BROOD_EFUNCTION, "brood_register");
    CU_ASSERT_EQUAL(apply_number(pool, a->square, 3), 9); // only that task failed
    pool_end(pool);
    brood_context_destroy(context);
}

static void an_initializer_of_this_program_breaks_the_pool(void)
{
    const shop *a = shop_at(shop_a);
    brood_context *context = context_of(BROOD_CONTEXT(.executable = worker));
    brood_pool *pool = pool_in(context, of_this_program);
    check_failure(pool, a->square, BROOD_EBROKEN, "brood_register");
    brood_pool_destroy(pool);
    brood_context_destroy(context);
}

static void a_preload_of_this_program_is_refused(void)
{
    brood_context *context = NULL;
    brood_pool *pool = NULL;
    int status = brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_FORKSERVER,
                                                              .executable = worker,
                                                              .preload = of_this_program));
    if (status == BROOD_ENOTSUP)
        TEST_SKIP("no forkserver here");
    ASSERT_OK(status);
    CU_ASSERT_EQUAL(brood_pool_create(&pool, BROOD_POOL(.processes = 1, .context = context)),
                    BROOD_EFUNCTION);
    brood_context_destroy(context);
}

static int copy_file(const char *from, const char *to)
{
    apr_pool_t *memory = NULL;
    int status = apr_pool_create(&memory, NULL);
    if (!status)
        status = apr_file_copy(from, to, APR_FPROT_FILE_SOURCE_PERMS, memory);
    apr_pool_destroy(memory);
    return status;
}

static void remove_file(const char *path)
{
    apr_pool_t *memory = NULL;
    if (apr_pool_create(&memory, NULL))
        return;
    (void)apr_file_remove(path, memory);
    apr_pool_destroy(memory);
}

/** Even of a library that is loaded. */
static void rename_file(const char *from, const char *to)
{
    apr_pool_t *memory = NULL;
    CU_ASSERT_EQUAL_FATAL(apr_pool_create(&memory, NULL), 0);
    CU_ASSERT_EQUAL(apr_file_rename(from, to, memory), 0);
    apr_pool_destroy(memory);
}

// The library was built anew while the host ran: its places mean something else there.
static void refuses_a_library_of_another_build(void)
{
    char old[1100];
    shop_answer answer;
    snprintf(old, sizeof old, "%s.old", shop_c);
    const shop *a = shop_at(shop_c);
    rename_file(shop_c, old);
    CU_ASSERT_EQUAL_FATAL(copy_file(shop_a, shop_c), 0);
    brood_context *context = context_of(BROOD_CONTEXT(.executable = worker));
    brood_pool *pool = pool_in(context, NULL);
    check_failure(pool, a->square, BROOD_EBUILD, "another build");
    pool_end(pool);
    brood_context_destroy(context);
    // And if the pool is the library's own. A forkserver fails at once, and has no text.
    int status = a->run(&(shop_order){.worker = worker}, &answer);
    CU_ASSERT_NOT_EQUAL(status, BROOD_OK);
    CU_ASSERT(status == BROOD_EBUILD || strstr(answer.text, "another build"));
    remove_file(old);
}

/* ------------------------------------------------------------------ plug-ins */

static void check_shop(const shop *s, shop_order order, int64_t expected)
{
    shop_answer answer;
    order.worker = worker;
    CU_ASSERT_EQUAL(s->run(&order, &answer), BROOD_OK);
    CU_ASSERT_EQUAL(answer.value, expected);
    if (answer.value != expected)
        fprintf(stderr, "task %d of shop %d: %lld, %s\n", (int)order.task, s->number,
                (long long)answer.value, answer.text);
}

// Depth, name and state are variables of the copy of brood that the worker runs.
static void a_plugin_is_served_by_its_own_copy(void)
{
    const shop *a = shop_at(shop_a);
    brood_start_method all[3];
    size_t count = other_methods(all);
    for (size_t i = 0; i < count; i++) {
        check_shop(a, (shop_order){.task = SHOP_SQUARE, .method = all[i], .n = 7}, 49);
        check_shop(a, (shop_order){.task = SHOP_SELF, .method = all[i]}, SHOP_SAYS(1, 1));
    }
    check_shop(a, (shop_order){.task = SHOP_NESTED}, SHOP_SAYS(1, 2));
    check_shop(a, (shop_order){.task = SHOP_MAIN_AGAIN, .n = 5}, 5);
}

// A pool that is made there would be made in every worker, and in the workers of those.
static void modules_make_no_pools_while_they_begin(void)
{
    const shop *a = shop_at(shop_a);
    check_shop(a, (shop_order){.task = SHOP_EARLY, .module = shop_a}, BROOD_EDEPTH);
}

static void constructors_make_no_pools_in_workers(void)
{
    if (act_longest_path() < 4096)
        TEST_SKIP("in constructors nothing may wait here");
    check_shop(shop_at(shop_b), (shop_order){.task = SHOP_EARLY, .n = 1}, BROOD_EDEPTH);
}

static void a_path_may_be_in_any_script(void)
{
    const shop *c = shop_at(shop_c);
    check_shop(c, (shop_order){.task = SHOP_SELF}, SHOP_SAYS(2, 1));
    check_shop(c, (shop_order){.task = SHOP_NAMED, .module = shop_c}, SHOP_THERE);
}

static void the_text_of_a_failure_is_of_its_own_copy(void)
{
    shop_answer answer;
    const shop *a = shop_at(shop_a);
    const shop_order order = {.task = SHOP_FAIL, .worker = worker};
    CU_ASSERT_EQUAL(a->run(&order, &answer), BROOD_ETASK);
    CU_ASSERT_STRING_EQUAL(answer.text, "shop 1 is closed");
}

static void two_plugins_in_one_host(void)
{
    const shop *a = shop_at(shop_a), *b = shop_at(shop_b);
    CU_ASSERT_PTR_NOT_EQUAL(a, b);
    check_shop(a, (shop_order){.task = SHOP_SELF}, SHOP_SAYS(1, 1));
    check_shop(b, (shop_order){.task = SHOP_SELF}, SHOP_SAYS(2, 1));
    check_shop(a, (shop_order){.task = SHOP_SELF}, SHOP_SAYS(1, 1));
}

// What is registered twice is another function in the worker: so it went by name.
static void a_module_registers_names(void)
{
    const shop *a = shop_at(shop_a);
    brood_start_method all[3];
    size_t count = other_methods(all);
    for (size_t i = 0; i < count; i++)
        check_shop(a, (shop_order){.task = SHOP_NAMED, .method = all[i], .module = shop_a},
                   SHOP_THERE);
    // Where nothing has the name, it is found by its place.
    check_shop(a, (shop_order){.task = SHOP_NAMED}, SHOP_HERE);
}

/* ------------------------------------------------------------- functions by name */

static int not_the_triple(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", INT64_C(-3));
}

static int unheard_of(brood_message *args, brood_message *result)
{
    return square(args, result);
}

static int not_the_exit(brood_message *args, brood_message *result)
{
    (void)args, (void)result;
    return 8;
}

static int not_the_early(brood_message *args, brood_message *result)
{
    (void)args;
    return brood_pack(result, "x", INT64_C(-1));
}

static void register_all(void)
{
    ASSERT_OK(brood_register("early", not_the_early));
    ASSERT_OK(brood_register("triple", not_the_triple));
    ASSERT_OK(brood_register("unheard of", unheard_of));
    ASSERT_OK(brood_register("exits", not_the_exit));
}

static void a_name_is_what_the_worker_has_of_it(void)
{
    brood_start_method all[3];
    size_t count = other_methods(all);
    // Whether a copy in a library will serve is not known before brood_main. Where it may
    // make a pool too early, the workers of that know.
    const int64_t early = BROOD_TEST_SHARED ? BROOD_OK : BROOD_EDEPTH;
    register_all();
    for (size_t i = 0; i < count; i++) {
        brood_context *context =
            context_of(BROOD_CONTEXT(.method = all[i], .executable = own_worker));
        brood_pool *pool = pool_in(context, NULL);
        CU_ASSERT_EQUAL(apply_number(pool, not_the_triple, 5), 15);
        CU_ASSERT_EQUAL(apply_number(pool, not_the_early, 0), early);
        pool_end(pool);
        brood_context_destroy(context);
    }
    // This program, started again, has the function itself.
    char self[4096];
    CU_ASSERT_EQUAL_FATAL(brd_os_self_path(self, sizeof self), 0);
    brood_context *context = context_of(BROOD_CONTEXT(.executable = self));
    brood_pool *pool = pool_in(context, NULL);
    CU_ASSERT_EQUAL(apply_number(pool, not_the_triple, 5), -3);
    pool_end(pool);
    brood_context_destroy(context);
}

static int not_the_named(brood_message *args, brood_message *result)
{
    return square(args, result);
}

// brood-worker and the module share a copy of brood only if that is a shared library; else
// the module has registered with one that does not serve. Both are as the documents say.
static void a_module_registers_with_its_copy(void)
{
    const char *const modules[] = {shop_a, NULL};
    ASSERT_OK(brood_register("shop 1", not_the_named));
    brood_context *context = context_of(BROOD_CONTEXT(.executable = worker, .modules = modules));
    brood_pool *pool = pool_in(context, NULL);
    if (BROOD_TEST_SHARED) {
        CU_ASSERT_EQUAL(apply_number(pool, not_the_named, 5), SHOP_THERE);
    } else {
        check_failure(pool, not_the_named, BROOD_EFUNCTION, "copy of brood");
    }
    pool_end(pool);
    brood_context_destroy(context);
}

static void an_unknown_name_fails_its_task(void)
{
    register_all();
    brood_context *context = context_of(BROOD_CONTEXT(.executable = own_worker));
    brood_pool *pool = pool_in(context, NULL);
    for (int round = 0; round < 2; round++) {
        check_failure(pool, unheard_of, BROOD_EFUNCTION, "\"unheard of\"");
        CU_ASSERT_EQUAL(apply_number(pool, not_the_triple, 4), 12);
    }
    pool_end(pool);
    brood_context_destroy(context);
}

/* ----------------------------------------------------------------- processes */

static int exit_of(brood_context *context, brood_function *function)
{
    brood_process *process = NULL;
    ASSERT_OK(brood_process_create(&process, function, NULL, BROOD_PROCESS(.context = context)));
    ASSERT_OK(brood_process_start(process));
    ASSERT_OK(brood_process_join(process, test_ms(30000)));
    int code = brood_process_exit(process).python;
    brood_process_destroy(process);
    return code;
}

static void single_processes_too(void)
{
    register_all();
    brood_start_method all[3];
    size_t count = other_methods(all);
    for (size_t i = 0; i < count; i++) {
        brood_context *context =
            context_of(BROOD_CONTEXT(.method = all[i], .executable = own_worker));
        CU_ASSERT_EQUAL(exit_of(context, not_the_exit), 7);
        CU_ASSERT_EQUAL(exit_of(context, unheard_of), REFUSED);
        CU_ASSERT_EQUAL(exit_of(context, of_this_program), REFUSED);
        brood_context_destroy(context);
    }
}

/* -------------------------------------------------- what cannot be started */

// The program has brood in it, at another place: what a manager runs is found by its name.
static void managers_too(void)
{
    brood_context *context = context_of(BROOD_CONTEXT(.executable = own_worker));
    brood_manager *manager = NULL;
    brood_proxy *list = NULL;
    int64_t length = 0;
    ASSERT_OK(brood_manager_start(&manager, BROOD_MANAGER(.context = context)));
    ASSERT_OK(brood_manager_create(manager, &list, "list", NULL));
    ASSERT_OK(brood_proxy_run(list, "append", BROOD_FOREVER, "s", "text"));
    ASSERT_OK(brood_proxy_run(list, "len", BROOD_FOREVER, "x=", &length));
    CU_ASSERT_EQUAL(length, 1);
    brood_proxy_destroy(list);
    brood_manager_destroy(manager);
    brood_context_destroy(context);
}

static void a_program_that_is_not_there(void)
{
    brood_context *context = NULL;
    char directory[4096];
    snprintf(directory, sizeof directory, "%s", worker);
    *strrchr(directory, '/') = '\0';
    const char *const paths[] = {"/no/such/program", "no-such-program", "", directory};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        int status = brood_context_create(&context, BROOD_CONTEXT(.executable = paths[i]));
        CU_ASSERT_NOT_EQUAL(status, BROOD_OK);
        CU_ASSERT_NOT_EQUAL(brood_status_text(status)[0], '\0');
    }
    CU_ASSERT_PTR_NULL(context);
}

static void modules_that_make_no_sense(void)
{
    brood_context *context = NULL;
    const char *const lost[] = {shop_a, "/no/such/module", NULL}, *const none[] = {NULL};
    const char *many[18] = {0};
    CU_ASSERT_NOT_EQUAL(brood_context_create(&context, BROOD_CONTEXT(.modules = lost)), BROOD_OK);
    for (int i = 0; i < 17; i++)
        many[i] = shop_a;
    CU_ASSERT_EQUAL(brood_context_create(&context, BROOD_CONTEXT(.modules = many)), BROOD_EINVAL);
    CU_ASSERT_EQUAL(
        brood_context_create(&context, BROOD_CONTEXT(.method = BROOD_FORK, .modules = many)),
        BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(context);
    many[16] = NULL;
    brood_context_destroy(context_of(BROOD_CONTEXT(.modules = many)));
    brood_context_destroy(context_of(BROOD_CONTEXT(.modules = none)));
}

/** A pool whose workers cannot load that: what the status and the text say. */
static void check_module(const char *module, brood_start_method method, int status,
                         const char *part)
{
    const char *const modules[] = {module, NULL};
    brood_pool *pool = NULL;
    brood_context *context =
        context_of(BROOD_CONTEXT(.method = method, .executable = worker, .modules = modules));
    int made = brood_pool_create(&pool, BROOD_POOL(.processes = 2, .context = context));
    if (method == BROOD_FORKSERVER) { // the helper, which loads it, is started here
        CU_ASSERT_NOT_EQUAL(made, BROOD_OK);
        CU_ASSERT(!status || made == status);
    } else {
        ASSERT_OK(made);
        check_failure(pool, shop_at(shop_a)->square, BROOD_EBROKEN, part);
        CU_ASSERT_EQUAL(exit_of(context, shop_at(shop_a)->square), REFUSED);
    }
    brood_pool_destroy(pool);
    brood_context_destroy(context);
}

static void modules_that_cannot_be_loaded(void)
{
    brood_start_method all[3];
    size_t count = other_methods(all);
    gate no_library;
    gate_make(&no_library);
    gate_open(&no_library); // a file of one byte
    for (size_t i = 0; i < count; i++) {
        check_module(no_library.path, all[i], 0, "cannot be loaded");
        check_module(shop_sick, all[i], BROOD_ETASK, "brood_module_init of");
    }
    gate_remove(&no_library, 0);
}

/* ------------------------------------------------------------- the whole */

// What a copy of brood makes on first use is made before anything is counted.
static void warm_up(void)
{
    const char *const paths[] = {shop_a, shop_b, shop_c};
    shop_answer answer;
    pools_warm_up();
    (void)copy_file(shop_b, shop_c);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const shop *s = load_shop(paths[i]);
        if (s)
            (void)s->run(&(shop_order){.task = SHOP_SQUARE, .worker = worker}, &answer);
    }
}

static const test_case cases[] = {
    TEST_CASE(runs_what_is_in_a_library),
    TEST_CASE(names_the_fix_for_what_is_in_this_program),
    TEST_CASE(an_initializer_of_this_program_breaks_the_pool),
    TEST_CASE(a_preload_of_this_program_is_refused),
    TEST_CASE(a_plugin_is_served_by_its_own_copy),
    TEST_CASE(modules_make_no_pools_while_they_begin),
    TEST_CASE(constructors_make_no_pools_in_workers),
    TEST_CASE(a_path_may_be_in_any_script),
    TEST_CASE(refuses_a_library_of_another_build), /* the one before needs it as it was */
    TEST_CASE(the_text_of_a_failure_is_of_its_own_copy),
    TEST_CASE(two_plugins_in_one_host),
    TEST_CASE(a_module_registers_names),
    TEST_CASE(a_name_is_what_the_worker_has_of_it),
    TEST_CASE(an_unknown_name_fails_its_task),
    TEST_CASE(a_module_registers_with_its_copy),
    TEST_CASE(single_processes_too),
    TEST_CASE(managers_too),
    TEST_CASE(a_program_that_is_not_there),
    TEST_CASE(modules_that_make_no_sense),
    TEST_CASE(modules_that_cannot_be_loaded),
    {0},
};

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);
    // By the method, as this suite may run once for each of them at the same time. Windows
    // keeps files that are loaded: the next run writes over what this one leaves.
    snprintf(shop_c, sizeof shop_c, "%s.\xc3\xa4 \xce\xb2 \xe6\xbc\xa2.%s", shop_a,
             brood_start_method_name(brood_get_start_method()));
    test_warm_up = warm_up;
    int failures = test_main(argc, argv, "worker_program", cases);
    remove_file(shop_c);
    return failures;
}
