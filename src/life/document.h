/* SPDX-License-Identifier: Apache-2.0 */
/* document: an OCI document as text in memory: what the public calls give back, and what the state directory keeps.
 * Runs in life; needs no privilege. */
#ifndef BERTH_LIFE_DOCUMENT_H
#define BERTH_LIFE_DOCUMENT_H

#include "oci.h"

#include <berth/berth.h>

/* JSON in one piece, malloc'd, not NUL-terminated; `flags` and errors as of oci_write. */
int document_buffer(enum oci_document document, const void *value, unsigned flags, char **text, size_t *len);

/* Indented JSON without a newline at its end, malloc'd, the caller's to free. `value` is as oci_write wants it. */
int document_text(enum oci_document document, const void *value, char **json, struct berth_error *error);

#endif
