/*
 * Addresses of listeners: what each form means, what is refused, and what identifies an
 * endpoint.
 */
#include "harness.h"
#include "ipc/address.h"

#include <stdio.h>
#include <string.h>

static void understands_every_form(void)
{
    static const struct {
        const char *text;
        const char *part;
        brd_family family;
        unsigned port;
    } good[] = {
        {NULL, "", BRD_FAMILY_FRESH, 0},
        {"local", "", BRD_FAMILY_FRESH, 0},
        {"local:jobs", "jobs", BRD_FAMILY_WORD, 0},
        {"local:A.b-c_9", "A.b-c_9", BRD_FAMILY_WORD, 0},
        {"local:/run/user/1/brood/x", "/run/user/1/brood/x", BRD_FAMILY_NAME, 0},
        {"local:\\\\.\\pipe\\brood-1", "\\\\.\\pipe\\brood-1", BRD_FAMILY_NAME, 0},
        {"tcp:", "127.0.0.1", BRD_FAMILY_TCP, 0},
        {"tcp::5000", "127.0.0.1", BRD_FAMILY_TCP, 5000},
        {"tcp:0.0.0.0", "0.0.0.0", BRD_FAMILY_TCP, 0},
        {"tcp:example.org:65535", "example.org", BRD_FAMILY_TCP, 65535},
        {"tcp:[::1]:80", "::1", BRD_FAMILY_TCP, 80},
        {"tcp:[fe80::1%eth0]", "fe80::1%eth0", BRD_FAMILY_TCP, 0},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        brd_address a;
        CU_ASSERT_EQUAL(brd_address_parse(&a, good[i].text), 0);
        CU_ASSERT_EQUAL(a.family, good[i].family);
        CU_ASSERT_STRING_EQUAL(a.text, good[i].part);
        CU_ASSERT_EQUAL(a.port, good[i].port);
    }
}

static void refuses_all_else(void)
{
    static const char *const bad[] = {
        "",
        "Local",
        "local:",
        "local:a b",
        "local:a:b",
        "local:\303\244",
        "localx",
        "tcp",
        "tcp:::1",
        "tcp:a:b",
        "tcp:a:",
        "tcp:a:65536",
        "tcp:a:-1",
        "tcp:a:+1",
        "tcp:a: 1",
        "tcp:a:000001",
        "tcp:[::1",
        "tcp:[]:1",
        "tcp:[::1]5",
        "tcp:a b:1",
        "tcp:a/b:1",
        "tcp:user@host:1",
        "tcp:a:1:2",
        "tcp:0", // old rules take it for all interfaces
        "tcp:00:0",
        "tcp:127.1",
        "tcp:5000",
        "unix:/tmp/x",
        "/tmp/x",
        "127.0.0.1:5000",
        "local:0123456789012345678901234567890123456789012345678901234567890123x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        brd_address a = {.port = 77};
        if (brd_address_parse(&a, bad[i]) != BROOD_EINVAL)
            CU_FAIL(bad[i]);
        CU_ASSERT_EQUAL(a.port, 77);
    }
}

static void refuses_what_does_not_fit(void)
{
    char text[2 * BRD_HOST_SIZE] = "tcp:", small[8];
    brd_address a;
    memset(text + 4, 'a', BRD_HOST_SIZE - 1);
    CU_ASSERT_EQUAL(brd_address_parse(&a, text), 0);
    text[4 + BRD_HOST_SIZE - 1] = 'a';
    CU_ASSERT_EQUAL(brd_address_parse(&a, text), BROOD_EINVAL);
    CU_ASSERT_EQUAL(brd_address_print(&a, small, sizeof small), BROOD_EINVAL);
}

static void prints_what_it_understands(void)
{
    static const char *const texts[] = {"local:jobs", "local:/a/b", "tcp:127.0.0.1:1",
                                        "tcp:[::1]:5000", "tcp:example.org:0"};
    char text[BRD_ADDRESS_SIZE];
    brd_address a;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CU_ASSERT_EQUAL(brd_address_parse(&a, texts[i]), 0);
        CU_ASSERT_EQUAL(brd_address_print(&a, text, sizeof text), 0);
        CU_ASSERT_STRING_EQUAL(text, texts[i]);
    }
    CU_ASSERT_EQUAL(brd_address_parse(&a, NULL), 0);
    CU_ASSERT_EQUAL(brd_address_print(&a, text, sizeof text), BROOD_EINVAL); // not made yet
}

static void endpoints_of_different_kinds_differ(void)
{
    static const uint8_t address[18] = "abcdefghijklmnopqr";
    brd_endpoint kinds[3];
    char longest[BRD_HOST_SIZE + 1] = "";
    CU_ASSERT_EQUAL(brd_endpoint_of_local(&kinds[0], "abcdefghijklmnopqr"), 0);
    brd_endpoint_of_tcp(&kinds[1], address);
    CU_ASSERT_EQUAL(brd_endpoint_of_label(&kinds[2], "abcdefghijklmnopqr"), 0);
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(kinds[i].size, 19);
        CU_ASSERT_NOT_EQUAL(memcmp(kinds[i].bytes, kinds[(i + 1) % 3].bytes, 19), 0);
    }
    memset(longest, 'x', BRD_HOST_SIZE);
    CU_ASSERT_EQUAL(brd_endpoint_of_label(&kinds[0], longest), 0);
    CU_ASSERT_EQUAL(kinds[0].size, 1 + BRD_HOST_SIZE);
}

static const test_case cases[] = {
    TEST_CASE(understands_every_form),
    TEST_CASE(refuses_all_else),
    TEST_CASE(refuses_what_does_not_fit),
    TEST_CASE(prints_what_it_understands),
    TEST_CASE(endpoints_of_different_kinds_differ),
    {0},
};

int main(int argc, char **argv)
{
    return test_main(argc, argv, "address", cases);
}
