/* Included before everything else while APR itself is compiled by mingw-w64.
 * apr_private.h pretends that wtypes.h was included, which breaks accctrl.h, and
 * apr_arch_misc.h wants NET_IFINDEX: with the real headers first, both are moot.
 * As a precompiled header it also makes the build six times faster. */
#ifndef APR_MINGW_PRELUDE_H
#define APR_MINGW_PRELUDE_H
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <winsock2.h>
#include <ws2tcpip.h>
#include <mswsock.h>
#include <windows.h>
#include <iphlpapi.h>
#include <accctrl.h>
#include <aclapi.h>
#endif
