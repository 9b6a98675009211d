/* SPDX-License-Identifier: Apache-2.0 */
/* document: an OCI document as text in memory: what the public calls give back, and what the state directory keeps.
 * Runs in life; needs no privilege. */
#ifndef BERTH_LIFE_DOCUMENT_H
#define BERTH_LIFE_DOCUMENT_H

#include "base/error.h"
#include "oci.h"

#include <berth/berth.h>

/* JSON in one piece, malloc'd, not NUL-terminated; `flags` and errors as of oci_write. */
int document_buffer(enum oci_document document, const void *value, unsigned flags, char **text, size_t *len);

/* Indented JSON without a newline at its end, malloc'd, the caller's to free. `value` is as oci_write wants it. */
int document_text(enum oci_document document, const void *value, char **json, struct berth_error *error);

/*
 * The same for a file of the state directory: begins with a property "checksum" of all that follows, which readers of
 * the document ignore and document_read compares.
 */
int document_sealed(enum oci_document document, const void *value, char **text, size_t *len);

/*
 * Opens a file of the state directory for reading: a descriptor, or -errno. Never waits and follows no link. EBADMSG:
 * the name is a link, a directory, a FIFO, a socket or a device.
 */
int document_open(int dir, const char *name, struct error *err);

/* The whole file (malloc; the caller frees; one NUL behind the data). Errors of document_open; EFBIG: above `max`. */
int document_read(int dir, const char *name, size_t max, char **text, size_t *len, struct error *err);

/*
 * Makes a file of mode 0600 (less the umask) for writing: descriptor or -errno. A regular file that a killed command
 * has left is replaced, anything else refused with EEXIST.
 */
int document_make(int dir, const char *name);

#endif
