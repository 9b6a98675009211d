/* SPDX-License-Identifier: Apache-2.0 */
/* checksum: tells a file that was damaged by accident. It is no protection against somebody who can write the file. */
#ifndef BERTH_BASE_CHECKSUM_H
#define BERTH_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#define CHECKSUM_START UINT64_C(0xcbf29ce484222325)

/*
 * FNV-1a over words of eight bytes instead of single ones: eight times as fast; the shift carries high bits down. Any
 * change within one word changes the result. `sum` is CHECKSUM_START or the checksum of what comes before.
 */
uint64_t checksum_bytes(uint64_t sum, const void *data, size_t len);

#endif
