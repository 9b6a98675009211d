/* SPDX-License-Identifier: Apache-2.0 */
/* reader: JSON text -> struct, for every kind of document. Runs on the host side of the runtime, needs no privilege.
 *
 * yajl takes the text apart and calls back for each token; the rows of oci_fields say what a token must be and where it
 * goes. A stack of frames, one for each object or array that is open, says which row is due. The first error ends it.
 *
 * yajl is asked for syntax only: it takes bad UTF-8 and half surrogates, and rounds numbers, so all that is done here.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "table.h"

_Static_assert(sizeof(enum oci_status) == sizeof(unsigned), "enums are stored as unsigned");

enum frame_type {
    FRAME_OBJECT, /* a struct */
    FRAME_MAP,    /* an object with free keys */
    FRAME_ARRAY,
    FRAME_UNKNOWN_OBJECT, /* something below an unknown property */
    FRAME_UNKNOWN_ARRAY,
};

struct frame {
    enum frame_type type;
    const struct oci_object *object; /* OBJECT */
    const struct oci_field *field;   /* OBJECT: of the value that is due, NULL if unknown. MAP, ARRAY: of the list */
    char *base;                      /* OBJECT: the struct. MAP, ARRAY: the items */
    char *home;                      /* MAP, ARRAY: where the list goes when it is complete */
    uint64_t seen, present;          /* OBJECT: bit n for the n-th property; null is seen, but not present */
    size_t count, capacity;          /* MAP, ARRAY: items; UNKNOWN_ARRAY: count alone */
    const char *key;                 /* of the value that is due or open; objects of all types */
    size_t first_key;                /* where its part of reader.keys begins */
    size_t after;                    /* the end of the token before it */
};

/* A key that the schema does not fix, and the end of the token before it. */
struct key {
    const char *text;
    size_t after;
};

struct reader {
    jmp_buf exhausted; /* where to go on when memory is out */
    const struct oci_allocator *allocator;
    const struct oci_read_options *options;
    struct oci_error *error;
    yajl_handle yajl;
    const char *text;
    size_t len;
    const struct oci_object *document;
    void *result;
    char *strings;     /* the free rest of the piece for strings */
    size_t after, end; /* the end of the token before, of this token */
    size_t values;     /* how many so far */
    struct key *keys;  /* of all open objects, to find those that come twice */
    size_t key_count, key_capacity;
    bool key_due;   /* the last token was a key */
    bool finishing; /* yajl was told that this is all */
    int code;       /* errno of the failure, 0 as long as there is none */
    size_t depth;   /* of frames */
    struct frame frames[OCI_MAX_DEPTH];
};

/* Where the next value goes. */
struct aim {
    bool wanted; /* false: nobody wants it */
    enum oci_shape shape;
    enum oci_kind kind;
    const struct oci_field *field; /* NULL for the document itself */
    const struct oci_object *object;
    char *place;
    char *has; /* the has_ member, or NULL */
};

/* ---- errors ---- */

/* Text in a buffer of fixed size. What does not fit makes it end in "..." and takes nothing more. */
struct line {
    char *text;
    size_t size, len;
    bool full;
};

/* Appends text[len]: what could upset a terminal becomes ?, no character is cut in two. */
static void append(struct line *line, const char *text, size_t len) {
    size_t room = line->size - line->len - sizeof("...");
    if (line->full)
        return;
    if (len > room) {
        len = oci_utf8_length(text, room);
        line->full = true;
    }
    for (size_t n = 0; n < len; n++)
        line->text[line->len++] = (unsigned char)text[n] < 0x20 || text[n] == 0x7f ? '?' : text[n];
    memcpy(line->text + line->len, "...", sizeof("..."));
    if (!line->full)
        line->text[line->len] = '\0';
}

/* Fills a buffer with what is fit to be shown of text[len]. */
static void show(char *buffer, size_t size, const char *text, size_t len) {
    struct line line = {.text = buffer, .size = size};
    append(&line, text, len);
}

static void append_key(struct line *line, const char *key) {
    while (*key) {
        size_t plain = strcspn(key, "~/");
        append(line, key, plain);
        key += plain;
        if (*key)
            append(line, *key++ == '~' ? "~0" : "~1", 2);
    }
}

/* The pointer to the innermost open object or array, or (with_top) to the value of it that is due. */
static void write_pointer(const struct reader *r, bool with_top, char *buffer, size_t size) {
    struct line line = {.text = buffer, .size = size};
    size_t depth = with_top || r->depth == 0 ? r->depth : r->depth - 1;
    buffer[0] = '\0';
    for (size_t n = 0; n < depth; n++) {
        const struct frame *frame = &r->frames[n];
        append(&line, "/", 1);
        if (frame->type == FRAME_ARRAY || frame->type == FRAME_UNKNOWN_ARRAY) {
            char number[24];
            append(&line, number, (size_t)snprintf(number, sizeof(number), "%zu", frame->count - 1));
        } else {
            append_key(&line, frame->key);
        }
    }
}

/*
 * Where the token that follows the one ending at `after` begins. yajl tells where tokens end, and skips some. At a
 * comment it stops before the token: white space is no token, whatever yajl says.
 */
static size_t token_start(const struct reader *r, size_t after, size_t end) {
    while (after + 1 < end && memchr(" \t\r\n,:", r->text[after], sizeof(" \t\r\n,:") - 1))
        after++;
    while (after < r->len && memchr(" \t\r\n", r->text[after], sizeof(" \t\r\n") - 1))
        after++;
    return after;
}

static void write_place(const struct reader *r, size_t at) {
    unsigned line = 1;
    const char *begin = r->text, *next;
    while ((next = memchr(begin, '\n', (size_t)(r->text + at - begin)))) {
        begin = next + 1;
        line++;
    }
    r->error->line = line;
    r->error->column = 1;
    for (; begin < r->text + at; begin++)
        r->error->column += ((unsigned char)*begin & 0xc0) != 0x80; /* a character, not each of its bytes */
}

/* Keeps the error; 0, which tells yajl to stop. */
__attribute__((format(printf, 5, 6))) static int refuse(struct reader *r, int code, size_t at, bool with_top,
                                                        const char *format, ...) {
    char message[sizeof(r->error->text) - sizeof(r->error->pointer) - 2];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    r->code = code;
    r->error->code = code;
    write_place(r, at);
    write_pointer(r, with_top, r->error->pointer, sizeof(r->error->pointer));
    snprintf(r->error->text, sizeof(r->error->text), "%s%s%s", r->error->pointer, *r->error->pointer ? ": " : "",
             message);
    return 0;
}

/* Refuses the value that this token is or begins. */
#define refuse_value(r, ...) refuse(r, EINVAL, token_start(r, (r)->after, (r)->end), true, __VA_ARGS__)

/* Refuses the object or array that is open. */
#define refuse_open(r, frame, ...) refuse(r, EINVAL, token_start(r, (frame)->after, (r)->end), false, __VA_ARGS__)

/* A failure that no place in the text is to blame for. */
static void fail(struct oci_error *error, int code, const char *text) {
    *error = (struct oci_error){.code = code};
    snprintf(error->text, sizeof(error->text), "%s", text);
}

static int out_of_memory(struct reader *r) {
    r->code = ENOMEM;
    fail(r->error, ENOMEM, "out of memory");
    return 0;
}

static const char *expectation(const struct aim *aim) {
    if (aim->shape != OCI_SINGLE)
        return aim->shape == OCI_ARRAY ? "an array" : "an object";
    switch (aim->kind) {
    case OCI_STRING:
    case OCI_ENUM:
        return "a string";
    case OCI_BOOL:
        return "true or false";
    case OCI_OBJECT:
        return "an object";
    default:
        return "an integer";
    }
}

static int refuse_type(struct reader *r, const struct aim *aim, const char *found) {
    return refuse_value(r, "expected %s, found %s", expectation(aim), found);
}

/* ---- memory ---- */

static void *allocate(struct reader *r, size_t size) {
    void *memory = r->allocator->alloc(r->allocator->ctx, size);
    if (!memory)
        out_of_memory(r);
    return memory;
}

/* Memory for twice as many items as before, with those before in it; NULL (and refused) if there is none. */
static void *grow(struct reader *r, const void *items, size_t count, size_t *capacity, size_t size) {
    size_t wanted = *capacity ? *capacity * 2 : 8;
    void *more = allocate(r, wanted * size);
    if (!more)
        return NULL;
    if (count > 0)
        memcpy(more, items, count * size);
    *capacity = wanted;
    return more;
}

/* A string always fits: in the text it has two quotes, here one NUL. */
static const char *copy_string(struct reader *r, const char *text, size_t len) {
    char *copy = r->strings;
    memcpy(copy, text, len);
    copy[len] = '\0';
    r->strings += len + 1;
    return copy;
}

static void store(char *place, const void *value, size_t size) {
    memcpy(place, value, size);
}

/* ---- values ---- */

/* Every token begins here. yajl tells where it ends, except for one that only the end of the text ends. */
static void begin_token(struct reader *r, bool is_key) {
    r->after = r->end;
    r->end = r->finishing ? r->len : yajl_get_bytes_consumed(r->yajl);
    r->key_due = is_key;
}

/* A new item at the end of a map or array. */
static char *new_item(struct reader *r, struct frame *frame) {
    size_t size = frame->field->item_size;
    if (frame->count == frame->capacity) {
        char *items = grow(r, frame->base, frame->count, &frame->capacity, size);
        if (!items)
            return NULL;
        frame->base = items;
    }
    return frame->base + size * frame->count++;
}

static int aim_at_item(struct reader *r, struct frame *frame, struct aim *aim) {
    aim->field = frame->field;
    aim->kind = frame->field->kind;
    aim->place = new_item(r, frame);
    if (!aim->place)
        return 0;
    if (frame->type == FRAME_MAP) {
        store(aim->place, &frame->key, sizeof(frame->key));
        aim->place += frame->field->value_offset;
    }
    return 1;
}

static void aim_at_member(struct frame *frame, struct aim *aim) {
    aim->field = frame->field;
    aim->shape = frame->field->shape;
    aim->kind = frame->field->kind;
    aim->place = frame->base + frame->field->offset;
    aim->has = frame->field->has_offset ? frame->base + frame->field->has_offset : NULL;
}

/* Every value begins here: it is counted, and found out what it is for. */
static int begin_value(struct reader *r, struct aim *aim) {
    *aim = (struct aim){.wanted = true, .shape = OCI_SINGLE, .kind = OCI_OBJECT, .object = r->document};
    begin_token(r, false);
    if (++r->values > OCI_MAX_VALUES)
        return refuse(r, E2BIG, token_start(r, r->after, r->end), false, "more than %d values in the document",
                      OCI_MAX_VALUES);
    if (r->depth == 0)
        return 1;
    struct frame *frame = &r->frames[r->depth - 1];
    switch (frame->type) {
    case FRAME_OBJECT:
        aim->wanted = frame->field && frame->field->kind != OCI_IGNORED;
        if (aim->wanted)
            aim_at_member(frame, aim);
        break;
    case FRAME_MAP:
    case FRAME_ARRAY:
        if (!aim_at_item(r, frame, aim))
            return 0;
        break;
    default:
        aim->wanted = false;
        frame->count++;
    }
    if (aim->wanted && aim->kind == OCI_OBJECT)
        aim->object = &oci_objects[aim->field->type];
    return 1;
}

/* The property of the open object that was due has a value, and it is not null. */
static void set_present(struct reader *r) {
    struct frame *frame = r->depth ? &r->frames[r->depth - 1] : NULL;
    if (frame && frame->type == FRAME_OBJECT && frame->field)
        frame->present |= (uint64_t)1 << (frame->field - &oci_fields[frame->object->first]);
}

static int on_null(void *ctx) {
    struct reader *r = ctx;
    struct aim aim;
    if (!begin_value(r, &aim))
        return 0;
    bool optional = r->depth > 0 && r->frames[r->depth - 1].type == FRAME_OBJECT;
    return !aim.wanted || optional || refuse_type(r, &aim, "null");
}

static int on_boolean(void *ctx, int number) {
    struct reader *r = ctx;
    struct aim aim;
    bool value = number != 0;
    if (!begin_value(r, &aim))
        return 0;
    if (!aim.wanted)
        return 1;
    if (aim.shape != OCI_SINGLE || aim.kind != OCI_BOOL)
        return refuse_type(r, &aim, value ? "true" : "false");
    store(aim.place, &value, sizeof(value));
    if (aim.has)
        *(bool *)aim.has = true;
    set_present(r);
    return 1;
}

/* The magnitude of an integer; false if it has a fraction or an exponent, or if 64 bits do not hold it. */
static bool parse_magnitude(const char *text, size_t len, uint64_t *magnitude, bool *integer) {
    uint64_t value = 0;
    bool fits = true;
    *integer = true;
    for (size_t n = 0; n < len; n++) {
        if (text[n] < '0' || text[n] > '9') {
            *integer = false;
            return false;
        }
        uint64_t digit = (uint64_t)(text[n] - '0');
        fits = fits && value <= (UINT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    *magnitude = value;
    return fits;
}

static void store_integer(const struct aim *aim, bool negative, uint64_t magnitude) {
    uint64_t value = negative ? 0 - magnitude : magnitude;
    uint32_t value32 = (uint32_t)value;
    uint16_t value16 = (uint16_t)value;
    uint8_t value8 = (uint8_t)value;
    switch (aim->kind) {
    case OCI_UINT8:
        store(aim->place, &value8, sizeof(value8));
        break;
    case OCI_UINT16:
        store(aim->place, &value16, sizeof(value16));
        break;
    case OCI_INT32:
    case OCI_UINT32:
        store(aim->place, &value32, sizeof(value32));
        break;
    default:
        store(aim->place, &value, sizeof(value));
    }
}

static bool in_range(const struct oci_range *range, bool negative, uint64_t magnitude) {
    if (negative)
        return magnitude <= 0 - (uint64_t)(range->least < 0 ? range->least : 0);
    return magnitude <= range->greatest && (range->least <= 0 || magnitude >= (uint64_t)range->least);
}

static int refuse_number(struct reader *r, const struct aim *aim, const struct oci_range *range, bool integer,
                         const char *text, size_t len) {
    char shown[40];
    show(shown, sizeof(shown), text, len);
    if (!integer)
        return refuse_type(r, aim, shown);
    return refuse_value(r, "%s is out of range (%lld to %llu)", shown, (long long)range->least,
                        (unsigned long long)range->greatest);
}

static int on_number(void *ctx, const char *text, size_t len) {
    struct reader *r = ctx;
    struct aim aim;
    if (!begin_value(r, &aim))
        return 0;
    if (!aim.wanted)
        return 1;
    if (aim.shape != OCI_SINGLE || aim.kind < OCI_INT32 || aim.kind > OCI_UINT64)
        return refuse_type(r, &aim, "a number");
    bool negative = text[0] == '-', integer;
    uint64_t magnitude = 0;
    bool fits = parse_magnitude(text + negative, len - negative, &magnitude, &integer);
    const struct oci_range *range = &oci_ranges[aim.field->range];
    if (!integer || !fits || !in_range(range, negative, magnitude))
        return refuse_number(r, &aim, range, integer, text, len);
    store_integer(&aim, negative, magnitude);
    if (aim.has)
        *(bool *)aim.has = true;
    set_present(r);
    return 1;
}

#define WORDS_MAX 64 /* of an enum, that a misspelt word is compared with */

/* Refuses a word that an enum does not have, and names the one that was probably meant. */
static int refuse_unknown_word(struct reader *r, unsigned type, const char *text, size_t len) {
    const char *names[WORDS_MAX], *near = NULL;
    unsigned count = 0;
    char word[80], hint[120] = "";
    show(word, sizeof(word), text, len);
    while (count < WORDS_MAX && (names[count] = oci_enum_name(type, count + 1)))
        count++;
    if (r->options && r->options->nearest)
        near = r->options->nearest(word, names, count);
    if (near)
        snprintf(hint, sizeof(hint), ", did you mean \"%s\"?", near);
    return refuse_value(r, "unknown value \"%s\"%s", word, hint);
}

static int refuse_broken(struct reader *r, const char *text, size_t len, const char *fault) {
    char word[80];
    show(word, sizeof(word), text, len);
    return refuse_value(r, "\"%s\" is %s", word, fault);
}

static int on_string(void *ctx, const unsigned char *bytes, size_t len) {
    struct reader *r = ctx;
    const char *text = (const char *)bytes;
    struct aim aim;
    if (!begin_value(r, &aim))
        return 0;
    if (!aim.wanted)
        return 1;
    if (aim.shape != OCI_SINGLE || (aim.kind != OCI_STRING && aim.kind != OCI_ENUM))
        return refuse_type(r, &aim, "a string");
    if (aim.kind == OCI_ENUM) {
        unsigned value = oci_enum_find(aim.field->type, text, len);
        if (value == 0)
            return refuse_unknown_word(r, aim.field->type, text, len);
        store(aim.place, &value, sizeof(value));
    } else {
        const char *fault = oci_check_fault(aim.field->check, text, len);
        if (fault)
            return refuse_broken(r, text, len, fault);
        const char *copy = copy_string(r, text, len);
        store(aim.place, &copy, sizeof(copy));
    }
    set_present(r);
    return 1;
}

/* ---- objects and arrays ---- */

static struct frame *push(struct reader *r, enum frame_type type) {
    if (r->depth == OCI_MAX_DEPTH) {
        refuse(r, E2BIG, token_start(r, r->after, r->end), true, "more than %d levels deep", OCI_MAX_DEPTH);
        return NULL;
    }
    struct frame *frame = &r->frames[r->depth++];
    *frame = (struct frame){.type = type, .first_key = r->key_count, .after = r->after};
    return frame;
}

/* The struct of an object: an item of an array or map is one itself, a member points to one. */
static char *place_object(struct reader *r, const struct aim *aim) {
    bool is_item = r->depth > 0 && r->frames[r->depth - 1].type != FRAME_OBJECT;
    if (is_item)
        return aim->place;
    char *base = allocate(r, aim->object->size);
    if (base && aim->place)
        store(aim->place, &base, sizeof(base));
    else
        r->result = base;
    return base;
}

static int on_start_map(void *ctx) {
    struct reader *r = ctx;
    struct aim aim;
    if (!begin_value(r, &aim))
        return 0;
    if (!aim.wanted)
        return push(r, FRAME_UNKNOWN_OBJECT) != NULL;
    if (aim.shape == OCI_ARRAY || (aim.shape == OCI_SINGLE && aim.kind != OCI_OBJECT))
        return refuse_type(r, &aim, "an object");
    set_present(r);
    char *base = aim.shape == OCI_MAP ? NULL : place_object(r, &aim);
    if (r->code)
        return 0;
    struct frame *frame = push(r, aim.shape == OCI_MAP ? FRAME_MAP : FRAME_OBJECT);
    if (!frame)
        return 0;
    frame->base = base;
    if (frame->type == FRAME_MAP) {
        frame->field = aim.field;
        frame->home = aim.place;
    } else {
        frame->object = aim.object;
    }
    return 1;
}

static int on_start_array(void *ctx) {
    struct reader *r = ctx;
    struct aim aim;
    if (!begin_value(r, &aim))
        return 0;
    if (!aim.wanted)
        return push(r, FRAME_UNKNOWN_ARRAY) != NULL;
    if (aim.shape != OCI_ARRAY)
        return refuse_type(r, &aim, "an array");
    set_present(r);
    struct frame *frame = push(r, FRAME_ARRAY);
    if (!frame)
        return 0;
    frame->field = aim.field;
    frame->home = aim.place;
    return 1;
}

static const struct oci_field *find_field(const struct oci_object *object, const char *name, size_t len) {
    const struct oci_field *field = &oci_fields[object->first];
    for (unsigned n = 0; n < object->count; n++, field++)
        if (field->name.length == len && memcmp(oci_texts + field->name.offset, name, len) == 0)
            return field;
    return NULL;
}

/* Keeps a key that the schema does not fix, for check_keys. */
static int keep_key(struct reader *r, struct frame *frame, const char *text, size_t len) {
    frame->key = copy_string(r, text, len);
    if (r->key_count == r->key_capacity) {
        struct key *keys = grow(r, r->keys, r->key_count, &r->key_capacity, sizeof(*keys));
        if (!keys)
            return 0;
        r->keys = keys;
    }
    r->keys[r->key_count++] = (struct key){.text = frame->key, .after = r->after};
    return 1;
}

static void report_unknown(const struct reader *r) {
    const struct frame *frame = &r->frames[r->depth - 1];
    const struct oci_object *object = frame->object;
    const char *names[UINT8_MAX]; /* an object has no more properties: oci_object.count */
    char pointer[sizeof(r->error->pointer)];
    if (!r->options || !r->options->unknown)
        return;
    write_pointer(r, true, pointer, sizeof(pointer));
    for (unsigned n = 0; n < object->count; n++)
        names[n] = oci_texts + oci_fields[object->first + n].name.offset;
    r->options->unknown(r->options->ctx, pointer,
                        r->options->nearest ? r->options->nearest(frame->key, names, object->count) : NULL);
}

static int on_object_key(struct reader *r, struct frame *frame, const char *text, size_t len) {
    frame->field = find_field(frame->object, text, len);
    if (!frame->field) {
        if (!keep_key(r, frame, text, len))
            return 0;
        report_unknown(r);
        return 1;
    }
    uint64_t bit = (uint64_t)1 << (frame->field - &oci_fields[frame->object->first]);
    frame->key = oci_texts + frame->field->name.offset;
    if (frame->seen & bit)
        return refuse_value(r, "the property is there twice");
    frame->seen |= bit;
    return 1;
}

static int on_map_key(void *ctx, const unsigned char *bytes, size_t len) {
    struct reader *r = ctx;
    const char *text = (const char *)bytes;
    struct frame *frame = &r->frames[r->depth - 1];
    begin_token(r, true);
    if (frame->type == FRAME_OBJECT)
        return on_object_key(r, frame, text, len);
    if (!keep_key(r, frame, text, len))
        return 0;
    const char *fault = frame->type == FRAME_MAP ? oci_check_fault(frame->field->key_check, text, len) : NULL;
    return !fault || refuse_value(r, "the key is %s", fault);
}

static int compare_keys(const void *left, const void *right) {
    const struct key *a = left, *b = right;
    int order = strcmp(a->text, b->text);
    return order ? order : (a->after > b->after) - (a->after < b->after);
}

/* Looks for a key that an object has twice. Sorting keeps this cheap whatever the keys are. */
static int check_keys(struct reader *r, struct frame *frame) {
    size_t count = r->key_count - frame->first_key;
    r->key_count = frame->first_key;
    if (count < 2)
        return 1;
    struct key *keys = r->keys + frame->first_key;
    qsort(keys, count, sizeof(*keys), compare_keys);
    for (size_t n = 1; n < count; n++) {
        if (strcmp(keys[n - 1].text, keys[n].text) == 0) {
            frame->key = keys[n].text;
            return refuse(r, EINVAL, token_start(r, keys[n].after, r->end), true, "the property is there twice");
        }
    }
    return 1;
}

static int check_object(struct reader *r, const struct frame *frame) {
    uint64_t missing = frame->object->required & ~frame->present;
    if (missing) {
        const struct oci_field *field = &oci_fields[frame->object->first + __builtin_ctzll(missing)];
        return refuse_open(r, frame, "the required property \"%s\" is missing", oci_texts + field->name.offset);
    }
    if (frame->object->needs_any && !frame->present)
        return refuse_open(r, frame, "none of the properties that it must have one of");
    return 1;
}

/* Hands a complete map or array over to the struct it belongs to. */
static int close_list(struct reader *r, struct frame *frame) {
    struct oci_list list = {.count = frame->count, .items = frame->base};
    if (list.count < frame->field->min_items)
        return refuse_open(r, frame, "too few items (at least %u)", (unsigned)frame->field->min_items);
    if (!list.items) /* empty, which is not absent */
        list.items = allocate(r, frame->field->item_size);
    store(frame->home + offsetof(struct oci_list, count), &list.count, sizeof(list.count));
    store(frame->home + offsetof(struct oci_list, items), &list.items, sizeof(list.items));
    return list.items != NULL;
}

static int on_end(void *ctx) {
    struct reader *r = ctx;
    struct frame *frame = &r->frames[r->depth - 1];
    begin_token(r, false);
    bool has_keys = frame->type != FRAME_ARRAY && frame->type != FRAME_UNKNOWN_ARRAY;
    if (has_keys && !check_keys(r, frame))
        return 0;
    if (frame->type == FRAME_OBJECT && !check_object(r, frame))
        return 0;
    if ((frame->type == FRAME_MAP || frame->type == FRAME_ARRAY) && !close_list(r, frame))
        return 0;
    r->depth--;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_boolean,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_start_map,
    .yajl_map_key = on_map_key,
    .yajl_end_map = on_end,
    .yajl_start_array = on_start_array,
    .yajl_end_array = on_end,
};

/* ---- the document ---- */

/* Four hexadecimal digits at text; false if they are not that. */
static bool parse_escape(const char *text, const char *end, unsigned *unit) {
    *unit = 0;
    if (end - text < 4)
        return false;
    for (int n = 0; n < 4; n++) {
        const char *digits = "0123456789abcdef", *digit = text[n] ? strchr(digits, text[n] | 0x20) : NULL;
        if (!digit)
            return false;
        *unit = *unit * 16 + (unsigned)(digit - digits);
    }
    return true;
}

/* The length of the escape at text: 2, 6 or 12; 0 with the reason if it must not be. Malformed ones are yajl's. */
static size_t escape_length(const char *text, const char *end, const char **fault) {
    unsigned unit, low;
    if (end - text < 2 || text[1] != 'u' || !parse_escape(text + 2, end, &unit))
        return 2;
    if (unit == 0) {
        *fault = "\\u0000 in a string";
        return 0;
    }
    if (unit < 0xd800 || unit > 0xdfff)
        return 6;
    bool pair = unit < 0xdc00 && end - text >= 12 && text[6] == '\\' && text[7] == 'u' &&
                parse_escape(text + 8, end, &low) && low >= 0xdc00 && low <= 0xdfff;
    if (!pair)
        *fault = "half a surrogate pair in a string";
    return pair ? 12 : 0;
}

/* How much of the text is good as far as characters go, and what is wrong with the next one. Backslashes outside of
 * strings do not matter: yajl refuses them. */
static size_t good_length(const char *text, size_t len, const char **fault) {
    size_t good = oci_utf8_length(text, len);
    if (good < len)
        *fault = "invalid UTF-8";
    const char *end = text + good, *at = text;
    while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
        size_t step = escape_length(at, end, fault);
        if (step == 0)
            return (size_t)(at - text);
        at += step;
    }
    return good;
}

static void refuse_syntax(struct reader *r) {
    size_t end = yajl_get_bytes_consumed(r->yajl);
    unsigned char *text = yajl_get_error(r->yajl, 0, (const unsigned char *)r->text, r->len);
    char shown[120] = "";
    if (text)
        show(shown, sizeof(shown), (const char *)text, strcspn((const char *)text, "\n"));
    yajl_free_error(r->yajl, text);
    refuse(r, EINVAL, token_start(r, r->end, end), r->key_due, "malformed JSON: %s", shown);
}

static bool is_blank(const struct reader *r) {
    return r->values == 0 && token_start(r, 0, 0) == r->len;
}

static void parse(struct reader *r) {
    const char *fault = NULL;
    size_t good = good_length(r->text, r->len, &fault);
    yajl_status status = yajl_parse(r->yajl, (const unsigned char *)r->text, good);
    if (status == yajl_status_client_canceled)
        return;
    if (status != yajl_status_ok) {
        refuse_syntax(r);
        return;
    }
    if (fault) {
        refuse(r, EINVAL, good, r->key_due, "%s", fault);
        return;
    }
    r->finishing = true;
    if (yajl_complete_parse(r->yajl) != yajl_status_ok && !r->code)
        refuse(r, EINVAL, r->len, r->key_due, is_blank(r) ? "the document is empty" : "the document ends too early");
}

/*
 * yajl takes what its malloc gives without a look, so a malloc that has nothing to give must not return to it. Its
 * memory comes from the caller's allocator, too, and so leaves nothing behind when it is jumped out of.
 */
struct chunk {
    size_t size;
    max_align_t data[];
};

static void *chunk_alloc(void *ctx, size_t size) {
    struct reader *r = ctx;
    struct chunk *chunk = size > OCI_MAX_SIZE * 4 ? NULL : allocate(r, sizeof *chunk + size);
    if (!chunk)
        longjmp(r->exhausted, 1);
    chunk->size = size;
    return chunk->data;
}

static void *chunk_realloc(void *ctx, void *old, size_t size) {
    const struct chunk *chunk = old ? (const struct chunk *)((char *)old - offsetof(struct chunk, data)) : NULL;
    if (chunk && size <= chunk->size)
        return old;
    void *grown = chunk_alloc(ctx, size);
    if (chunk)
        memcpy(grown, old, chunk->size);
    return grown;
}

static void chunk_free(void *ctx, void *chunk) {
    (void)ctx;
    (void)chunk; /* goes with the document */
}

/* Nothing but *r is alive across the jump. */
static void read_text(struct reader *r) {
    yajl_alloc_funcs memory = {.malloc = chunk_alloc, .realloc = chunk_realloc, .free = chunk_free, .ctx = r};
    if (setjmp(r->exhausted)) {
        out_of_memory(r);
        return;
    }
    r->yajl = yajl_alloc(&callbacks, &memory, r);
    yajl_config(r->yajl, yajl_dont_validate_strings, 1);
    parse(r);
}

int oci_read(enum oci_document document, const struct oci_allocator *allocator, const struct oci_read_options *options,
             const char *text, size_t len, void **out, struct oci_error *error) {
    *error = (struct oci_error){0};
    if (len > OCI_MAX_SIZE) {
        fail(error, E2BIG, "the document is bigger than 16 MiB");
        return -E2BIG;
    }
    struct reader r = {
        .allocator = allocator,
        .options = options,
        .error = error,
        .text = len > 0 ? text : "",
        .len = len,
        .document = &oci_objects[oci_documents[document]],
    };
    r.strings = allocate(&r, len + 1);
    if (r.strings)
        read_text(&r);
    else
        out_of_memory(&r);
    if (r.code)
        return -r.code;
    *out = r.result;
    return 0;
}
