/**
 * A library that makes pools of its own, as a plug-in does: what its hosts, which are
 * tests, can ask of it. It is built several times, each time with another number.
 */
#ifndef BRD_TESTS_SHOP_H
#define BRD_TESTS_SHOP_H

#include <brood/brood.h>

enum { SHOP_HERE = 1, SHOP_THERE = 2 };

/** What a shop is to do in a worker. */
typedef enum shop_task {
    SHOP_SQUARE,     /* n * n */
    SHOP_SELF,       /* see SHOP_SAYS */
    SHOP_FAIL,       /* fails, with a text that has its number */
    SHOP_NESTED,     /* SHOP_SELF in a pool of the worker's own */
    SHOP_NAMED,      /* SHOP_HERE in a function that was registered in the host, as
                        "shop <number>";
                        SHOP_THERE in one that brood_module_init registers under that name */
    SHOP_MAIN_AGAIN, /* calls brood_main, and is there again: n */
    SHOP_EARLY,      /* what its pool came to that brood_module_init tried to make, or, with a
                        number of n, the one in its constructor; -1: it has none */
    SHOP_TASKS
} shop_task;

/** That the task ran in this shop's number, so deep, and found what the initializer left. */
#define SHOP_SAYS(number, depth) ((number)*1000 + (depth)*10 + 1)

typedef struct shop_order {
    shop_task task;
    brood_start_method method;
    const char *worker;
    const char *module; /* of the context; NULL: none */
    int32_t n;
} shop_order;

typedef struct shop_answer {
    int64_t value;
    char text[1600]; /* of the failure */
} shop_answer;

/** What "shop_open" of such a library gives. */
typedef struct shop {
    int number;
    brood_function *square; /* of "i", answers "x" */
    int (*run)(const shop_order *order, shop_answer *answer);
} shop;

typedef const shop *shop_door(void);

#endif
