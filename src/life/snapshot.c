/* SPDX-License-Identifier: Apache-2.0 */
/* snapshot: see snapshot.h. */
#include "life/snapshot.h"

#include "base/checksum.h"
#include "base/fd.h"
#include "base/own.h"
#include "life/document.h"
#include "oci.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)OCI_MAX_SIZE)
#define FILTER_MAGIC 0x3252544c46524542 /* "BERFLTR2" in memory on a little-endian machine */

/* The head of the filter's file; the instructions stand behind it. */
struct filter_head {
    uint64_t magic;
    uint64_t checksum; /* of the instructions, beginning with the numbers below */
    uint32_t count, flags;
};

static uint64_t filter_checksum(const struct filter_head *head, const struct sock_filter *program) {
    const uint64_t start = CHECKSUM_START ^ ((uint64_t)head->count << 32 | head->flags);
    return checksum_bytes(start, program, head->count * sizeof *program);
}

static int write_filter(int dir, const struct plan_filter *filter, struct error *err) {
    struct filter_head head = {.magic = FILTER_MAGIC, .count = (uint32_t)filter->count, .flags = filter->flags};
    const size_t size = filter->count * sizeof *filter->program;
    if (!filter->program)
        return 0;
    head.checksum = filter_checksum(&head, filter->program);
    own_fd fd = document_make(dir, SNAPSHOT_FILTER);
    int r = fd < 0 ? fd : fd_write_all(fd, (const char *)&head, sizeof head);
    if (r == 0)
        r = fd_write_all(fd, (const char *)filter->program, size);
    return r < 0 ? error_code(err, -r, "keep the seccomp filter for later commands") : 0;
}

static int write_config(int dir, const char *name, const struct oci_config *config, struct error *err) {
    own_memory char *text = NULL;
    size_t len;
    int r = document_sealed(OCI_DOCUMENT_CONFIG, config, &text, &len);
    if (r < 0)
        return error_code(err, -r, "keep the config for later commands");
    own_fd fd = document_make(dir, name);
    r = fd < 0 ? fd : fd_write_all(fd, text, len);
    return r < 0 ? error_code(err, -r, "keep the config for later commands") : 0;
}

int snapshot_write(int dir, const struct oci_config *config, const struct plan_filter *filter, struct error *err) {
    /* The section's rules are in the filter; that there was one is what must not be lost. */
    struct oci_seccomp seccomp = {0};
    if (filter->program)
        seccomp.default_action = config->linux->seccomp->default_action;
    struct oci_linux section = {
        .resources = config->linux ? config->linux->resources : NULL,
        .personality = config->linux ? config->linux->personality : NULL,
        .seccomp = filter->program ? &seccomp : NULL,
    };
    const struct oci_config kept = {.oci_version = config->oci_version, .process = config->process, .linux = &section};
    int r = write_filter(dir, filter, err);
    return r < 0 ? r : write_config(dir, SNAPSHOT_CONFIG, &kept, err);
}

int snapshot_prepare(int dir, const struct oci_config *config, struct error *err) {
    int r = write_config(dir, SNAPSHOT_ASIDE, config, err);
    if (r < 0)
        snapshot_abandon(dir);
    return r;
}

int snapshot_commit(int dir, struct error *err) {
    if (renameat(dir, SNAPSHOT_ASIDE, dir, SNAPSHOT_CONFIG) < 0)
        return error_sys(err, "keep the config for later commands");
    return 0;
}

void snapshot_abandon(int dir) {
    (void)unlinkat(dir, SNAPSHOT_ASIDE, 0);
}

static int read_filter(int dir, struct arena *arena, struct plan_filter *out, struct error *err) {
    struct filter_head head;
    struct stat st;
    own_fd fd = document_open(dir, SNAPSHOT_FILTER, err);
    if (fd < 0)
        return error_wrap(err, "read the container's seccomp filter");
    if (fstat(fd, &st) < 0)
        return error_sys(err, "look at the container's seccomp filter");
    const bool fits = fd_read(fd, &head, sizeof head) == (ssize_t)sizeof head && head.magic == FILTER_MAGIC &&
                      head.count > 0 && head.count <= BPF_MAXINSNS &&
                      st.st_size == (off_t)(sizeof head + head.count * sizeof(struct sock_filter));
    struct sock_filter *program = fits ? arena_array(arena, head.count, sizeof *program) : NULL;
    if (fits && !program)
        return error_memory(err);
    const ssize_t size = fits ? (ssize_t)(head.count * sizeof *program) : 0;
    if (!fits || fd_read(fd, program, (size_t)size) != size || head.checksum != filter_checksum(&head, program))
        return error_set(err, EIO, "the container's seccomp filter in the state directory is damaged");
    *out = (struct plan_filter){.program = program, .count = head.count, .flags = head.flags};
    return 0;
}

static void *arena_take(void *context, size_t size) {
    return arena_alloc(context, size);
}

int snapshot_read(int dir, struct arena *arena, const struct oci_config **config, struct plan_filter *filter,
                  struct error *err) {
    own_memory char *text = NULL;
    size_t len;
    int r = document_read(dir, SNAPSHOT_CONFIG, CONFIG_MAX, &text, &len, err);
    if (r < 0)
        return error_wrap(err, "read the config kept at create");
    const struct oci_allocator allocator = {.alloc = arena_take, .ctx = arena};
    struct oci_config *read;
    struct oci_error oci;
    r = oci_config_read(&allocator, text, len, &read, &oci);
    if (r < 0)
        return error_set(err, -r, "the config kept at create is damaged: %s", oci.text);
    *filter = (struct plan_filter){.program = NULL};
    r = read->linux && read->linux->seccomp ? read_filter(dir, arena, filter, err) : 0;
    if (r == 0)
        *config = read;
    return r;
}
