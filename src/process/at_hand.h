/**
 * What this process was given to do, for whoever asks in it whether that is to end.
 */
#ifndef BRD_AT_HAND_H
#define BRD_AT_HAND_H

#include "ipc/port.h"

/** From now on this process works for the parent at this port, and has nothing at hand. */
void brd_at_hand_open(brd_port *port);

/** Takes up an item of a task; task 0: puts it down. */
void brd_at_hand_set(uint64_t task, uint32_t item);

/** The task at hand, and its item; 0: none. Any thread. */
uint64_t brd_at_hand(uint32_t *item);

/** Whether the parent wants this item to come to its end. */
bool brd_at_hand_cancelled(uint64_t task, uint32_t item);

#endif
