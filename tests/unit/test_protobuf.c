/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of kernel/protobuf: the bytes of the format's own examples, and everything that is no message. */
#include "kernel/protobuf.h"
#include "tap.h"

#include <errno.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void is_bytes(const struct protobuf *m, const char *want, size_t len, const char *what) {
    if (!ok(!m->failed && m->len == len && memcmp(m->data, want, len) == 0, "%s", what))
        for (size_t i = 0; i < m->len; i++)
            printf("# %02x\n", m->data[i]);
}

static void test_writing(void) {
    static const struct {
        unsigned field;
        int64_t value;
        size_t len;
        const char *bytes;
    } numbers[] = {
        {1, 0, 2, "\x08\x00"},
        {1, 150, 3, "\x08\x96\x01"}, /* the example of the specification */
        {1, 127, 2, "\x08\x7f"},
        {1, 128, 3, "\x08\x80\x01"},
        {15, 1, 2, "\x78\x01"},
        {16, 1, 3, "\x80\x01\x01"},
        {50, 1, 3, "\x90\x03\x01"},
        {9, 0x40000000, 6, "\x48\x80\x80\x80\x80\x04"},
        {2, -1, 11, "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
    };
    for (size_t i = 0; i < COUNT(numbers); i++) {
        own_protobuf m = PROTOBUF_INIT;
        char what[64];
        snprintf(what, sizeof what, "field %u: %lld", numbers[i].field, (long long)numbers[i].value);
        protobuf_number(&m, numbers[i].field, numbers[i].value);
        is_bytes(&m, numbers[i].bytes, numbers[i].len, what);
    }
    own_protobuf text = PROTOBUF_INIT, inner = PROTOBUF_INIT, outer = PROTOBUF_INIT, empty = PROTOBUF_INIT;
    protobuf_text(&text, 2, "testing");
    is_bytes(&text, "\x12\x07testing", 9, "a text");
    protobuf_text(&text, 3, "");
    is_bytes(&text, "\x12\x07testing\x1a\x00", 11, "an empty text behind it");
    protobuf_number(&inner, 1, 150);
    protobuf_message(&outer, 3, &inner);
    is_bytes(&outer, "\x1a\x03\x08\x96\x01", 5, "a message in a message");
    protobuf_message(&outer, 4, &empty);
    is_bytes(&outer, "\x1a\x03\x08\x96\x01\x22\x00", 7, "an empty one behind it");
    inner.failed = true;
    protobuf_message(&outer, 5, &inner);
    ok(outer.failed, "what is not whole makes the outer one so");
}

static void test_growing(void) {
    own_protobuf m = PROTOBUF_INIT;
    char long_text[10000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    for (int i = 0; i < 50; i++)
        protobuf_text(&m, 7, long_text);
    is_number(m.len, 50 * (1 + 2 + 9999), "it grows with what comes");
    struct protobuf_reader r = {m.data, m.len};
    struct protobuf_field f;
    int count = 0;
    while (protobuf_next(&r, &f) > 0)
        count += f.number == 7 && f.data.left == 9999 && f.data.at[9998] == 'x';
    is_number(count, 50, "and is read back");
}

static void test_reading(void) {
    /* number, text, fixed64, fixed32, negative number, message */
    static const char bytes[] = "\x08\x96\x01\x12\x02hi\x19"
                                "12345678\x25"
                                "1234\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                                "\x32\x02\x08\x01";
    struct protobuf_reader r = {(const unsigned char *)bytes, sizeof bytes - 1}, inner;
    struct protobuf_field f;
    is_number(protobuf_next(&r, &f), 1, "the first field");
    ok(f.number == 1 && f.value == 150 && !f.data.at, "is a number");
    is_number(protobuf_next(&r, &f), 1, "the second");
    ok(f.number == 2 && f.data.left == 2 && memcmp(f.data.at, "hi", 2) == 0, "is a text");
    is_number(protobuf_next(&r, &f), 1, "those of fixed width are passed over");
    ok(f.number == 5 && (int32_t)f.value == -1, "a negative number");
    is_number(protobuf_next(&r, &f), 1, "the last one");
    inner = f.data;
    ok(f.number == 6 && protobuf_next(&inner, &f) == 1 && f.number == 1 && f.value == 1, "is a message");
    is_number(protobuf_next(&inner, &f), 0, "which ends");
    is_number(protobuf_next(&r, &f), 0, "and so does the outer one");
    is_number(protobuf_next(&r, &f), 0, "for good");
}

static void test_refusing(void) {
    static const struct {
        const char *what, *bytes;
        size_t len;
    } bad[] = {
        {"a number without its end", "\x08\x96", 2},
        {"a key without its number", "\x08", 1},
        {"a key without its end", "\x88", 1},
        {"a number of more than ten bytes", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12},
        {"a text beyond the end", "\x12\x03hi", 4},
        {"a text of 2^64 - 1 bytes", "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hi", 13},
        {"a text without a length", "\x12", 1},
        {"four bytes cut",
         "\x25"
         "123",
         4},
        {"eight bytes cut",
         "\x19"
         "1234567",
         8},
        {"the type of a group", "\x0b\x08\x01", 3},
        {"field 0", "\x00\x01", 2},
        {"a field number beyond 2^29 - 1", "\x80\x80\x80\x80\x10\x01", 6},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct protobuf_reader r = {(const unsigned char *)bad[i].bytes, bad[i].len};
        struct protobuf_field f;
        is_number(protobuf_next(&r, &f), -EBADMSG, "%s", bad[i].what);
    }
}

/* Whatever the bytes, reading ends and stays within them. */
static void test_noise(void) {
    unsigned char bytes[64];
    uint64_t state = 88172645463325252u;
    int fields = 0, broken = 0;
    for (int round = 0; round < 20000; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            bytes[i] = (unsigned char)state;
        }
        struct protobuf_reader r = {bytes, sizeof bytes};
        struct protobuf_field f;
        int result;
        while ((result = protobuf_next(&r, &f)) > 0) {
            fields++;
            if (f.data.at && (f.data.at < bytes || f.data.at + f.data.left > bytes + sizeof bytes))
                broken++;
        }
    }
    ok(fields > 0 && broken == 0, "noise is read within its bounds (%d fields)", fields);
}

int main(void) {
    test_writing();
    test_growing();
    test_reading();
    test_refusing();
    test_noise();
    return tap_done();
}
