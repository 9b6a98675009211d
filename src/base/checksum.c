/* SPDX-License-Identifier: Apache-2.0 */
/* checksum: see checksum.h. Pure. */
#include "base/checksum.h"

#include <string.h>

uint64_t checksum_bytes(uint64_t sum, const void *data, size_t len) {
    const unsigned char *p = data;
    while (len > 0) {
        uint64_t word = 0;
        size_t step = len < sizeof word ? len : sizeof word;
        memcpy(&word, p, step);
        sum = (sum ^ word) * UINT64_C(0x100000001b3);
        sum ^= sum >> 32;
        p += step;
        len -= step;
    }
    return sum;
}
