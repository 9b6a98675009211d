/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of base/nearest: what a misspelt word was meant to be. No privilege. */
#include "base/nearest.h"
#include "tap.h"

static const char *const commands[] = {"create", "start",      "run",     "state",  "exec",    "ps",
                                       "events", "kill",       "pause",   "resume", "update",  "delete",
                                       "list",   "checkpoint", "restore", "spec",   "features"};
static const char *const kinds[] = {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"};
static const char *const prefixed[] = {"CAP_CHOWN",     "CAP_NET_ADMIN",  "CAP_NET_RAW",      "CAP_SYS_ADMIN",
                                       "RLIMIT_NOFILE", "SCMP_ACT_ALLOW", "SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};

#define NEAREST_OF(word, names) nearest_of((word), (names), sizeof(names) / sizeof *(names))

static void test_words(void) {
    is_text(NEAREST_OF("craete", commands), "create", "two letters exchanged");
    is_text(NEAREST_OF("strat", commands), "start", "two letters exchanged, with a neighbour as near as that");
    is_text(NEAREST_OF("creat", commands), "create", "a letter missing");
    is_text(NEAREST_OF("runn", commands), "run", "a letter too many");
    is_text(NEAREST_OF("kull", commands), "kill", "a wrong letter");
    is_text(NEAREST_OF("Run", commands), "run", "a capital letter");
    is_text(NEAREST_OF("STATE", commands), "state", "capital letters");
    is_text(NEAREST_OF("del", commands), "delete", "the beginning of a name");
    is_text(NEAREST_OF("mnt", kinds), "mount", "letters left out");
    is_text(NEAREST_OF("net", kinds), "network", "an abbreviation");
    is_text(NEAREST_OF("frobnicate", commands), NULL, "a word that is near to nothing");
    is_text(NEAREST_OF("x", commands), NULL, "one letter");
    static const char *const options[] = {"all", "regex"};
    is_text(NEAREST_OF("KILL", options), NULL, "half of another word");
    is_text(NEAREST_OF("xyz", kinds), NULL, "letters of another word");
    is_text(NEAREST_OF("", commands), NULL, "an empty word");
}

static void test_prefixes(void) {
    is_text(NEAREST_OF("CHOWN", prefixed), "CAP_CHOWN", "a name without its prefix");
    is_text(NEAREST_OF("chown", prefixed), "CAP_CHOWN", "and in small letters");
    is_text(NEAREST_OF("NET_ADMIN", prefixed), "CAP_NET_ADMIN", "a name of two parts");
    is_text(NEAREST_OF("CAP_NET_ADMNI", prefixed), "CAP_NET_ADMIN", "a misspelt one with its prefix");
    is_text(NEAREST_OF("nofile", prefixed), "RLIMIT_NOFILE", "a limit by the name of ulimit");
    is_text(NEAREST_OF("ALLOW", prefixed), "SCMP_ACT_ALLOW", "a prefix of two parts");
    is_text(NEAREST_OF("x86_64", prefixed), "SCMP_ARCH_X86_64", "an underscore within the name");
}

static void test_lengths(void) {
    char longest[128];
    for (size_t len = 0; len < sizeof longest; len++) {
        memset(longest, 'a', len);
        longest[len] = '\0';
        const char *const names[] = {"a", longest};
        nearest_of("aaa", names, 2);
        nearest_of(longest, names, 2);
    }
    memset(longest, 'a', 48);
    longest[48] = '\0';
    const char *const names[] = {longest};
    is_text(NEAREST_OF(longest, names), longest, "words of up to 48 letters are compared");
    ok(true, "longer ones do no harm");
}

static void test_hint(void) {
    char text[NEAREST_HINT_SIZE], name[2 * NEAREST_HINT_SIZE];
    is_text(nearest_hint("create", text), ", did you mean \"create\"?", "a hint");
    is_text(nearest_hint(NULL, text), "", "no hint");
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ok(strlen(nearest_hint(name, text)) == NEAREST_HINT_SIZE - 1, "a name that is too long is cut");
}

int main(void) {
    test_words();
    test_prefixes();
    test_lengths();
    test_hint();
    return tap_done();
}
