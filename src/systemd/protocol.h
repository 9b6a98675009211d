/* SPDX-License-Identifier: Apache-2.0 */
/* protocol: what berth and its program berth-systemd (systemd/main.c) must agree on beyond the words of a request. */
#ifndef BERTH_SYSTEMD_PROTOCOL_H
#define BERTH_SYSTEMD_PROTOCOL_H

#define ITEM_END "\x1f" /* ASCII's unit separator, between items of a list */
#define PROPERTY_BYTES_MAX 1024
#define DEADLINE_SECONDS 10 /* of one call; an orphaned berth-systemd keeps to it by itself */

#endif
