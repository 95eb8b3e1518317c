/**
 * What this host asks of its plug-ins: a library that exports these four. The host knows
 * nothing of brood, nor does this header.
 */
#ifndef PLUGIN_H
#define PLUGIN_H

#if defined(_WIN32)
#define PLUGIN_API __declspec(dllexport)
#else
#define PLUGIN_API __attribute__((visibility("default")))
#endif

/** `directory` is where the plug-in lies, as the host knows it. 0, or what plugin_text explains. */
typedef int plugin_open_function(const char *directory);

/** How many prime numbers are below a number; -1: it failed, and plugin_text says why. */
typedef long plugin_count_function(long below);

/** What went wrong last. */
typedef const char *plugin_text_function(void);

typedef void plugin_close_function(void);

PLUGIN_API plugin_open_function plugin_open;
PLUGIN_API plugin_count_function plugin_count;
PLUGIN_API plugin_text_function plugin_text;
PLUGIN_API plugin_close_function plugin_close;

#endif
