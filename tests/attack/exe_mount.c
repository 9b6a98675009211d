/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exe_mount RESULT ORDER: what a privileged container can try against the mount that a process of the runtime was
 * executed from. Both are FIFOs. It tells "ready" on RESULT and reads a process id from ORDER, opens /proc/PID/exe,
 * tries to make that mount writable, to clone it and to move it, and tells "tried" with " CALL" for each that the
 * kernel did not refuse. When something is written to ORDER again (the process is gone by then), it tries to write
 * through all that it holds, and tells " written:HOW" for each.
 */
#include <fcntl.h>
#include <linux/mount.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define REMOUNT_BIND (32 | 4096) /* MS_REMOUNT | MS_BIND; <sys/mount.h> and <linux/mount.h> exclude each other */
#define BIND 4096

static char report[1024];

static void note(bool done, const char *word) {
    if (done)
        snprintf(report + strlen(report), sizeof report - strlen(report), " %s", word);
}

static void tell(const char *path) {
    FILE *out = fopen(path, "w");
    if (!out)
        return;
    fprintf(out, "%s\n", report);
    fclose(out);
}

static void await(const char *path, char *order, size_t size) {
    FILE *in = fopen(path, "r");
    if (!in || !fgets(order, (int)size, in))
        _exit(3);
    fclose(in);
}

static bool make_writable(int fd) {
    struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
    return syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes) == 0;
}

static void try_to_write(int fd, const char *how) {
    char path[64], word[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    snprintf(word, sizeof word, "written:%s", how);
    int out = fd < 0 ? -1 : open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    note(out >= 0 && write(out, "overwritten", 11) == 11, word);
}

int main(int argc, char **argv) {
    char exe[64], order[16];
    if (argc != 3)
        return 2;
    strcpy(report, "ready");
    tell(argv[1]);
    await(argv[2], order, sizeof order);
    snprintf(exe, sizeof exe, "/proc/%d/exe", atoi(order));
    int held = open(exe, O_PATH | O_CLOEXEC), reader = open(exe, O_RDONLY | O_CLOEXEC);
    strcpy(report, held >= 0 && reader >= 0 ? "tried" : "cannot open");
    note(make_writable(held), "setattr");
    note(make_writable(reader), "setattr-reader");
    note(syscall(SYS_mount, NULL, exe, NULL, REMOUNT_BIND, NULL) == 0, "remount");
    int clone = (int)syscall(SYS_open_tree, held, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    note(clone >= 0 && make_writable(clone), "clone");
    close(open("/point", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    note(syscall(SYS_mount, exe, "/point", NULL, BIND, NULL) == 0, "bind");
    note(syscall(SYS_mount, NULL, "/point", NULL, REMOUNT_BIND, NULL) == 0, "bind-remount");
    note(syscall(SYS_move_mount, held, "", AT_FDCWD, "/point", MOVE_MOUNT_F_EMPTY_PATH) == 0, "move");
    int point = open("/point", O_PATH | O_CLOEXEC);
    int context = (int)syscall(SYS_fspick, held, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
    syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, "rw", NULL, 0);
    syscall(SYS_fsconfig, context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL,
            0); /* the mount stays read-only all the same */
    tell(argv[1]);
    await(argv[2], order, sizeof order);
    strcpy(report, "end");
    try_to_write(held, "held");
    try_to_write(reader, "reader");
    try_to_write(clone, "clone");
    if (strstr(report, "bind"))
        try_to_write(point, "point");
    tell(argv[1]);
    return 0;
}
