/* SPDX-License-Identifier: Apache-2.0 */
/* document: see document.h. */
#include "life/document.h"

#include "base/checksum.h"
#include "base/fd.h"
#include "base/own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct buffer {
    char *data;
    size_t len, size;
};

static int buffer_take(void *context, const char *data, size_t len) {
    struct buffer *buffer = context;
    if (len > buffer->size - buffer->len) {
        size_t size = (buffer->len + len) * 2;
        char *grown = realloc(buffer->data, size);
        if (!grown)
            return -ENOMEM;
        buffer->data = grown;
        buffer->size = size;
    }
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
    return 0;
}

/* Behind `room` bytes that are left for the caller to fill. */
static int compose(enum oci_document document, const void *value, unsigned flags, size_t room, char **text,
                   size_t *len) {
    struct buffer buffer = {.data = malloc(4096), .size = 4096, .len = room};
    int r = buffer.data ? oci_write(document, value, buffer_take, &buffer, flags) : -ENOMEM;
    if (r < 0) {
        free(buffer.data);
        return r;
    }
    *text = buffer.data;
    *len = buffer.len;
    return 0;
}

int document_buffer(enum oci_document document, const void *value, unsigned flags, char **text, size_t *len) {
    return compose(document, value, flags, 0, text, len);
}

#define SEAL_HEAD "{\"checksum\":\""
#define SEAL_SIZE (sizeof SEAL_HEAD - 1 + 16 + 1) /* with 16 hexadecimal digits and a quotation mark */

static void make_seal(const char *content, size_t len, char seal[static SEAL_SIZE + 1]) {
    const uint64_t sum = checksum_bytes(CHECKSUM_START, content, len);
    snprintf(seal, SEAL_SIZE + 1, SEAL_HEAD "%016llx\"", (unsigned long long)sum);
}

int document_sealed(enum oci_document document, const void *value, char **text, size_t *len) {
    char seal[SEAL_SIZE + 1];
    int r = compose(document, value, 0, SEAL_SIZE, text, len);
    if (r < 0)
        return r;
    (*text)[SEAL_SIZE] = ','; /* in the place of the brace that the seal begins with */
    make_seal(*text + SEAL_SIZE, *len - SEAL_SIZE, seal);
    memcpy(*text, seal, SEAL_SIZE);
    return 0;
}

static bool is_intact(const char *text, size_t len) {
    char seal[SEAL_SIZE + 1];
    if (len < SEAL_SIZE || memcmp(text, SEAL_HEAD, sizeof SEAL_HEAD - 1) != 0)
        return true;
    make_seal(text + SEAL_SIZE, len - SEAL_SIZE, seal);
    return memcmp(text, seal, SEAL_SIZE) == 0;
}

int document_text(enum oci_document document, const void *value, char **json, struct berth_error *error) {
    own_memory char *text = NULL;
    size_t len;
    int r = document_buffer(document, value, OCI_WRITE_PRETTY, &text, &len);
    char *ended = r == 0 ? realloc(text, len + 1) : NULL;
    if (r == 0 && !ended)
        r = -ENOMEM;
    if (r < 0) {
        *error = (struct berth_error){.code = -r};
        snprintf(error->text, sizeof error->text, "cannot write JSON: %s", error_text(-r));
        return r;
    }
    ended[len] = '\0';
    text = NULL;
    *json = ended;
    return 0;
}

static const char *kind_of(mode_t mode) {
    return S_ISLNK(mode)    ? "a symbolic link"
           : S_ISDIR(mode)  ? "a directory"
           : S_ISFIFO(mode) ? "a FIFO"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

int document_open(int dir, const char *name, struct error *err) {
    struct stat st;
    /* O_NONBLOCK: a FIFO without a writer must not hold us up. */
    own_fd fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const int code = fd < 0 ? errno : fstat(fd, &st) < 0 ? errno : 0;
    if (code == 0 && S_ISREG(st.st_mode))
        return fd_take(&fd);
    /* open(2) has several errors for what is not a file. */
    if (code != ENOENT && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISREG(st.st_mode))
        return error_set(err, EBADMSG, "%s is %s, not a regular file", name, kind_of(st.st_mode));
    return error_code(err, code ? code : EBADMSG, "open %s", name);
}

int document_read(int dir, const char *name, size_t max, char **text, size_t *len, struct error *err) {
    own_fd fd = document_open(dir, name, err);
    if (fd < 0)
        return fd;
    own_memory char *data = NULL;
    int r = fd_read_all(fd, max, &data, len);
    if (r < 0)
        return error_code(err, -r, "read %s", name);
    if (!is_intact(data, *len))
        return error_set(err, EBADMSG, "the content of %s does not fit its checksum", name);
    *text = data;
    data = NULL;
    return 0;
}

int document_make(int dir, const char *name) {
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    struct stat st;
    int fd = openat(dir, name, flags, 0600);
    if (fd < 0 && errno == EEXIST && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        unlinkat(dir, name, 0) == 0)
        fd = openat(dir, name, flags, 0600);
    return fd < 0 ? -errno : fd;
}
