/**
 * Proxies, as the rest of the manager's floor sees them.
 */
#ifndef BRD_MANAGER_PROXY_H
#define BRD_MANAGER_PROXY_H

#include "manager/client.h"

/** Milliseconds that an answer may come later than the method may wait. Tests make it shorter. */
extern int64_t brd_proxy_patience;

/** A proxy for a reference that the session has already. */
int brd_proxy_make(brood_proxy **out, brd_client *client, uint64_t object, const char *type);

/** The same by a request whose answer is object and type. */
int brd_proxy_ask_for(brood_proxy **out, brd_client *client, const brd_request *request);

/** NULL: it is none of this process. Borrowed from the proxy. */
brd_client *brd_proxy_client(const brood_proxy *proxy);

/** The session refers to an object once less. */
void brd_drop(brd_client *client, uint64_t object);

#endif
