/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lsm: the security modules that confine by label, AppArmor and SELinux: whether they are on, and the labels that a
 * process asks for itself through /proc/self/attr (proc_pid_attr(5)). The first two run in life, the others in the
 * process that the label is for, before it gives up its credentials; they need no capability, but the module's consent.
 */
#ifndef BERTH_KERNEL_LSM_H
#define BERTH_KERNEL_LSM_H

#include "kernel/procfs.h"

#include <stdbool.h>

/* 1, 0 or -errno. */
int lsm_apparmor_on(void); /* built in and not switched off at boot */
int lsm_selinux_on(void);  /* its file system is where it belongs */

/*
 * What the next execve of this thread, and of a child forked until then, runs as. 0 or -errno: ENOENT for a profile
 * that is not loaded, EINVAL for a label that the policy does not know, EACCES where the present label may not. What
 * the module has noted is read back: EPERM when it is another profile, or no label.
 */
int lsm_apparmor_exec(const struct procfs *proc, const char *profile); /* attr/apparmor/exec since Linux 5.8 */
bool lsm_apparmor_is(const char *read, const char *profile); /* "PROFILE (MODE)\n" as read: is it that profile? */
int lsm_selinux_exec(const struct procfs *proc, const char *label);

/* The label of the keyrings that this thread makes from here on; "": SELinux's own choice again. */
int lsm_selinux_keys(const struct procfs *proc, const char *label);

/* Labels the file of an O_PATH descriptor (xattr(7), security.selinux); needs the host's /proc, before the pivot. */
int lsm_selinux_file(int fd, const char *label);

#endif
