/*
 * What a manager's server keeps, without any process or connection: the tables, values and
 * what they refer to, the map, and methods called as the server calls them. The one thing to
 * know: all is let go at the end of each test, so that the sanitizers see what leaks.
 */
#include "base/bytes.h"
#include "ipc/message.h"
#include "manager/map.h"
#include "manager/numbers.h"
#include "manager/type.h"

#include "harness.h"
#include <stdlib.h>
#include <string.h>

#define ASSERT_OK(call) CU_ASSERT_EQUAL((call), BROOD_OK)

static brd_store store;
static brd_session *session;

static void open_store(void)
{
    static const unsigned char id[BRD_SERVER_ID_SIZE] = "sixteen bytes..";
    unsigned char key[BRD_SESSION_SIZE] = {0};
    CU_ASSERT_EQUAL_FATAL(brd_store_open(&store, id), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brd_session_join(&store, key, &session), BROOD_OK);
}

static void close_store(void)
{
    brd_session_leave(&store, session, false);
    (void)brd_tickets_expire(&store, BRD_FOREVER - 1);
    CU_ASSERT_EQUAL(store.objects.count, 0);
    CU_ASSERT_EQUAL(store.tickets.count, 0);
    CU_ASSERT_PTR_NULL(store.sessions);
    brd_numbers_clear(&store.objects);
    brd_numbers_clear(&store.tickets);
    brd_os_mutex_clear(&store.lock);
}

/** An object to which only the caller refers. */
static brd_managed *object_of(const brd_type *type)
{
    brd_managed *m = calloc(1, sizeof *m);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    m->type = type;
    m->guard = &m->own;
    m->state = calloc(1, type->size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m->state);
    CU_ASSERT_EQUAL_FATAL(brd_os_mutex_init(&m->own), 0);
    CU_ASSERT_EQUAL_FATAL(brd_store_add(&store, m), BROOD_OK);
    return m;
}

/** A reference as it stands in a message. */
static void pack_reference(brood_message *m, uint64_t object, uint64_t ticket)
{
    unsigned char *at = brd_message_grow(m, 4 + BRD_REFERENCE_SIZE);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    memcpy(at, "\xc7\x21P", 4);
    memcpy(at + 4, store.id, BRD_SERVER_ID_SIZE);
    brd_put64(at + 4 + BRD_REFERENCE_OBJECT, object);
    brd_put64(at + 4 + BRD_REFERENCE_TICKET, ticket);
}

/** Calls a method as the server does. */
static int call(brd_managed *object, const char *method, brood_message *args, brood_message *result)
{
    brood_message none = BROOD_MESSAGE_INIT, answer = BROOD_MESSAGE_INIT;
    const brd_method *found = NULL;
    brd_call c = {.store = &store,
                  .session = session,
                  .object = object,
                  .args = args ? args : &none,
                  .result = &answer};
    CU_ASSERT_EQUAL_FATAL(brd_answer_begin(&answer), BROOD_OK);
    brd_os_mutex_lock(object->guard);
    int status = brd_type_run(&c, method, &found);
    brd_os_mutex_unlock(object->guard);
    brd_values_free(&store, c.rubbish);
    brd_value_free(&store, c.taken);
    if (!status && result)
        ASSERT_OK(brood_message_set(result, brd_message_at(&answer) + BRD_ANSWER_HEAD_SIZE,
                                    answer.size - BRD_ANSWER_HEAD_SIZE));
    brood_message_clear(&answer);
    return status;
}

/* -------------------------------------------------------------------- tables */

// Against the plainest table there is, for a thousand numbers in a fixed disorder.
static void numbers_come_and_go(void)
{
    enum { RANGE = 512, STEPS = 20000 };
    static char things[RANGE];
    bool there[RANGE] = {false};
    brd_numbers t = {0};
    uint32_t chance = 1;
    size_t count = 0, wrong = 0;
    for (int i = 0; i < STEPS; i++) {
        chance = chance * 1664525U + 1013904223U;
        size_t n = (chance >> 8) % RANGE;
        if (chance >> 31) {
            wrong += brd_numbers_set(&t, n, &things[n]) != BROOD_OK;
            count += !there[n];
            there[n] = true;
        } else {
            wrong += brd_numbers_take(&t, n) != (there[n] ? &things[n] : NULL);
            count -= there[n];
            there[n] = false;
        }
        size_t other = chance % RANGE;
        wrong += brd_numbers_get(&t, other) != (there[other] ? &things[other] : NULL);
        wrong += t.count != count;
    }
    size_t at = 0, seen = 0;
    while (brd_numbers_next(&t, &at))
        seen++;
    CU_ASSERT_EQUAL(seen, count);
    CU_ASSERT_EQUAL(wrong, 0);
    brd_numbers_clear(&t);
    CU_ASSERT_PTR_NULL(brd_numbers_get(&t, 1));
    CU_ASSERT_PTR_NULL(brd_numbers_take(&t, 1));
}

static brd_value *value_of(int32_t n)
{
    brood_message m = BROOD_MESSAGE_INIT;
    brd_value *v = NULL;
    CU_ASSERT_EQUAL_FATAL(brood_pack(&m, "i", n), BROOD_OK);
    CU_ASSERT_EQUAL_FATAL(brd_value_make(&store, brd_message_at(&m), m.size, true, &v), BROOD_OK);
    brood_message_clear(&m);
    return v;
}

static void put(brd_map *m, int32_t n, int32_t what, bool expected)
{
    brd_entry old = {NULL, NULL};
    ASSERT_OK(brd_map_put(m, value_of(n), value_of(what), &old));
    CU_ASSERT_EQUAL(old.key != NULL, expected);
    free(old.key);
    free(old.value);
}

static bool take(brd_map *m, int32_t n)
{
    brd_value *key = value_of(n);
    brd_entry *e = brd_map_find(m, key);
    brd_entry taken = e ? brd_map_take(m, e) : (brd_entry){NULL, NULL};
    free(key);
    free(taken.key);
    free(taken.value);
    return e != NULL;
}

// Two thousand steps with gaps at both ends, and the order in which keys came in.
static void maps_keep_their_order(void)
{
    enum { RANGE = 40, STEPS = 4000 };
    int64_t since[RANGE] = {0}; /* when it came in; 0: not there */
    brd_map m = {0};
    uint32_t chance = 7;
    int wrong = 0;
    open_store();
    for (int32_t i = 1; i <= STEPS; i++) {
        chance = chance * 1664525U + 1013904223U;
        int32_t n = (int32_t)((chance >> 8) % RANGE);
        if (chance >> 31) {
            put(&m, n, i, since[n] != 0);
            since[n] = since[n] ? since[n] : i;
        } else {
            wrong += take(&m, n) != (since[n] != 0);
            since[n] = 0;
        }
    }
    size_t at = 0, count = 0;
    int64_t before = 0;
    for (brd_entry *e; (e = brd_map_next(&m, &at)) != NULL; count++) {
        int64_t n = brd_scalar_of(e->key->bytes, e->key->size).integer;
        wrong += since[n] <= before;
        before = since[n];
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(count, m.count);
    brd_values_free(&store, brd_map_clear(&m));
    CU_ASSERT_PTR_NULL(brd_map_last(&m));
    close_store();
}

/* -------------------------------------------------------------------- values */

static brd_scalar scalar_of(const char *bytes, size_t size)
{
    return brd_scalar_of((const unsigned char *)bytes, size);
}

#define SCALAR(text) scalar_of(text, sizeof(text) - 1)

static void scalars(void)
{
    CU_ASSERT_EQUAL(SCALAR("\x7f").integer, 127);
    CU_ASSERT_EQUAL(SCALAR("\xe0").integer, -32);
    CU_ASSERT_EQUAL(SCALAR("\xcc\xff").integer, 255);
    CU_ASSERT_EQUAL(SCALAR("\xcd\xff\xfe").integer, 65534);
    CU_ASSERT_EQUAL(SCALAR("\xd0\x80").integer, -128);
    CU_ASSERT_EQUAL(SCALAR("\xd1\xff\xfe").integer, -2);
    CU_ASSERT_EQUAL(SCALAR("\xd2\x80\x00\x00\x00").integer, INT32_MIN);
    CU_ASSERT_EQUAL(SCALAR("\xd3\x80\x00\x00\x00\x00\x00\x00\x00").integer, INT64_MIN);
    CU_ASSERT(SCALAR("\xcf\xff\xff\xff\xff\xff\xff\xff\xff").huge);
    CU_ASSERT_EQUAL(SCALAR("\xca\x3f\x00\x00\x00").real, 0.5);
    CU_ASSERT_EQUAL(SCALAR("\xcb\xbf\xe0\x00\x00\x00\x00\x00\x00").real, -0.5);
    CU_ASSERT_EQUAL(SCALAR("\xa3"
                           "abc")
                        .size,
                    3);
    CU_ASSERT_EQUAL(SCALAR("\xd9\x02"
                           "ab")
                        .kind,
                    BRD_KIND_TEXT);
    CU_ASSERT_EQUAL(SCALAR("\xc0").kind, BRD_KIND_OTHER);
    CU_ASSERT_EQUAL(SCALAR("\xc2").kind, BRD_KIND_OTHER);
    CU_ASSERT_EQUAL(SCALAR("\x91\x01").kind, BRD_KIND_OTHER);
    CU_ASSERT_EQUAL(SCALAR("\xd9\x09"
                           "ab")
                        .kind,
                    BRD_KIND_OTHER); // cut off
    CU_ASSERT_EQUAL(SCALAR("").kind, BRD_KIND_OTHER);
}

static void requests_are_checked(void)
{
    const brd_request request = {.ask = BRD_ASK_CALL,
                                 .object = 7,
                                 .thread = 8,
                                 .timeout = -1,
                                 .ticket = 9,
                                 .name = "append"};
    brd_request got;
    brood_message args = BROOD_MESSAGE_INIT, words = BROOD_MESSAGE_INIT, view = BROOD_MESSAGE_INIT;
    ASSERT_OK(brood_pack(&args, "s", "value"));
    ASSERT_OK(brd_request_write(&words, &request, &args));
    ASSERT_OK(brd_request_read(&words, &got, &view));
    CU_ASSERT(got.ask == request.ask && got.object == 7 && got.thread == 8 && got.timeout == -1 &&
              got.ticket == 9);
    CU_ASSERT_STRING_EQUAL(got.name, "append");
    CU_ASSERT_EQUAL(view.size, args.size);
    brood_message_clear(&view);
    size_t whole = words.size;
    for (words.size = 0; words.size < BRD_REQUEST_SIZE + 6; words.size++)
        CU_ASSERT_EQUAL(brd_request_read(&words, &got, &view), BROOD_EPROTOCOL);
    words.size = whole;
    unsigned char *bytes = brd_message_at(&words);
    bytes[BRD_REQUEST_SIZE + 2] = 0;
    CU_ASSERT_EQUAL(brd_request_read(&words, &got, &view), BROOD_EPROTOCOL);
    bytes[BRD_REQUEST_SIZE + 2] = 'p';
    brd_put32(bytes + 4, BRD_MANAGED_NAME_SIZE);
    CU_ASSERT_EQUAL(brd_request_read(&words, &got, &view), BROOD_EPROTOCOL);
    brd_put32(bytes + 4, UINT32_MAX);
    CU_ASSERT_EQUAL(brd_request_read(&words, &got, &view), BROOD_EPROTOCOL);
    brood_message_clear(&args);
    brood_message_clear(&words);
}

/* ---------------------------------------------------------------- references */

static void sessions_refer(void)
{
    open_store();
    brd_managed *m = object_of(&brd_type_list);
    uint64_t id = m->id;
    ASSERT_OK(brd_session_refer(&store, session, m));
    ASSERT_OK(brd_session_refer(&store, session, m));
    brd_store_release(&store, m);
    ASSERT_OK(brd_session_drop(&store, session, id));
    ASSERT_OK(brd_session_drop(&store, session, id));
    CU_ASSERT_EQUAL(brd_session_drop(&store, session, id), BROOD_EINVAL);
    CU_ASSERT_PTR_NULL(brd_store_get(&store, id));
    m = object_of(&brd_type_list);
    ASSERT_OK(brd_session_refer(&store, session, m)); // goes with the session
    brd_store_release(&store, m);
    close_store();
}

static void tickets_keep_what_is_on_its_way(void)
{
    open_store();
    brd_managed *m = object_of(&brd_type_list);
    uint64_t id = m->id, ticket = 0, other = 0;
    ASSERT_OK(brd_ticket_make(&store, session, m, &ticket));
    ASSERT_OK(brd_ticket_make(&store, session, m, &other));
    CU_ASSERT_NOT_EQUAL(ticket, other);
    brd_store_release(&store, m);
    brd_ticket_end(&store, ticket);
    brd_ticket_end(&store, ticket);
    m = brd_store_get(&store, id);
    CU_ASSERT_PTR_NOT_NULL_FATAL(m);
    brd_store_release(&store, m);
    brd_session_leave(&store, session, false);
    brd_time due = brd_tickets_expire(&store, brd_os_now());
    CU_ASSERT(due != BRD_FOREVER); // a minute to be taken
    CU_ASSERT_EQUAL(store.objects.count, 1);
    CU_ASSERT_EQUAL(brd_tickets_expire(&store, due), BRD_FOREVER);
    CU_ASSERT_EQUAL(store.objects.count, 0);
    unsigned char key[BRD_SESSION_SIZE] = {0};
    ASSERT_OK(brd_session_join(&store, key, &session));
    close_store();
}

static void tickets_are_limited(void)
{
    open_store();
    brd_managed *m = object_of(&brd_type_list);
    uint64_t ticket = 0;
    int wrong = 0;
    for (int i = 0; i < BRD_TICKETS_MAX + 10; i++)
        wrong += brd_ticket_make(&store, session, m, &ticket) != BROOD_OK;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(store.tickets.count, BRD_TICKETS_MAX);
    CU_ASSERT_EQUAL(m->references, 1 + BRD_TICKETS_MAX);
    brd_store_release(&store, m);
    close_store();
}

static void values_refer(void)
{
    open_store();
    brd_managed *list = object_of(&brd_type_list), *inner = object_of(&brd_type_list);
    brood_message args = BROOD_MESSAGE_INIT, result = BROOD_MESSAGE_INIT;
    uint64_t id = inner->id, ticket = 0;
    ASSERT_OK(brd_ticket_make(&store, session, inner, &ticket));
    pack_reference(&args, id, ticket);
    brd_store_release(&store, inner);
    ASSERT_OK(call(list, "append", &args, NULL));
    CU_ASSERT_EQUAL(store.tickets.count, 0); // it has come
    ASSERT_OK(call(list, "copy", NULL, &result));
    CU_ASSERT_EQUAL(store.tickets.count, 1); // and goes
    CU_ASSERT_EQUAL(result.size, 4 + BRD_REFERENCE_SIZE);
    brd_ticket_end(&store, brd_get64(brd_message_at(&result) + 4 + BRD_REFERENCE_TICKET));
    ASSERT_OK(call(list, "clear", NULL, NULL));
    CU_ASSERT_PTR_NULL(brd_store_get(&store, id));
    brood_message_rewind(&args);
    CU_ASSERT_EQUAL(call(list, "append", &args, NULL), BROOD_EINVAL);
    brood_message_clear(&args);
    brood_message_clear(&result);
    brd_store_release(&store, list);
    close_store();
}

// Of two references the second is to nothing: the first is not kept, either.
static void a_value_refers_to_all_or_none(void)
{
    open_store();
    brd_managed *list = object_of(&brd_type_list), *inner = object_of(&brd_type_list);
    brood_message args = BROOD_MESSAGE_INIT;
    *(unsigned char *)brd_message_grow(&args, 1) = 0x92;
    pack_reference(&args, inner->id, 0);
    pack_reference(&args, 12345, 0);
    CU_ASSERT_EQUAL(call(list, "append", &args, NULL), BROOD_EINVAL);
    CU_ASSERT_EQUAL(inner->references, 1);
    brood_message_clear(&args);
    brd_store_release(&store, inner);
    brd_store_release(&store, list);
    close_store();
}

// By recursion the end of it would need more stack than there is.
static void a_long_chain_ends(void)
{
    enum { LINKS = 100000 };
    open_store();
    brd_managed *last = object_of(&brd_type_list);
    int wrong = 0;
    for (int i = 0; i < LINKS; i++) {
        brood_message args = BROOD_MESSAGE_INIT;
        brd_managed *next = object_of(&brd_type_list);
        pack_reference(&args, last->id, 0);
        wrong += call(next, "append", &args, NULL) != BROOD_OK;
        brd_store_release(&store, last);
        brood_message_clear(&args);
        last = next;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(store.objects.count, LINKS + 1);
    brd_store_release(&store, last);
    close_store();
}

// What does not fit fails before anything has changed, and what fails leaves nothing behind.
static void failures_leave_nothing_behind(void)
{
    static const struct {
        const brd_type *type;
        const char *method, *format;
    } bad[] = {
        {&brd_type_list, "insert", "si"},       {&brd_type_list, "setitem", "ii"},
        {&brd_type_list, "extend", "ii"},       {&brd_type_dict, "update", "ii"},
        {&brd_type_dict, "pop", "i"},           {&brd_type_set, "remove", "i"},
        {&brd_type_namespace, "setattr", "ii"}, {&brd_type_queue, "put", ""},
        {&brd_type_semaphore, "release", "s"},
    };
    open_store();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        brood_message args = BROOD_MESSAGE_INIT;
        brd_managed *m = object_of(bad[i].type);
        for (const char *f = bad[i].format; *f; f++)
            ASSERT_OK(*f == 's' ? brood_pack(&args, "s", "text") : brood_pack(&args, "i", 4));
        if (i == 2) // its last value refers to nothing
            pack_reference(&args, 999999, 0);
        bool fine = bad[i].type == &brd_type_queue;
        CU_ASSERT_EQUAL(call(m, bad[i].method, &args, NULL) == BROOD_OK, fine);
        if (bad[i].type == &brd_type_list) {
            brood_message length = BROOD_MESSAGE_INIT;
            int32_t n = -1;
            ASSERT_OK(call(m, "len", NULL, &length));
            ASSERT_OK(brood_unpack(&length, "i", &n));
            CU_ASSERT_EQUAL(n, 0);
            brood_message_clear(&length);
        }
        brood_message_clear(&args);
        brd_store_release(&store, m);
    }
    close_store();
}

static const test_case cases[] = {
    TEST_CASE(numbers_come_and_go),
    TEST_CASE(maps_keep_their_order),
    TEST_CASE(scalars),
    TEST_CASE(requests_are_checked),
    TEST_CASE(sessions_refer),
    TEST_CASE(tickets_keep_what_is_on_its_way),
    TEST_CASE(tickets_are_limited),
    TEST_CASE(values_refer),
    TEST_CASE(a_value_refers_to_all_or_none),
    TEST_CASE(a_long_chain_ends),
    TEST_CASE(failures_leave_nothing_behind),
    {0},
};

// What thread-local texts are made of, on first use.
static void warm_up(void)
{
    (void)brood_fail("%s", "");
}

int main(int argc, char **argv)
{
    test_warm_up = warm_up;
    return test_main(argc, argv, "managed", cases);
}
