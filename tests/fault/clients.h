/*
 * Clients of managers that speak the protocol themselves.
 */
#ifndef BRD_TESTS_CLIENTS_H
#define BRD_TESTS_CLIENTS_H

#include "api/managed.h"
#include "manager/protocol.h"

static inline int say(brood_pipe *pipe, const brd_request *request, const brood_message *args)
{
    brood_message words = BROOD_MESSAGE_INIT;
    ASSERT_OK(brd_request_write(&words, request, args));
    int status = brood_pipe_send(pipe, &words, LONG);
    brood_message_clear(&words);
    return status;
}

#endif
