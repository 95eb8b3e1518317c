/*
 * Tasks: every step of the machine, the queue, the free list. The one thing to know: a
 * forbidden step is an assertion of ours, so each is taken in a child, which must not
 * come to its end; without assertions those tests are skipped.
 * (Analyzers do not see that a fatal assertion never returns: hence the aborts.)
 */
#include "harness.h"
#include "pool/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATES = 5 };

static const char allowed[STATES][STATES + 1] = {
    // to: WSDFL
    [BRD_TASK_WAITING] = ".x.x.", [BRD_TASK_SENT] = "x.xxx", [BRD_TASK_DONE] = ".....",
    [BRD_TASK_FAILED] = ".....",  [BRD_TASK_LOST] = "x..x.",
};

#ifdef NDEBUG
static const bool asserts = false;
#else
static const bool asserts = true;
#endif

static void takes_every_allowed_step(void)
{
    for (int from = 0; from < STATES; from++)
        for (int to = 0; to < STATES; to++)
            if (allowed[from][to] == 'x') {
                brd_task task = {.state = (brd_task_state)from};
                brd_task_enter(&task, (brd_task_state)to);
                CU_ASSERT_EQUAL((int)task.state, to);
            }
}

static int child_steps(int argc, char **argv)
{
    TEST_CHILD_CHECK(argc == 2);
    brd_task task = {.state = (brd_task_state)atoi(argv[0])};
    brd_task_enter(&task, (brd_task_state)atoi(argv[1]));
    return 0;
}

static void no_forbidden_step(int from, int to)
{
    char first[16], second[16];
    brd_proc p = {0};
    test_start how = {.child = "steps", .args = {first, second}};
    snprintf(first, sizeof first, "%d", from);
    snprintf(second, sizeof second, "%d", to);
    CU_ASSERT_EQUAL_FATAL(test_start_child(&p, &how), 0);
    int64_t ended = test_end(&p);
    CU_ASSERT_NOT_EQUAL(ended, 0);
    CU_ASSERT_NOT_EQUAL(ended, 99);
}

static void takes_no_forbidden_step(void)
{
    if (!asserts)
        TEST_SKIP("built without assertions");
    for (int from = 0; from < STATES; from++)
        for (int to = 0; to < STATES; to++)
            if (allowed[from][to] != 'x')
                no_forbidden_step(from, to);
}

static void every_state_has_a_name(void)
{
    for (int i = 0; i < STATES; i++)
        for (int j = 0; j < i; j++)
            CU_ASSERT_STRING_NOT_EQUAL(brd_task_state_name((brd_task_state)i),
                                       brd_task_state_name((brd_task_state)j));
}

/* --------------------------------------------------------------- the queue */

static void is_first_in_first_out(void)
{
    brd_queue q = {0};
    CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&q, 0), BROOD_OK);
    brd_task tasks[5] = {{0}};
    CU_ASSERT_PTR_NULL(brd_queue_pop(&q));
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 5; i++) {
            brd_queue_push(&q, &tasks[i]);
            CU_ASSERT_EQUAL(q.count, i + 1);
        }
        for (size_t i = 0; i < 5; i++)
            CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &tasks[i]);
        CU_ASSERT_PTR_NULL(brd_queue_pop(&q));
        CU_ASSERT_EQUAL(q.count, 0);
        CU_ASSERT_PTR_NULL(brd_queue_head(&q));
    }
    brd_queue_clear(&q);
}

static void what_comes_back_goes_first(void)
{
    brd_queue q = {0};
    CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&q, 0), BROOD_OK);
    brd_task a = {0}, b = {0}, c = {0}, d = {0};
    brd_queue_push_front(&q, &b);
    brd_queue_push_front(&q, &a);
    brd_queue_push(&q, &c);
    CU_ASSERT_EQUAL(q.count, 3);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &a);
    brd_queue_push_front(&q, &a);
    brd_queue_push(&q, &d);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &a);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &b);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &c);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &d);
    CU_ASSERT_PTR_NULL(brd_queue_pop(&q));
    brd_queue_push_front(&q, &a);
    brd_queue_push(&q, &b);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &a);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &b);
    CU_ASSERT_EQUAL(q.count, 0);
    brd_queue_clear(&q);
}

static void a_popped_task_hangs_on_nothing(void)
{
    brd_queue q = {0};
    CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&q, 0), BROOD_OK);
    brd_task a = {0}, b = {0};
    brd_queue_push(&q, &a);
    brd_queue_push(&q, &b);
    CU_ASSERT_PTR_NULL(brd_queue_pop(&q)->next);
    // It can stand in another queue now.
    brd_queue other = {0};
    CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&other, 0), BROOD_OK);
    brd_queue_push(&other, &a);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &b);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&other), &a);
    brd_queue_clear(&q);
    brd_queue_clear(&other);
}

static void higher_priorities_go_first(void)
{
    brd_queue q = {0};
    brd_task low = {.terms.priority = -7}, first = {0}, second = {0}, high = {.terms.priority = 9};
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&q, 0), BROOD_OK);
        CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&q, 9), BROOD_OK);
        CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&q, -7), BROOD_OK);
    }
    CU_ASSERT_EQUAL(q.nlevels, 3);
    brd_queue_push(&q, &low);
    brd_queue_push(&q, &first);
    brd_queue_push(&q, &high);
    brd_queue_push(&q, &second);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &high);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &first);
    brd_queue_push_front(&q, &first);
    CU_ASSERT_PTR_EQUAL(brd_queue_head(&q), &first);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &first);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &second);
    CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &low);
    CU_ASSERT_PTR_NULL(brd_queue_head(&q));
    brd_queue_clear(&q);
}

static void any_task_can_leave(void)
{
    brd_queue q = {0};
    brd_task tasks[4] = {{0}};
    CU_ASSERT_EQUAL_FATAL(brd_queue_prepare(&q, 0), BROOD_OK);
    for (size_t gone = 0; gone < 4; gone++) {
        for (size_t i = 0; i < 4; i++)
            brd_queue_push(&q, &tasks[i]);
        brd_queue_remove(&q, &tasks[gone]);
        CU_ASSERT_EQUAL(q.count, 3);
        for (size_t i = 0; i < 4; i++)
            if (i != gone)
                CU_ASSERT_PTR_EQUAL(brd_queue_pop(&q), &tasks[i]);
        CU_ASSERT_PTR_NULL(brd_queue_pop(&q));
    }
    brd_queue_clear(&q);
}

/* ----------------------------------------------------------- the free list */

static void is_used_again(void)
{
    brd_tasks t = {0};
    brd_task *a = brd_tasks_get(&t), *b = brd_tasks_get(&t);
    CU_ASSERT_PTR_NOT_NULL_FATAL(a);
    if (!a)
        abort();
    CU_ASSERT_PTR_NOT_NULL_FATAL(b);
    if (!b)
        abort();
    CU_ASSERT_PTR_NOT_EQUAL(a, b);
    brd_tasks_put(&t, a);
    brd_tasks_put(&t, b);
    CU_ASSERT_PTR_EQUAL(brd_tasks_get(&t), b);
    CU_ASSERT_PTR_EQUAL(brd_tasks_get(&t), a);
    brd_task *c = brd_tasks_get(&t);
    CU_ASSERT(c && c != a && c != b);
    brd_tasks_put(&t, a);
    brd_tasks_put(&t, b);
    brd_tasks_put(&t, c);
    brd_tasks_clear(&t);
    CU_ASSERT_PTR_NULL(t.free);
    brd_tasks_clear(&t);
}

static void comes_back_as_new(void)
{
    brd_tasks t = {0};
    brd_sink sink = {0};
    _Atomic uint32_t claim = 0;
    char text[200];
    brd_task *task = brd_tasks_get(&t);
    CU_ASSERT_PTR_NOT_NULL_FATAL(task);
    if (!task)
        abort();
    memset(text, 't', sizeof text);
    task->initializer = true;
    task->count = task->ended = 3;
    task->sink = &sink;
    task->first = 8;
    task->claim = &claim;
    task->args = &task->own;
    CU_ASSERT_EQUAL(brood_message_set(&task->own, text, sizeof text), 0);
    brd_task_enter(task, BRD_TASK_SENT);
    brd_task_enter(task, BRD_TASK_DONE);
    brd_tasks_put(&t, task);
    CU_ASSERT_PTR_EQUAL_FATAL(brd_tasks_get(&t), task);
    CU_ASSERT_EQUAL(task->state, BRD_TASK_WAITING);
    CU_ASSERT_FALSE(task->initializer);
    CU_ASSERT_EQUAL(task->count, 0);
    CU_ASSERT_EQUAL(task->ended, 0);
    CU_ASSERT_PTR_NULL(task->sink);
    CU_ASSERT_PTR_NULL(task->job);
    CU_ASSERT_EQUAL(task->first, 0);
    CU_ASSERT_PTR_NULL(task->claim);
    CU_ASSERT_PTR_NULL(task->args);
    CU_ASSERT_PTR_NULL(task->next);
    CU_ASSERT_EQUAL(task->own.size, 0);
    brd_tasks_put(&t, task);
    brd_tasks_clear(&t);
}

static const test_case cases[] = {
    TEST_CASE(takes_every_allowed_step),
    TEST_CASE(takes_no_forbidden_step),
    TEST_CASE(every_state_has_a_name),
    TEST_CASE(is_first_in_first_out),
    TEST_CASE(what_comes_back_goes_first),
    TEST_CASE(a_popped_task_hangs_on_nothing),
    TEST_CASE(higher_priorities_go_first),
    TEST_CASE(any_task_can_leave),
    TEST_CASE(is_used_again),
    TEST_CASE(comes_back_as_new),
    TEST_CHILD("steps", child_steps),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "task", cases);
}
