/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf: see protobuf.h. */
#include "kernel/protobuf.h"

#include <string.h>

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

#define VARINT_MAX 10 /* bytes of 64 bits, seven in each */
#define FIELD_MAX 0x1fffffffu

void protobuf_drop(struct protobuf *message) {
    free(message->data);
    *message = (struct protobuf)PROTOBUF_INIT;
}

/* Room for `len` bytes more, or NULL. */
static unsigned char *extend(struct protobuf *m, size_t len) {
    if (m->failed)
        return NULL;
    if (len > m->room - m->len) {
        size_t room = (m->len + len) * 2 + 64;
        unsigned char *grown = realloc(m->data, room);
        if (!grown) {
            m->failed = true;
            return NULL;
        }
        m->data = grown;
        m->room = room;
    }
    m->len += len;
    return m->data + m->len - len;
}

static void add_varint(struct protobuf *m, uint64_t value) {
    unsigned char bytes[VARINT_MAX];
    size_t len = 0;
    do {
        bytes[len] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
        len++;
    } while (value);
    unsigned char *to = extend(m, len);
    if (to)
        memcpy(to, bytes, len);
}

static void add_key(struct protobuf *m, unsigned field, enum wire_type type) {
    add_varint(m, (uint64_t)field << 3 | type);
}

static void add_bytes(struct protobuf *m, unsigned field, const void *data, size_t len) {
    add_key(m, field, WIRE_BYTES);
    add_varint(m, len);
    unsigned char *to = extend(m, len);
    if (to && len)
        memcpy(to, data, len);
}

void protobuf_number(struct protobuf *message, unsigned field, int64_t value) {
    add_key(message, field, WIRE_VARINT);
    add_varint(message, (uint64_t)value);
}

void protobuf_text(struct protobuf *message, unsigned field, const char *text) {
    add_bytes(message, field, text, strlen(text));
}

void protobuf_message(struct protobuf *message, unsigned field, const struct protobuf *inner) {
    add_bytes(message, field, inner->data, inner->len);
    message->failed |= inner->failed;
}

static int take_varint(struct protobuf_reader *r, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_MAX && r->left > 0; i++) {
        unsigned char byte = *r->at++;
        r->left--;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80)) {
            *out = value;
            return 0;
        }
    }
    return -EBADMSG;
}

static int take_bytes(struct protobuf_reader *r, size_t len, struct protobuf_reader *out) {
    if (len > r->left)
        return -EBADMSG;
    *out = (struct protobuf_reader){r->at, len};
    r->at += len;
    r->left -= len;
    return 0;
}

/* One field of whatever type; *known when it is one that a caller gets to see. */
static int take_field(struct protobuf_reader *r, struct protobuf_field *field, bool *known) {
    struct protobuf_reader passed;
    uint64_t key, len;
    int result = take_varint(r, &key);
    if (result < 0 || key >> 3 == 0 || key >> 3 > FIELD_MAX)
        return -EBADMSG;
    *field = (struct protobuf_field){.number = (unsigned)(key >> 3)};
    *known = true;
    switch (key & 7) {
    case WIRE_VARINT:
        return take_varint(r, &field->value);
    case WIRE_BYTES:
        result = take_varint(r, &len);
        return result < 0 ? result : take_bytes(r, len, &field->data);
    case WIRE_FIXED64:
        *known = false;
        return take_bytes(r, 8, &passed);
    case WIRE_FIXED32:
        *known = false;
        return take_bytes(r, 4, &passed);
    default:
        return -EBADMSG;
    }
}

int protobuf_next(struct protobuf_reader *reader, struct protobuf_field *field) {
    bool known = false;
    while (!known) {
        if (reader->left == 0)
            return 0;
        int r = take_field(reader, field, &known);
        if (r < 0)
            return r;
    }
    return 1;
}
