/*
 * Any bytes as a message: brd_object_size and everything that brood_unpack can be asked
 * for. What it must keep: no read outside, no memory out of proportion, no move after an
 * error, and the decoder agrees with the size.
 */
#include "ipc/format.h"
#include "ipc/message.h"
#include "target.h"

#include <msgpack/unpack.h>
#include <stdlib.h>
#include <string.h>

typedef union any {
    const void *pointer;
    uint64_t number;
    double real;
} any;

static bool is_known(int status)
{
    return status == BROOD_OK || status == BROOD_ETYPE || status == BROOD_EPROTOCOL;
}

/** Reads with one format as often as it fits. */
static void read_all(const uint8_t *bytes, size_t size, const char *format)
{
    brood_message m = BROOD_MESSAGE_INIT;
    any a = {0}, b = {0}, c = {0}, d = {0};
    size_t before = 0;
    int status = BROOD_OK;
    brd_message_view(&m, (void *)(uintptr_t)bytes, size);
    while (!status) {
        before = m.position;
        status = format[0] == '{' ? brood_unpack(&m, format, "k", &a, "key", &b, &c, &d)
                                  : brood_unpack(&m, format, &a, &b, &c, &d);
        FUZZ_CHECK(is_known(status));
        FUZZ_CHECK(status ? m.position == before : m.position > before && m.position <= size);
        if (!status && strcmp(format, "s") == 0)
            FUZZ_CHECK(strlen(a.pointer) <= size);
    }
    FUZZ_CHECK(is_known(brood_unpack_key(&m, "k", "ai", &a, &b)));
    FUZZ_CHECK(is_known(brood_unpack_key(&m, "key", "(is)", &a, &b)));
    FUZZ_CHECK(m.position == before);
    brood_message_clear(&m);
}

static void compare_with_decoder(const uint8_t *bytes, size_t size)
{
    size_t object = brd_object_size(bytes, size), at = 0;
    msgpack_unpacked unpacked;
    FUZZ_CHECK(object <= size);
    if (!object)
        return;
    FUZZ_CHECK(brd_object_size(bytes, object) == object);
    FUZZ_CHECK(brd_object_size(bytes, object - 1) == 0);
    msgpack_unpacked_init(&unpacked);
    FUZZ_CHECK(msgpack_unpack_next(&unpacked, (const char *)bytes, object, &at) ==
               MSGPACK_UNPACK_SUCCESS);
    FUZZ_CHECK(at == object);
    msgpack_unpacked_destroy(&unpacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const formats[] = {
        "b",  "y",  "n",  "q",  "i",  "u",  "x",  "t",   "d",    "s",      "ay",  "ai",   "as",
        "ad", "ab", "an", "at", "is", "()", "{}", "(i)", "(ss)", "((i)d)", "{i}", "{ss}", "{(i)x}"};
    compare_with_decoder(bytes, size);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        read_all(bytes, size, formats[i]);
    return 0;
}

size_t fuzz_seed(size_t index, uint8_t *bytes, size_t cap)
{
    static const int32_t ints[] = {1, -70000, 3};
    static const double doubles[] = {1.5, -2};
    static const char *const texts[] = {"one", "two"};
    brood_message m = BROOD_MESSAGE_INIT;
    int status = BROOD_OK;
    switch (index) {
    case 0:
        status = brood_pack(&m, "bynqiuxtd", 1, 200, -300, 60000, -70000, 4000000000u,
                            INT64_C(-5000000000), UINT64_MAX, 2.5);
        break;
    case 1:
        status = brood_pack(&m, "sss", "", "a text", "one of more than thirty-one bytes of text");
        break;
    case 2:
        status = brood_pack(&m, "aiadasay", ints, (size_t)3, doubles, (size_t)2, texts, (size_t)2,
                            "\0\xff", (size_t)2);
        break;
    case 3:
        status = brood_pack(&m, "(i)(ss){i}{ss}((i)d)", 1, "a", "b", "k", 7, "k", "v", "key", "w",
                            5, 6.5);
        break;
    case 4:
        status =
            brood_pack(&m, "((((((((((((((((((((((((((((((((i))))))))))))))))))))))))))))))))", 1);
        break;
    default:
        break;
    }
    size_t size = !status && m.size <= cap ? m.size : 0;
    if (size)
        memcpy(bytes, brd_message_at(&m), size);
    brood_message_clear(&m);
    return size;
}
