/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of kernel/lsm: what counts as the profile that was asked for. */
#include "kernel/lsm.h"
#include "tap.h"

int main(void) {
    ok(lsm_apparmor_is("docker-default (enforce)\n", "docker-default"), "a profile and its mode");
    ok(lsm_apparmor_is("docker-default (complain)", "docker-default"), "another mode, no line end");
    ok(lsm_apparmor_is("unconfined\n", "unconfined"), "without a mode");
    ok(lsm_apparmor_is("a b (enforce)\n", "a b"), "a blank in the name");
    ok(lsm_apparmor_is("a//b (enforce)\n", "a//b"), "a hat");
    ok(lsm_apparmor_is(":ns://a (enforce)\n", ":ns:a"), "another namespace, as the kernel writes it");
    ok(!lsm_apparmor_is("", "docker-default"), "nothing");
    ok(!lsm_apparmor_is("", ":ns:a"), "nothing, of another namespace");
    ok(!lsm_apparmor_is("unconfined\n", "docker-default"), "another profile");
    ok(!lsm_apparmor_is("docker-default2 (enforce)\n", "docker-default"), "a longer name");
    ok(!lsm_apparmor_is("docker (enforce)\n", "docker-default"), "a shorter name");
    return tap_done();
}
