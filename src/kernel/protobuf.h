/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf: the wire format of Protocol Buffers, as much of it as a remote procedure call of CRIU needs: numbers, texts
 * and messages in messages (protobuf.dev, "Encoding"). Pure; needs no privilege.
 */
#ifndef BERTH_KERNEL_PROTOBUF_H
#define BERTH_KERNEL_PROTOBUF_H

#include "base/own.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message that grows. Running out of memory is noted, so that not every field needs a check. */
struct protobuf {
    unsigned char *data;
    size_t len, room;
    bool failed;
};

#define PROTOBUF_INIT                                                                                                  \
    { .data = NULL }
void protobuf_drop(struct protobuf *message);
#define own_protobuf own(protobuf_drop) struct protobuf

/* int32, uint32, bool and enums alike: a negative number is sent with its 64 bits, as the format asks for. */
void protobuf_number(struct protobuf *message, unsigned field, int64_t value);
void protobuf_text(struct protobuf *message, unsigned field, const char *text);
void protobuf_message(struct protobuf *message, unsigned field, const struct protobuf *inner);

/* What is left to read of a message; it stays the caller's. */
struct protobuf_reader {
    const unsigned char *at;
    size_t left;
};

struct protobuf_field {
    unsigned number;
    uint64_t value;              /* of a number */
    struct protobuf_reader data; /* of a text or message; `at` NULL for a number */
};

/* The next field: 1, 0 at the end, -EBADMSG for what is no message. Fixed-width fields are passed over. */
int protobuf_next(struct protobuf_reader *reader, struct protobuf_field *field);

#endif
