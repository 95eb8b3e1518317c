/*
 * The circular buffer, without any process: records of all lengths across its end, what it
 * refuses to believe, and a writer and a reader at the same time.
 */
#include "base/buffer.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY = 1024, RECORDS = 20000 };

typedef struct memory {
    brd_buffer_words words;
    _Alignas(BRD_BUFFER_UNIT) unsigned char bytes[CAPACITY];
} memory;

static memory shared;

static brd_buffer fresh(void)
{
    memset(&shared, 0, sizeof shared);
    return (brd_buffer){&shared.words, shared.bytes, CAPACITY};
}

static int write_record(brd_buffer *b, uint32_t tag, size_t first, size_t second)
{
    unsigned char bytes[CAPACITY];
    const brd_buffer_head head = {.size = (uint32_t)(first + second), .count = (uint16_t)tag};
    memset(bytes, (int)(tag & 255), sizeof bytes);
    const brd_span parts[2] = {{bytes, first}, {bytes, second}};
    int status = brd_buffer_find_room(b, head.size, 0);
    if (!status)
        brd_buffer_commit(b, brd_buffer_write(b, &head, parts));
    return status;
}

/** The next record, which must have that tag and length. */
static bool read_record(brd_buffer *b, uint32_t tag, size_t size)
{
    brd_buffer_record r;
    unsigned char bytes[CAPACITY];
    if (brd_buffer_look(b, &r) || r.head.count != (uint16_t)tag || r.head.size != size)
        return false;
    brd_buffer_copy(b, &r, 0, bytes, size);
    brd_buffer_drop(b, &r);
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (unsigned char)tag)
            return false;
    return true;
}

static void lengths_and_places(void)
{
    brd_buffer b = fresh();
    brd_buffer_record r;
    for (uint32_t i = 0; i < RECORDS; i++) {
        size_t first = i % 37, second = i * 7 % 400;
        CU_ASSERT_EQUAL(write_record(&b, i, first, second), 0);
        CU_ASSERT_EQUAL(brd_buffer_count(&b), 1);
        CU_ASSERT_TRUE(read_record(&b, i, first + second));
        CU_ASSERT_EQUAL(brd_buffer_look(&b, &r), BROOD_EAGAIN);
    }
    CU_ASSERT_EQUAL(brd_buffer_written(&b), RECORDS);
}

static void full_to_the_last_unit(void)
{
    brd_buffer b = fresh();
    CU_ASSERT_TRUE(brd_buffer_has_room(&b, CAPACITY - 8, 0));
    CU_ASSERT_FALSE(brd_buffer_has_room(&b, CAPACITY - 7, 0));
    for (uint32_t i = 0; i < CAPACITY / 16; i++)
        CU_ASSERT_EQUAL(write_record(&b, i, 1, 7), 0);
    CU_ASSERT_FALSE(brd_buffer_has_room(&b, 0, 0));
    CU_ASSERT_EQUAL(write_record(&b, 99, 0, 0), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(brd_buffer_count(&b), CAPACITY / 16);
    for (uint32_t i = 0; i < CAPACITY / 16; i++)
        CU_ASSERT_TRUE(read_record(&b, i, 8));
}

// What the other side saw last is not what is true: each record that is read makes room at
// once for one, by bytes as well as by number, and each that is written is there.
static void room_is_found_as_soon_as_it_is_there(void)
{
    brd_buffer b = fresh();
    uint32_t most = 5, wrong = 0;
    for (uint32_t i = 0; i < most; i++)
        wrong += brd_buffer_find_room(&b, 100, most) || write_record(&b, i, 100, 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        wrong += !brd_buffer_find_room(&b, 100, most) || brd_buffer_has_room(&b, 100, most);
        wrong += brd_buffer_find_room(&b, 100, most + 1) != 0;
        wrong += !read_record(&b, i, 100);
        wrong += !brd_buffer_has_room(&b, 100, most) || brd_buffer_find_room(&b, 100, most);
        wrong += write_record(&b, i + most, 100, 0) != 0;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    for (uint32_t i = 0; i < most; i++) {
        CU_ASSERT_FALSE(brd_buffer_is_empty(&b));
        CU_ASSERT_TRUE(read_record(&b, RECORDS + i, 100));
    }
    CU_ASSERT_TRUE(brd_buffer_is_empty(&b));
}

// A writer that dies before it commits has written nothing.
static void only_what_is_committed_is_there(void)
{
    brd_buffer b = fresh();
    const brd_buffer_head head = {.size = 4, .count = 1};
    const brd_span parts[2] = {{"lost", 4}, {NULL, 0}};
    brd_buffer_record r;
    (void)brd_buffer_write(&b, &head, parts);
    CU_ASSERT_EQUAL(brd_buffer_look(&b, &r), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(brd_buffer_count(&b), 0);
    CU_ASSERT_EQUAL(write_record(&b, 2, 3, 3), 0);
    CU_ASSERT_TRUE(read_record(&b, 2, 6));
}

static void looks_behind(void)
{
    brd_buffer b = fresh();
    brd_buffer_record r;
    for (uint32_t i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(write_record(&b, i, i * 20, 0), 0);
    CU_ASSERT_EQUAL(brd_buffer_look(&b, &r), 0);
    CU_ASSERT_EQUAL(r.head.count, 0);
    CU_ASSERT_EQUAL(brd_buffer_look_behind(&b, &r), 0);
    CU_ASSERT_EQUAL(r.head.count, 1);
    CU_ASSERT_EQUAL(brd_buffer_look_behind(&b, &r), 0);
    CU_ASSERT_EQUAL(r.head.size, 40);
    CU_ASSERT_EQUAL(brd_buffer_look_behind(&b, &r), BROOD_EAGAIN);
    CU_ASSERT_EQUAL(brd_buffer_count(&b), 3);
}

// Whatever stands in the shared words and the heads: an answer, and no byte outside.
static void scribbling_is_found_out(void)
{
    brd_buffer b = fresh();
    brd_buffer_record r;
    unsigned char bytes[CAPACITY];
    uint32_t random = 12345;
    for (int i = 0; i < RECORDS; i++) {
        uint64_t words[4];
        for (size_t k = 0; k < sizeof words + 16; k++) {
            random = random * 1664525 + 1013904223;
            unsigned char byte = (unsigned char)(random >> 24);
            if (k < sizeof words)
                ((unsigned char *)words)[k] = byte;
            else
                shared.bytes[random % CAPACITY] = byte;
        }
        // Every other time so near to each other that they could be true.
        if (i % 2)
            words[1] = words[0] - words[1] % (2 * CAPACITY / BRD_BUFFER_UNIT);
        atomic_store(&shared.words.tail, words[0]);
        atomic_store(&shared.words.head, words[1]);
        // What was seen is in the same memory: left as it is, or nonsense too.
        if (i % 4 < 2) {
            atomic_store(&shared.words.head_seen, words[2]);
            atomic_store(&shared.words.tail_seen, i % 3 ? words[3] : words[1] + words[3] % 128);
        }
        if (brd_buffer_look(&b, &r) == 0) {
            CU_ASSERT(r.head.size <= CAPACITY);
            brd_buffer_copy(&b, &r, 0, bytes, r.head.size);
            brd_buffer_drop(&b, &r);
        }
        (void)write_record(&b, 1, 5, random % 100);
    }
}

/* ----------------------------------------------------- two at the same time */

static void writes_all(void *baton)
{
    brd_buffer *b = baton;
    for (uint32_t i = 0; i < RECORDS; i++)
        while (write_record(b, i, i % 50, i % 13) == BROOD_EAGAIN)
            brd_os_yield();
}

static void one_writes_while_one_reads(void)
{
    brd_buffer b = fresh();
    brd_thread writer = {0};
    brd_buffer_record r;
    size_t wrong = 0;
    CU_ASSERT_EQUAL_FATAL(brd_os_thread_start(&writer, writes_all, &b), 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        while (brd_buffer_look(&b, &r) == BROOD_EAGAIN)
            brd_os_yield();
        wrong += !read_record(&b, i, i % 50 + i % 13);
    }
    brd_os_thread_join(&writer);
    CU_ASSERT_EQUAL(wrong, 0);
}

static const test_case cases[] = {
    TEST_CASE(lengths_and_places),
    TEST_CASE(full_to_the_last_unit),
    TEST_CASE(room_is_found_as_soon_as_it_is_there),
    TEST_CASE(only_what_is_committed_is_there),
    TEST_CASE(looks_behind),
    TEST_CASE(scribbling_is_found_out),
    TEST_CASE(one_writes_while_one_reads),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "buffer", cases);
}
