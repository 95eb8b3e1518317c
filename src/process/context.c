/**
 * Contexts: how children start, as a value. The default one takes its start method when
 * it is first used, and keeps it.
 */
#include "process/context.h"
#include "process/capture.h"
#include "process/forkserver.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_NICE = 19 };

static brood_context default_context;
static _Atomic int default_made;
static _Atomic int default_method; // a brood_start_method; 0: nobody has set it

static bool is_available(brood_start_method method)
{
    if (method == BROOD_FORK || method == BROOD_FORKSERVER)
        return brd_os_can_fork();
    return method == BROOD_SPAWN;
}

/* --------------------------------------------------------------- the default */

const char *brood_start_method_name(brood_start_method method)
{
    static const char *const names[] = {"default", "spawn", "forkserver", "fork"};
    return method >= BROOD_DEFAULT_METHOD && method <= BROOD_FORK ? names[method] : "unknown";
}

static brood_start_method method_in_environment(void)
{
    const char *name = getenv("BROOD_START_METHOD");
    for (brood_start_method m = BROOD_SPAWN; name && m <= BROOD_FORK; m++)
        if (is_available(m) && strcmp(name, brood_start_method_name(m)) == 0)
            return m;
    return BROOD_SPAWN;
}

brood_start_method brood_get_start_method(void)
{
    int set = atomic_load(&default_method);
    if (set)
        return (brood_start_method)set;
    brood_start_method own = brd_method_of_birth();
    return own ? own : method_in_environment();
}

int brood_set_start_method(brood_start_method method)
{
    int none = 0;
    if (method < BROOD_SPAWN || method > BROOD_FORK)
        return BROOD_EINVAL;
    if (!is_available(method))
        return BROOD_ENOTSUP;
    return atomic_compare_exchange_strong(&default_method, &none, method) ? BROOD_OK : BROOD_EBUSY;
}

size_t brood_all_start_methods(brood_start_method *methods, size_t cap)
{
    static const brood_start_method all[] = {BROOD_SPAWN, BROOD_FORKSERVER, BROOD_FORK};
    size_t count = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!is_available(all[i]))
            continue;
        if (methods && count < cap)
            methods[count] = all[i];
        count++;
    }
    return count;
}

static void make_default(void)
{
    default_context.method = brood_get_start_method();
    default_context.generation = brd_generation();
    atomic_store(&default_method, (int)default_context.method);
    (void)brd_os_mutex_init(&default_context.lock);
}

void brd_context_forget(void)
{
    atomic_store(&default_made, 0);
    atomic_store(&default_method, 0);
    default_context = (brood_context){.method = BROOD_DEFAULT_METHOD};
}

brood_context *brd_context_default(void)
{
    brd_os_once(&default_made, make_default);
    return &default_context;
}

/* ---------------------------------------------------------------- a value */

static int copy_text(char **out, const char *text)
{
    if (!text)
        return BROOD_OK;
    size_t size = strlen(text) + 1;
    *out = malloc(size);
    if (!*out)
        return BROOD_ENOMEM;
    memcpy(*out, text, size);
    return BROOD_OK;
}

// A copy of this program is no other program, and has loaded what it has.
static brood_start_method default_for(const brood_context_options *o)
{
    brood_start_method method = o->preload ? BROOD_FORKSERVER : brood_get_start_method();
    return method == BROOD_FORK && (o->executable || o->modules) ? BROOD_SPAWN : method;
}

static bool makes_sense(const brood_context_options *o)
{
    for (size_t i = 0; o->env && o->env[i]; i++)
        if (o->env[i][0] == '\0' || o->env[i][0] == '=')
            return false;
    for (uint32_t i = 0; i < o->ncpus; i++)
        if (!o->cpus || o->cpus[i] >= 64 * sizeof((brd_limits *)0)->cpus / 8)
            return false;
    if (o->out > BROOD_STDIO_CAPTURE || o->err > BROOD_STDIO_CAPTURE || o->nice > MOST_NICE)
        return false;
    if (o->on_line && o->out != BROOD_STDIO_CAPTURE && o->err != BROOD_STDIO_CAPTURE)
        return false;
    return o->method <= BROOD_FORK && !(o->preload && o->method != BROOD_FORKSERVER) &&
           !((o->executable || o->modules) && o->method == BROOD_FORK);
}

static int copy_texts(char ***out, const char *const *texts)
{
    size_t count = 0;
    int status = BROOD_OK;
    if (!texts)
        return BROOD_OK;
    while (texts[count])
        count++;
    *out = calloc(count + 1, sizeof **out);
    if (!*out)
        return BROOD_ENOMEM;
    for (size_t i = 0; !status && i < count; i++)
        status = copy_text(&(*out)[i], texts[i]);
    return status;
}

// Now, and not when a worker fails for it: that what was named is there.
static int copy_program(char **out, const char *path)
{
    char full[4096];
    int status = path ? brd_os_file_path(path, true, full, sizeof full) : BROOD_OK;
    return status || !path ? status : copy_text(out, full);
}

static int copy_modules(brood_context *c, const char *const *paths)
{
    enum { PREFIX = sizeof BRD_MODULE_ARGUMENT - 1 };
    char argument[BRD_ARGUMENT_SIZE] = BRD_MODULE_ARGUMENT;
    int status = BROOD_OK;
    if (!paths || !paths[0])
        return BROOD_OK;
    c->modules = calloc(BRD_MOST_MODULES + 1, sizeof *c->modules);
    if (!c->modules)
        return BROOD_ENOMEM;
    for (; !status && paths[c->nmodules]; c->nmodules += !status) {
        if (c->nmodules == BRD_MOST_MODULES)
            return BROOD_EINVAL;
        status = brd_os_file_path(paths[c->nmodules], false, argument + PREFIX,
                                  sizeof argument - PREFIX);
        if (!status)
            status = copy_text(&c->modules[c->nmodules], argument);
    }
    return status;
}

static void copy_limits(brd_limits *limits, const brood_context_options *o)
{
    limits->memory = o->memory;
    limits->nice = o->nice;
    limits->ncpus = o->ncpus;
    for (uint32_t i = 0; i < o->ncpus; i++)
        limits->cpus[o->cpus[i] / 64] |= UINT64_C(1) << (o->cpus[i] % 64);
}

int brood_context_create(brood_context **out, const brood_context_options *options)
{
    brood_context_options o = BROOD_CONTEXT_OPTIONS_INIT;
    if (!out)
        return BROOD_EINVAL;
    if (options)
        memcpy(&o, options, options->struct_size < sizeof o ? options->struct_size : sizeof o);
    if (!o.method)
        o.method = default_for(&o);
    if (!makes_sense(&o))
        return BROOD_EINVAL;
    if (!is_available(o.method))
        return BROOD_ENOTSUP;
    brood_context *c = calloc(1, sizeof *c);
    if (!c)
        return BROOD_ENOMEM;
    c->method = o.method;
    c->generation = brd_generation();
    c->preload = o.preload;
    c->fork_anyway = o.fork_anyway != 0;
    c->out = o.out;
    c->err = o.err;
    copy_limits(&c->limits, &o);
    int status = brd_os_mutex_init(&c->lock);
    if (!status)
        status = copy_program(&c->executable, o.executable);
    if (!status)
        status = copy_modules(c, o.modules);
    if (!status)
        status = copy_text(&c->directory, o.directory);
    if (!status)
        status = copy_texts(&c->env, o.env);
    if (!status)
        status = brd_capture_open(&c->capture, &o);
    if (status)
        brood_context_destroy(c);
    else
        *out = c;
    return status;
}

void brood_context_destroy(brood_context *context)
{
    if (!context)
        return;
    if (context->generation == brd_generation())
        brd_forkserver_close(&context->server);
    brd_capture_close(&context->capture); // after the last one that prints
    brd_os_mutex_clear(&context->lock);
    for (size_t i = 0; context->env && context->env[i]; i++)
        free(context->env[i]);
    free(context->env);
    for (size_t i = 0; i < context->nmodules; i++)
        free(context->modules[i]);
    free(context->modules);
    free(context->directory);
    free(context->executable);
    free(context);
}

/* -------------------------------------------------------------- for children */

int brd_may_start(const brood_context *context)
{
    // Neither a copy of it nor a program of its own starts this program again.
    if (context->method != BROOD_FORK && !context->executable && !brd_main_called())
        return BROOD_ENOMAIN;
    // In a child this would be in every one: children without end, eight levels or not.
    if (brd_is_beginning() || brd_depth() >= BRD_DEPTH_LIMIT)
        return BROOD_EDEPTH;
    if (context->method == BROOD_FORK && !context->fork_anyway && brd_os_thread_foreign() > 1)
        return BROOD_ETHREADS;
    return BROOD_OK;
}

// A forked child that uses its parent's context has none of what that had running.
static int make_own(brood_context *context)
{
    if (!brd_generation_claim(&context->generation))
        return BROOD_OK;
    int status = brd_os_mutex_init(&context->lock);
    context->server = NULL;
    brd_generation_settle(&context->generation);
    return status;
}

int brd_context_server(brood_context *context, struct brd_forkserver **out)
{
    *out = NULL;
    if (context->method != BROOD_FORKSERVER)
        return BROOD_OK;
    int status = make_own(context);
    if (status)
        return status;
    brd_os_mutex_lock(&context->lock);
    status = context->server ? BROOD_OK : brd_forkserver_open(&context->server, context);
    if (!status)
        *out = context->server;
    brd_os_mutex_unlock(&context->lock);
    return status;
}
