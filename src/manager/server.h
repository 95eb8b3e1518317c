/**
 * The process of a manager.
 */
#ifndef BRD_MANAGER_SERVER_H
#define BRD_MANAGER_SERVER_H

#include "manager/protocol.h"

enum { BRD_CLIENTS_MAX = 100000 };

/** By this name it is found in a process whose program is another one. */
#define BRD_MANAGER_FUNCTION "brood.manager"

/**
 * What the process runs. Its arguments, "ayaystup": the id of the server, the key (or
 * nothing), the address (or ""), the limit of messages, how many connections, and the pipe by
 * which it says "is", a status and its address, and by whose end it is told to end.
 */
int brd_manager_serve(brood_message *args, brood_message *result);

#endif
