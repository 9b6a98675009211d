/* SPDX-License-Identifier: Apache-2.0 */
/* writer: struct -> JSON text, for every kind of document. Runs wherever a document is written, needs no privilege and
 * allocates nothing: the text leaves in pieces through a buffer on the stack. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

struct writer {
    oci_sink *sink;
    void *ctx;
    bool pretty;
    int result; /* of the first failure; after it nothing is written */
    unsigned depth;
    size_t used;
    char buffer[4096];
};

static void flush(struct writer *w) {
    if (w->result == 0 && w->used > 0)
        w->result = w->sink(w->ctx, w->buffer, w->used);
    w->used = 0;
}

static void put(struct writer *w, const char *text, size_t len) {
    while (len > 0 && w->result == 0) {
        size_t room = sizeof(w->buffer) - w->used, piece = len < room ? len : room;
        memcpy(w->buffer + w->used, text, piece);
        w->used += piece;
        text += piece;
        len -= piece;
        if (w->used == sizeof(w->buffer))
            flush(w);
    }
}

static void put_text(struct writer *w, const char *text) {
    put(w, text, strlen(text));
}

static void put_char(struct writer *w, char c) {
    if (w->result)
        return;
    w->buffer[w->used++] = c; /* put and put_char leave room for one */
    if (w->used == sizeof(w->buffer))
        flush(w);
}

static void fail(struct writer *w, int code) {
    if (w->result == 0)
        w->result = -code;
}

/* ---- plain values ---- */

static void put_escape(struct writer *w, unsigned c) {
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    char text[8];
    if (c < sizeof(letters) && letters[c])
        snprintf(text, sizeof(text), "\\%c", letters[c]);
    else
        snprintf(text, sizeof(text), "\\u%04x", c);
    put_text(w, text);
}

/*
 * The length of the character at text if it is none to be seen but one that steers a terminal: a control character of
 * one byte or of two (U+0080 to U+009F), or one that turns the direction of writing: U+061C, U+200E, U+200F, U+202A to
 * U+202E, U+2066 to U+2069. 0 for all others. *code is its number.
 */
static size_t steering_length(const char *text, unsigned *code) {
    const unsigned char *c = (const unsigned char *)text;
    *code = c[0];
    if (c[0] < 0x20 || c[0] == 0x7f)
        return 1;
    if (c[0] == 0xc2 || c[0] == 0xd8) {
        *code = (c[0] & 0x1fu) << 6 | (c[1] & 0x3fu);
        return *code < 0xa0 || *code == 0x61c ? 2 : 0;
    }
    if (c[0] != 0xe2)
        return 0;
    *code = 0x2000 | (c[1] & 0x3fu) << 6 | (c[2] & 0x3fu);
    bool turns = (*code | 1) == 0x200f || (*code >= 0x202a && *code <= 0x202e) || (*code >= 0x2066 && *code <= 0x2069);
    return turns ? 3 : 0;
}

static void put_string(struct writer *w, const char *text) {
    size_t len = text ? strlen(text) : 0;
    if (!text)
        fail(w, EINVAL);
    else if (oci_utf8_length(text, len) < len)
        fail(w, EILSEQ);
    if (w->result)
        return;
    put_char(w, '"');
    const char *plain = text;
    while (*text) {
        unsigned c;
        size_t skip = *text == '"' || *text == '\\' ? 1 : steering_length(text, &c);
        if (skip > 0) {
            put(w, plain, (size_t)(text - plain));
            put_escape(w, skip > 1 ? c : (unsigned char)*text);
            plain = text + skip;
        }
        text += skip > 0 ? skip : 1;
    }
    put(w, plain, (size_t)(text - plain));
    put_char(w, '"');
}

static void put_signed(struct writer *w, int64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    put_text(w, text);
}

static void put_unsigned(struct writer *w, uint64_t value) {
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
    put_text(w, text);
}

static uint64_t load_integer(enum oci_kind kind, const char *place) {
    uint64_t value = 0;
    uint32_t value32;
    uint16_t value16;
    switch (kind) {
    case OCI_UINT8:
        return *(const uint8_t *)place;
    case OCI_UINT16:
        memcpy(&value16, place, sizeof(value16));
        return value16;
    case OCI_INT32:
    case OCI_UINT32:
        memcpy(&value32, place, sizeof(value32));
        return value32;
    default:
        memcpy(&value, place, sizeof(value));
        return value;
    }
}

static unsigned load_enum(const char *place) {
    unsigned value;
    memcpy(&value, place, sizeof(value));
    return value;
}

static const char *load_pointer(const char *place) {
    const char *value;
    memcpy(&value, place, sizeof(value));
    return value;
}

static struct oci_list load_list(const char *place) {
    struct oci_list list;
    memcpy(&list.count, place + offsetof(struct oci_list, count), sizeof(list.count));
    memcpy(&list.items, place + offsetof(struct oci_list, items), sizeof(list.items));
    return list;
}

/* ---- objects and arrays ---- */

static void new_line(struct writer *w) {
    if (!w->pretty)
        return;
    put_char(w, '\n');
    for (unsigned n = 0; n < w->depth; n++)
        put_text(w, "  ");
}

static void open_with(struct writer *w, char bracket) {
    put_char(w, bracket);
    w->depth++;
}

/* Before each value of an object or array: count says how many came before. */
static void next(struct writer *w, size_t count) {
    if (count > 0)
        put_char(w, ',');
    new_line(w);
}

static void close_with(struct writer *w, char bracket, size_t count) {
    w->depth--;
    if (count > 0)
        new_line(w);
    put_char(w, bracket);
}

static void put_colon(struct writer *w) {
    put_text(w, w->pretty ? ": " : ":");
}

static void put_object(struct writer *w, const struct oci_object *object, const char *base);

/* One value: a member, or an item of an array or map. An object is given itself, not as a pointer. */
static void put_value(struct writer *w, const struct oci_field *field, const char *place) {
    const char *name;
    switch (field->kind) {
    case OCI_STRING:
        put_string(w, load_pointer(place));
        break;
    case OCI_BOOL:
        put_text(w, *(const bool *)place ? "true" : "false");
        break;
    case OCI_ENUM:
        name = oci_enum_name(field->type, load_enum(place));
        put_string(w, name);
        break;
    case OCI_OBJECT:
        put_object(w, &oci_objects[field->type], place);
        break;
    case OCI_INT32:
        put_signed(w, (int32_t)load_integer(OCI_INT32, place));
        break;
    case OCI_INT64:
        put_signed(w, (int64_t)load_integer(OCI_INT64, place));
        break;
    default:
        put_unsigned(w, load_integer(field->kind, place));
    }
}

static void put_list(struct writer *w, const struct oci_field *field, struct oci_list list) {
    bool map = field->shape == OCI_MAP;
    const char *item = list.items;
    open_with(w, map ? '{' : '[');
    for (size_t n = 0; n < list.count && w->result == 0; n++, item += field->item_size) {
        next(w, n);
        if (map) {
            put_string(w, load_pointer(item));
            put_colon(w);
        }
        put_value(w, field, map ? item + field->value_offset : item);
    }
    close_with(w, map ? '}' : ']', list.count);
}

static bool is_present(const struct oci_field *field, const char *base) {
    const char *place = base + field->offset;
    if (field->kind == OCI_IGNORED)
        return false;
    if (field->shape != OCI_SINGLE)
        return load_list(place).items != NULL;
    if (field->kind == OCI_STRING || field->kind == OCI_OBJECT)
        return load_pointer(place) != NULL;
    if (field->kind == OCI_ENUM)
        return load_enum(place) != 0;
    return *(const bool *)(base + field->has_offset);
}

static void put_member(struct writer *w, const struct oci_field *field, const char *base) {
    const char *place = base + field->offset;
    /* Names of the schema have no character that needs an escape. */
    put_char(w, '"');
    put(w, oci_texts + field->name.offset, field->name.length);
    put_char(w, '"');
    put_colon(w);
    if (field->shape != OCI_SINGLE)
        put_list(w, field, load_list(place));
    else
        put_value(w, field, field->kind == OCI_OBJECT ? load_pointer(place) : place);
}

static void put_object(struct writer *w, const struct oci_object *object, const char *base) {
    const struct oci_field *field = &oci_fields[object->first];
    size_t count = 0;
    open_with(w, '{');
    for (unsigned n = 0; n < object->count && w->result == 0; n++, field++) {
        if (!is_present(field, base))
            continue;
        next(w, count++);
        put_member(w, field, base);
    }
    close_with(w, '}', count);
}

int oci_write(enum oci_document document, const void *value, oci_sink *sink, void *ctx, unsigned flags) {
    struct writer w; /* the buffer need not be cleared */
    w.sink = sink;
    w.ctx = ctx;
    w.pretty = (flags & OCI_WRITE_PRETTY) != 0;
    w.result = 0;
    w.depth = 0;
    w.used = 0;
    put_object(&w, &oci_objects[oci_documents[document]], value);
    flush(&w);
    return w.result;
}
