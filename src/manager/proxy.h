/**
 * Proxies, as the rest of the manager's floor sees them.
 */
#ifndef BRD_MANAGER_PROXY_H
#define BRD_MANAGER_PROXY_H

#include "manager/client.h"

/** A proxy for a reference that the session has already. */
int brd_proxy_make(brood_proxy **out, brd_client *client, uint64_t object, const char *type);

/** The same by a request whose answer is object and type. */
int brd_proxy_ask_for(brood_proxy **out, brd_client *client, const brd_request *request);

/** NULL: it is none of this process. Borrowed from the proxy. */
brd_client *brd_proxy_client(const brood_proxy *proxy);

/** The session refers to an object once less. */
void brd_drop(brd_client *client, uint64_t object);

/** What another process needs to have it too, with a ticket. Fails with: BROOD_ECLOSED. */
int brd_proxy_describe(brood_proxy *proxy, unsigned char bytes[BRD_REFERENCE_SIZE]);

/** The proxy that is described so. */
int brd_proxy_of(brood_proxy **out, const unsigned char bytes[BRD_REFERENCE_SIZE]);

#endif
