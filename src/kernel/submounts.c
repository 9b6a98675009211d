/* SPDX-License-Identifier: Apache-2.0 */
/* submounts: see submounts.h. */
#include "kernel/submounts.h"

#include "base/fd.h"
#include "base/own.h"
#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TREE_MAX 1024
#define MOUNTINFO_MAX ((size_t)64 * 1024 * 1024)

struct tree {
    uint64_t ids[TREE_MAX];
    size_t count;
    char point[PATH_MAX]; /* where its root is mounted */
};

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS..." */
struct mount_line {
    uint64_t id, parent;
    const char *point;
    size_t point_len;
};

static bool parse_line(const char *line, struct mount_line *out) {
    char *rest;
    out->id = strtoull(line, &rest, 10);
    out->parent = strtoull(rest, &rest, 10);
    const char *field = rest;
    for (int i = 0; field && i < 3; i++)
        field = (field = strchr(field, ' ')) ? field + 1 : NULL;
    out->point = field;
    out->point_len = field ? strcspn(field, " ") : 0;
    return field != NULL;
}

/* The byte that three octal digits stand for. */
static char octal(const char *digits) {
    int value = (digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0');
    return (char)value;
}

/* The point without its escapes: "\040" is a space. */
static int copy_point(const struct mount_line *line, char buffer[static PATH_MAX]) {
    size_t used = 0;
    for (size_t i = 0; i < line->point_len; i++) {
        const char *c = line->point + i;
        if (used + 1 == PATH_MAX)
            return -ENAMETOOLONG;
        bool escape = c[0] == '\\' && i + 3 < line->point_len;
        buffer[used++] = escape ? octal(c + 1) : c[0];
        i += escape ? 3 : 0;
    }
    buffer[used] = '\0';
    return 0;
}

static bool contains(const struct tree *tree, uint64_t id) {
    for (size_t i = 0; i < tree->count; i++)
        if (tree->ids[i] == id)
            return true;
    return false;
}

/* A child may be listed before its parent, so until nothing is added any more. */
static int collect(const char *text, struct tree *tree) {
    struct mount_line line;
    int r = -EXDEV;
    for (size_t before = 0; before != tree->count;) {
        before = tree->count;
        for (const char *c = text; c && *c; c = (c = strchr(c, '\n')) ? c + 1 : NULL) {
            if (!parse_line(c, &line))
                return -EPROTO;
            if (line.id == tree->ids[0])
                r = copy_point(&line, tree->point);
            if (contains(tree, line.id) || !contains(tree, line.parent))
                continue;
            if (tree->count == TREE_MAX)
                return -E2BIG;
            tree->ids[tree->count++] = line.id;
        }
    }
    return r;
}

/* Opens what is mounted there now. Links on the way do not matter: it must be a mount of the tree. */
static int open_mount(const struct tree *tree, int mount_fd, const struct mount_line *line) {
    char point[PATH_MAX];
    size_t len = strcmp(tree->point, "/") == 0 ? 0 : strlen(tree->point);
    int r = copy_point(line, point);
    if (r < 0)
        return r;
    if (strncmp(point, tree->point, len) != 0 || point[len] != '/' || !point[len + 1])
        return -EXDEV;
    own_fd fd = openat(mount_fd, point + len + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    uint64_t id;
    r = fd < 0 ? -errno : sys_mount_id(fd, &id);
    if (r == 0 && !contains(tree, id))
        r = -EXDEV;
    return r < 0 ? r : fd_take(&fd);
}

int mountinfo_read(char **text) {
    size_t len;
    own_fd fd = fd_open("/proc/self/mountinfo", O_RDONLY);
    return fd < 0 ? -errno : fd_read_all(fd, MOUNTINFO_MAX, text, &len);
}

bool mountinfo_lists(const char *text, uint64_t id) {
    struct mount_line line;
    for (const char *c = text; c && *c; c = (c = strchr(c, '\n')) ? c + 1 : NULL)
        if (parse_line(c, &line) && line.id == id)
            return true;
    return false;
}

int submounts_below(const char *path, int (*each)(void *context, const char *below), void *context) {
    own_memory char *text = NULL;
    size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);
    int r = mountinfo_read(&text);
    struct mount_line line;
    for (const char *c = text; r == 0 && c && *c; c = (c = strchr(c, '\n')) ? c + 1 : NULL) {
        char point[PATH_MAX];
        r = parse_line(c, &line) ? copy_point(&line, point) : -EPROTO;
        if (r == 0 && strncmp(point, path, len) == 0 && point[len] == '/' && point[len + 1])
            r = each(context, point + len + 1);
    }
    return r;
}

int submounts_visit(int mount_fd, int (*each)(void *context, int fd), void *context) {
    struct tree tree = {.count = 1};
    own_memory char *text = NULL;
    int r = mountinfo_read(&text);
    if (r == 0)
        r = sys_mount_id(mount_fd, &tree.ids[0]);
    if (r == 0)
        r = collect(text, &tree);
    if (r == 0)
        r = each(context, mount_fd);
    struct mount_line line;
    for (const char *c = text; r == 0 && c && *c; c = (c = strchr(c, '\n')) ? c + 1 : NULL) {
        if (!parse_line(c, &line) || line.id == tree.ids[0] || !contains(&tree, line.id))
            continue;
        own_fd fd = open_mount(&tree, mount_fd, &line);
        r = fd < 0 ? fd : each(context, fd);
    }
    return r;
}
