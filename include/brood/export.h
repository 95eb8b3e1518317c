/**
 * BROOD_API marks what the library exports.
 *
 * Static builds define BROOD_STATIC (the CMake target and the pkg-config file
 * do it for their users); BROOD_BUILDING is defined only while brood itself is
 * compiled.
 */
#ifndef BROOD_EXPORT_H
#define BROOD_EXPORT_H

#if defined(BROOD_STATIC)
#define BROOD_API
#elif defined(_WIN32)
#if defined(BROOD_BUILDING)
#define BROOD_API __declspec(dllexport)
#else
#define BROOD_API __declspec(dllimport)
#endif
#else
#define BROOD_API __attribute__((visibility("default")))
#endif

#if defined(__GNUC__) || defined(__clang__)
#define BROOD_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define BROOD_PRINTF(text, first)
#endif

#endif
