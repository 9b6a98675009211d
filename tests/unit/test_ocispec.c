/* SPDX-License-Identifier: Apache-2.0 */
/* test_ocispec: what libocispec takes, refuses and writes. Needs no privilege.
 *
 * Examples lie in ocispec/ beside this file (OCISPEC_EXAMPLES, or the first argument): good/KIND-NAME.json must be read
 * and, written pretty, give the same bytes again; bad/KIND-NAME.json must be refused with the line in the .error file
 * of the same name. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/nearest.h"
#include "oci.h"
#include "tap.h"

#ifndef OCISPEC_EXAMPLES
#define OCISPEC_EXAMPLES "tests/unit/ocispec"
#endif

/* ---- an allocator that frees all at once and can run dry ---- */

struct pool {
    void *pieces[4096];
    size_t count, limit;
};

static void *pool_alloc(void *ctx, size_t size) {
    struct pool *pool = ctx;
    if (pool->count == pool->limit || pool->count == sizeof(pool->pieces) / sizeof(*pool->pieces))
        return NULL;
    return pool->pieces[pool->count++] = calloc(1, size);
}

static void pool_free(struct pool *pool) {
    while (pool->count > 0)
        free(pool->pieces[--pool->count]);
}

static struct pool pool = {.limit = SIZE_MAX};
static const struct oci_allocator allocator = {.alloc = pool_alloc, .ctx = &pool};
static struct oci_error error;

/* Reads from a copy of exactly the text's size, gone afterwards: a reader that looks too far, or keeps a pointer into
 * the text, is found by the sanitizers. */
static int read_bytes(enum oci_document kind, const char *text, size_t len, void **out) {
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    int result = oci_read(kind, &allocator, NULL, copy, len, out, &error);
    free(copy);
    return result;
}

static void *read_text(enum oci_document kind, const char *text) {
    void *out = NULL;
    int result = read_bytes(kind, text, strlen(text), &out);
    return result == 0 ? out : NULL;
}

/* ---- a sink into memory ---- */

struct text {
    char *bytes;
    size_t len;
    size_t limit; /* fails beyond */
};

static int text_append(void *ctx, const char *data, size_t len) {
    struct text *text = ctx;
    if (text->limit && text->len + len > text->limit)
        return -ENOSPC;
    text->bytes = realloc(text->bytes, text->len + len + 1);
    memcpy(text->bytes + text->len, data, len);
    text->len += len;
    text->bytes[text->len] = '\0';
    return 0;
}

static char *written(enum oci_document kind, const void *value, unsigned flags) {
    struct text text = {0};
    if (oci_write(kind, value, text_append, &text, flags) != 0) {
        free(text.bytes);
        return NULL;
    }
    return text.bytes;
}

/* ---- small refusals ---- */

static const struct {
    enum oci_document kind;
    const char *text, *want; /* line:column: text */
} refusals[] = {
    /* syntax */
    {OCI_DOCUMENT_CONFIG, "", "1:1: the document is empty"},
    {OCI_DOCUMENT_CONFIG, " \n ", "2:2: the document is empty"},
    {OCI_DOCUMENT_PROCESS, "{", "1:2: the document ends too early"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\"", "1:7: /cwd: the document ends too early"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":[\"a\",", "1:14: /args: the document ends too early"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"/}", "1:11: /cwd: the document ends too early"},
    {OCI_DOCUMENT_PROCESS, "{} {}", "1:4: malformed JSON: parse error: trailing garbage"},
    {OCI_DOCUMENT_PROCESS, "{}x", "1:3: malformed JSON: parse error: trailing garbage"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":[1,,2]}", "1:10: /args/0: expected a string, found a number"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":[\"1\",,\"2\"]}",
     "1:14: /args: malformed JSON: parse error: unallowed token at this point in JSON text"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"a\nb\"}",
     "1:8: /cwd: malformed JSON: lexical error: invalid character inside string."},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\\x\"}",
     "1:8: /cwd: malformed JSON: lexical error: inside a string, '\\' occurs before a character which it may not."},
    {OCI_DOCUMENT_PROCESS, "{\"terminal\":tru}",
     "1:13: /terminal: malformed JSON: lexical error: invalid string in json text."},
    {OCI_DOCUMENT_PROCESS, "{\"oomScoreAdj\":01}",
     "1:17: malformed JSON: parse error: after key and value, inside map, I expect ',' or '}'"},
    {OCI_DOCUMENT_PROCESS, "{/* no */}",
     "1:2: malformed JSON: lexical error: probable comment found in input text, comments are not enabled."},
    {OCI_DOCUMENT_PROCESS, "{ // no\n}",
     "1:3: malformed JSON: lexical error: probable comment found in input text, comments are not enabled."},
    {OCI_DOCUMENT_PROCESS, "{\"x\":1,\r\n\t // no\r\n\"y\":2}",
     "2:3: malformed JSON: lexical error: probable comment found in input text, comments are not enabled."},
    {OCI_DOCUMENT_PROCESS, " // no\n{}",
     "1:2: malformed JSON: lexical error: probable comment found in input text, comments are not enabled."},
    {OCI_DOCUMENT_PROCESS, "{\"x\":1 /* no */}",
     "1:8: malformed JSON: lexical error: probable comment found in input text, comments are not enabled."},
    {OCI_DOCUMENT_PROCESS, "{\"x\":1 2}",
     "1:8: malformed JSON: parse error: after key and value, inside map, I expect ',' or '}'"},
    {OCI_DOCUMENT_PROCESS, "{\"x\":,}",
     "1:6: /x: malformed JSON: parse error: unallowed token at this point in JSON text"},
    {OCI_DOCUMENT_PROCESS, "tru", "1:4: the document ends too early"},
    {OCI_DOCUMENT_PROCESS, "x", "1:1: malformed JSON: lexical error: invalid char in json text."},
    {OCI_DOCUMENT_PROCESS, "{\r\n\tx}", "2:2: malformed JSON: lexical error: invalid char in json text."},
    {OCI_DOCUMENT_PROCESS, "{\"\xc3\xa4\":\"\xe2\x82\xac\xf0\x9f\x90\xb3\", x}",
     "1:12: malformed JSON: lexical error: invalid char in json text."},
    {OCI_DOCUMENT_PROCESS, "{\"x\":\"\xc3\xa4\",\n \"cwd\":\"\xc3\xa4\", \"args\":7}",
     "2:20: /args: expected an array, found a number"},
    {OCI_DOCUMENT_PROCESS, "\xef\xbb\xbf{}", "1:1: malformed JSON: lexical error: invalid char in json text."},
    /* characters */
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"/\\u0000\"}", "1:10: /cwd: \\u0000 in a string"},
    {OCI_DOCUMENT_PROCESS, "{\"c\\u0000wd\":\"/\"}", "1:4: \\u0000 in a string"},
    {OCI_DOCUMENT_PROCESS, "{\"x\":[\"\\\\\\u0000\"]}", "1:10: /x: \\u0000 in a string"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\\ud800\"}", "1:9: /cwd: half a surrogate pair in a string"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\\udc00\"}", "1:9: /cwd: half a surrogate pair in a string"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\\ud800\\u0041\"}", "1:9: /cwd: half a surrogate pair in a string"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\\ud8", "1:13: /cwd: the document ends too early"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\xff\"}", "1:9: /cwd: invalid UTF-8"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\xc0\x80\"}", "1:9: /cwd: invalid UTF-8"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\xed\xa0\x80\"}", "1:9: /cwd: invalid UTF-8"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\xf4\x90\x80\x80\"}", "1:9: /cwd: invalid UTF-8"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\xe2\x82\"}", "1:9: /cwd: invalid UTF-8"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"/\"} \xff", "1:13: invalid UTF-8"},
    /* types */
    {OCI_DOCUMENT_CONFIG, "[]", "1:1: expected an object, found an array"},
    {OCI_DOCUMENT_CONFIG, "null", "1:1: expected an object, found null"},
    {OCI_DOCUMENT_CONFIG, "\"x\"", "1:1: expected an object, found a string"},
    {OCI_DOCUMENT_CONFIG, "\n\n  12", "3:3: expected an object, found a number"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":7}", "1:8: /cwd: expected a string, found a number"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":true}", "1:8: /cwd: expected a string, found true"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":{}}", "1:8: /cwd: expected a string, found an object"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":[]}", "1:8: /cwd: expected a string, found an array"},
    {OCI_DOCUMENT_PROCESS, "{\"terminal\":1}", "1:13: /terminal: expected true or false, found a number"},
    {OCI_DOCUMENT_PROCESS, "{\"terminal\":\"true\"}", "1:13: /terminal: expected true or false, found a string"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":\"a\"}", "1:9: /args: expected an array, found a string"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":{}}", "1:9: /args: expected an array, found an object"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":[\"a\", null]}", "1:15: /args/1: expected a string, found null"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":[[\"a\"]]}", "1:10: /args/0: expected a string, found an array"},
    {OCI_DOCUMENT_PROCESS, "{\"user\":[]}", "1:9: /user: expected an object, found an array"},
    {OCI_DOCUMENT_PROCESS, "{\"rlimits\":[3]}", "1:13: /rlimits/0: expected an object, found a number"},
    {OCI_DOCUMENT_PROCESS, "{\"rlimits\":[null]}", "1:13: /rlimits/0: expected an object, found null"},
    {OCI_DOCUMENT_RESOURCES, "{\"unified\":[]}", "1:12: /unified: expected an object, found an array"},
    {OCI_DOCUMENT_RESOURCES, "{\"unified\":{\"a/b~c\":null}}", "1:21: /unified/a~1b~0c: expected a string, found null"},
    {OCI_DOCUMENT_RESOURCES, "{\"memory\":{\"limit\":\"1\"}}",
     "1:20: /memory/limit: expected an integer, found a string"},
    {OCI_DOCUMENT_RESOURCES, "{\"memory\":{\"limit\":false}}", "1:20: /memory/limit: expected an integer, found false"},
    /* numbers */
    {OCI_DOCUMENT_RESOURCES, "{\"memory\":{\"limit\":1.0}}", "1:20: /memory/limit: expected an integer, found 1.0"},
    {OCI_DOCUMENT_RESOURCES, "{\"memory\":{\"limit\":1e3}}", "1:20: /memory/limit: expected an integer, found 1e3"},
    {OCI_DOCUMENT_RESOURCES, "{\"memory\":{\"limit\":9223372036854775808}}",
     "1:20: /memory/limit: 9223372036854775808 is out of range (-9223372036854775808 to 9223372036854775807)"},
    {OCI_DOCUMENT_RESOURCES, "{\"memory\":{\"limit\":-9223372036854775809}}",
     "1:20: /memory/limit: -9223372036854775809 is out of range (-9223372036854775808 to 9223372036854775807)"},
    {OCI_DOCUMENT_RESOURCES, "{\"cpu\":{\"shares\":18446744073709551616}}",
     "1:18: /cpu/shares: 18446744073709551616 is out of range (0 to 18446744073709551615)"},
    {OCI_DOCUMENT_RESOURCES, "{\"cpu\":{\"shares\":-1}}",
     "1:18: /cpu/shares: -1 is out of range (0 to 18446744073709551615)"},
    {OCI_DOCUMENT_RESOURCES, "{\"cpu\":{\"shares\":100000000000000000000000000000000000000000000000000000}}",
     "1:18: /cpu/shares: 100000000000000000000000000000000000... is out of range (0 to 18446744073709551615)"},
    {OCI_DOCUMENT_RESOURCES, "{\"blockIO\":{\"weight\":65536}}",
     "1:22: /blockIO/weight: 65536 is out of range (0 to 65535)"},
    {OCI_DOCUMENT_PROCESS, "{\"user\":{\"uid\":4294967296}}",
     "1:16: /user/uid: 4294967296 is out of range (0 to 4294967295)"},
    {OCI_DOCUMENT_PROCESS, "{\"user\":{\"additionalGids\":[1,-1]}}",
     "1:30: /user/additionalGids/1: -1 is out of range (0 to 4294967295)"},
    {OCI_DOCUMENT_PROCESS, "{\"scheduler\":{\"policy\":\"SCHED_RR\",\"nice\":-2147483649}}",
     "1:42: /scheduler/nice: -2147483649 is out of range (-2147483648 to 2147483647)"},
    {OCI_DOCUMENT_RECORD,
     "{\"version\":1,\"id\":\"a\",\"bundle\":\"/\",\"hooks\":{\"poststop\":[{\"path\":\"/a\",\"timeout\":0}]}}",
     "1:80: /hooks/poststop/0/timeout: 0 is out of range (1 to 9223372036854775807)"},
    {OCI_DOCUMENT_RECORD, "{\"version\":1,\"id\":\"a\",\"bundle\":\"/\",\"pid\":-1}",
     "1:42: /pid: -1 is out of range (0 to 9223372036854775807)"},
    /* words */
    {OCI_DOCUMENT_PROCESS, "{\"rlimits\":[{\"type\":\"RLIMIT_X\",\"hard\":1,\"soft\":1}]}",
     "1:21: /rlimits/0/type: unknown value \"RLIMIT_X\""},
    {OCI_DOCUMENT_PROCESS, "{\"rlimits\":[{\"type\":\"\",\"hard\":1,\"soft\":1}]}",
     "1:21: /rlimits/0/type: unknown value \"\""},
    {OCI_DOCUMENT_PROCESS, "{\"rlimits\":[{\"type\":3,\"hard\":1,\"soft\":1}]}",
     "1:21: /rlimits/0/type: expected a string, found a number"},
    {OCI_DOCUMENT_PROCESS, "{\"scheduler\":{\"policy\":\"a\\u001b\\nb\"}}",
     "1:24: /scheduler/policy: unknown value \"a??b\""},
    {OCI_DOCUMENT_STATE, "{\"ociVersion\":\"1.0.0\",\"id\":\"a\",\"bundle\":\"/\",\"status\":\"Running\"}",
     "1:54: /status: unknown value \"Running\""},
    /* rules */
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":\"1.0\"}", "1:15: /ociVersion: \"1.0\" is no version such as 1.3.0"},
    {OCI_DOCUMENT_PROCESS, "{\"execCPUAffinity\":{\"final\":\"0-x\"}}",
     "1:29: /execCPUAffinity/final: \"0-x\" is no list of CPUs such as 0-3,7"},
    {OCI_DOCUMENT_RESOURCES, "{\"rdma\":{\"mlx5_1\":{}}}",
     "1:19: /rdma/mlx5_1: none of the properties that it must have one of"},
    {OCI_DOCUMENT_RESOURCES, "{\"rdma\":{\"mlx5_1\":{\"hcaHandles\":null}}}",
     "1:19: /rdma/mlx5_1: none of the properties that it must have one of"},
    {OCI_DOCUMENT_RESOURCES, "{\"unified\":{\"\":\"1\"}}", "1:13: /unified/: the key is empty"},
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"netDevices\":{\"a/b\":{}}}}",
     "1:46: /linux/netDevices/a~1b: the key is no name for a network device"},
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"intelRdt\":{\"memBwSchema\":\"L3:0=f\"}}}",
     "1:58: /linux/intelRdt/memBwSchema: \"L3:0=f\" is no line that begins with MB:"},
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":\"1.0.0\",\"linux\":{\"intelRdt\":{\"schemata\":[\"a\\nb\"]}}}",
     "1:56: /linux/intelRdt/schemata/0: \"a?b\" is more than one line"},
    {OCI_DOCUMENT_CONFIG,
     "{\"ociVersion\":\"1.0.0\",\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[],"
     "\"action\":\"SCMP_ACT_LOG\"}]}}}",
     "1:95: /linux/seccomp/syscalls/0/names: too few items (at least 1)"},
    /* what is missing */
    {OCI_DOCUMENT_CONFIG, " {}", "1:2: the required property \"ociVersion\" is missing"},
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":null}", "1:1: the required property \"ociVersion\" is missing"},
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":\"1.0.0\",\n\"mounts\":[{\"destination\":\"/a\"},\n {\"source\":\"/b\"}]}",
     "3:2: /mounts/1: the required property \"destination\" is missing"},
    {OCI_DOCUMENT_PROCESS, "{\"consoleSize\":{\"height\":1}}",
     "1:16: /consoleSize: the required property \"width\" is missing"},
    /* what comes twice */
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"/\",\n \"cwd\":\"/\"}", "2:2: /cwd: the property is there twice"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":null,\"cwd\":\"/\"}", "1:13: /cwd: the property is there twice"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"/\",\"\\u0063wd\":\"/\"}", "1:12: /cwd: the property is there twice"},
    {OCI_DOCUMENT_PROCESS, "{\"x\":1,\"y\":{\"z\":1},\"x\":1}", "1:20: /x: the property is there twice"},
    {OCI_DOCUMENT_PROCESS, "{\"x\":[{\"b\":1,\"a\":1,\"a\":2}]}", "1:20: /x/0/a: the property is there twice"},
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":\"1.0.0\",\"windows\":{\"a\":1,\"a\":2}}",
     "1:40: /windows/a: the property is there twice"},
    {OCI_DOCUMENT_RESOURCES, "{\"unified\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}",
     "1:29: /unified/a: the property is there twice"},
    {OCI_DOCUMENT_RESOURCES, "{\"rdma\":{\"a\":{\"hcaHandles\":1},\"a\":{\"hcaHandles\":1}}}",
     "1:31: /rdma/a: the property is there twice"},
};

static void test_refusals(void) {
    static int marker;
    for (size_t n = 0; n < sizeof(refusals) / sizeof(*refusals); n++) {
        char got[600];
        void *out = &marker;
        int result = read_bytes(refusals[n].kind, refusals[n].text, strlen(refusals[n].text), &out);
        snprintf(got, sizeof(got), "%u:%u: %s", error.line, error.column, error.text);
        is_text(result ? got : "accepted", refusals[n].want, "refusal %zu", n);
        if (result != -EINVAL || error.code != EINVAL || out != &marker)
            ok(false, "refusal %zu: -EINVAL, and out is left alone", n);
        pool_free(&pool);
    }
}

/* ---- small acceptances: what is odd, but right ---- */

static const struct {
    enum oci_document kind;
    const char *text, *want; /* want: as written again */
} acceptances[] = {
    {OCI_DOCUMENT_PROCESS, " {\t} \r\n", "{}"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":null,\"user\":null,\"terminal\":null,\"cwd\":null,\"rlimits\":null}", "{}"},
    {OCI_DOCUMENT_PROCESS, "{\"args\":[],\"user\":{}}", "{\"user\":{},\"args\":[]}"},
    {OCI_DOCUMENT_PROCESS, "{\"oomScoreAdj\":-0}", "{\"oomScoreAdj\":0}"},
    {OCI_DOCUMENT_PROCESS, "{\"user\":{\"uid\":-0}}", "{\"user\":{\"uid\":0}}"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\\u002f\\ud83d\\ude00\\n\\\"\\\\\\/\\u001f\\u007f\"}",
     "{\"cwd\":\"/\xf0\x9f\x98\x80\\n\\\"\\\\/\\u001f\\u007f\"}"},
    /* What steers a terminal is escaped, its neighbours are not. */
    {OCI_DOCUMENT_PROCESS,
     "{\"cwd\":"
     "\"\xc2\x80\xc2\x9b\xc2\x9f\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\xaa\xe2\x80\xae\xe2\x81\xa6\xe2\x81\xa9\"}",
     "{\"cwd\":\"\\u0080\\u009b\\u009f\\u061c\\u200e\\u200f\\u202a\\u202e\\u2066\\u2069\"}"},
    {OCI_DOCUMENT_PROCESS,
     "{\"cwd\":"
     "\"\xc2\xa0\xc2\xbf\xd8\x9b\xd8\x9d\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xf4"
     "\x8f\xbf\xbf\"}",
     "{\"cwd\":"
     "\"\xc2\xa0\xc2\xbf\xd8\x9b\xd8\x9d\xe2\x80\x8d\xe2\x80\x90\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa\xf4"
     "\x8f\xbf\xbf\"}"},
    {OCI_DOCUMENT_PROCESS, "{\"cwd\":\"\\\\u0000\"}", "{\"cwd\":\"\\\\u0000\"}"},
    {OCI_DOCUMENT_PROCESS, "{\"x\":{\"y\":[1.5,-1e9,null,true,\"a\",{\"y\":[]}],\"z\":{}},\"cwd\":\"/\"}",
     "{\"cwd\":\"/\"}"},
    {OCI_DOCUMENT_PROCESS, "{\"Cwd\":1,\"cwd\":\"\"}", "{\"cwd\":\"\"}"},
    {OCI_DOCUMENT_PROCESS, "{\"execCPUAffinity\":{\"initial\":\"\",\"final\":\"0-3, 7\"}}",
     "{\"execCPUAffinity\":{\"initial\":\"\",\"final\":\"0-3, 7\"}}"},
    {OCI_DOCUMENT_RESOURCES, "{\"blockIO\":{\"weight\":0}}", "{\"blockIO\":{\"weight\":0}}"},
    {OCI_DOCUMENT_RESOURCES, "{\"unified\":{},\"rdma\":{},\"devices\":[]}",
     "{\"unified\":{},\"devices\":[],\"rdma\":{}}"},
    {OCI_DOCUMENT_RESOURCES, "{\"memory\":{\"limit\":-9223372036854775808,\"swap\":9223372036854775807}}",
     "{\"memory\":{\"limit\":-9223372036854775808,\"swap\":9223372036854775807}}"},
    {OCI_DOCUMENT_RESOURCES, "{\"cpu\":{\"shares\":18446744073709551615}}",
     "{\"cpu\":{\"shares\":18446744073709551615}}"},
    {OCI_DOCUMENT_CONFIG,
     "{\"ociVersion\":\"1.0.2-dev\",\"vm\":{\"a\":[]},\"windows\":7,\"solaris\":[],\"zos\":null,\"freebsd\":\"\"}",
     "{\"ociVersion\":\"1.0.2-dev\"}"},
    {OCI_DOCUMENT_CONFIG, "{\"ociVersion\":\"1.0.0-rc.1.x-0a+001.b\"}", "{\"ociVersion\":\"1.0.0-rc.1.x-0a+001.b\"}"},
};

static void test_acceptances(void) {
    for (size_t n = 0; n < sizeof(acceptances) / sizeof(*acceptances); n++) {
        void *value = read_text(acceptances[n].kind, acceptances[n].text);
        char *got = value ? written(acceptances[n].kind, value, 0) : NULL;
        is_text(value ? got : error.text, acceptances[n].want, "accepted %zu", n);
        free(got);
        pool_free(&pool);
    }
}

static void test_versions(void) {
    static const char *const good[] = {"0.0.0", "1.3.0", "1.1.0+dev", "10.20.30-alpha.0", "1.0.0--", "1.0.0-0a"};
    static const char *const bad[] = {"",       "1",         "1.3",           "1.3.0.",     "1.3.0-",
                                      "1.3.0+", "01.0.0",    "1.3.0 ",        "1.0.0-a..b", "1.0.0-01",
                                      "v1.0.0", "1.0.0+a+b", "1.0.0-\xc3\xa4"};
    char text[128];
    for (size_t n = 0; n < sizeof(good) / sizeof(*good); n++) {
        snprintf(text, sizeof(text), "{\"ociVersion\":\"%s\"}", good[n]);
        ok(read_text(OCI_DOCUMENT_CONFIG, text) != NULL, "version %s", good[n]);
    }
    for (size_t n = 0; n < sizeof(bad) / sizeof(*bad); n++) {
        snprintf(text, sizeof(text), "{\"ociVersion\":\"%s\"}", bad[n]);
        ok(!read_text(OCI_DOCUMENT_CONFIG, text), "no version: \"%s\"", bad[n]);
    }
    pool_free(&pool);
}

/* ---- what a struct holds ---- */

static void test_process_values(void) {
    struct oci_process *process = NULL;
    const char *text = "{\"terminal\":false,\"user\":{\"uid\":4294967295,\"additionalGids\":[1,2,3,4,5,6,7,8,9]},"
                       "\"args\":[\"sh\",\"\"],\"capabilities\":{\"ambient\":[]},\"oomScoreAdj\":-1000,"
                       "\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":-20,\"flags\":[\"SCHED_FLAG_RECLAIM\"]},"
                       "\"rlimits\":[{\"type\":\"RLIMIT_STACK\",\"hard\":18446744073709551615,\"soft\":0}]}";
    int result = oci_process_read(&allocator, text, strlen(text), &process, &error);
    if (!ok(result == 0 && process, "a process is read"))
        return;
    ok(process->has_terminal && !process->terminal, "false is not absent");
    ok(!process->has_no_new_privileges && !process->no_new_privileges, "an absent boolean");
    ok(!process->cwd && !process->console_size && !process->env.items && process->env.count == 0, "absent others");
    ok(process->user->has_uid && process->user->uid == UINT32_MAX && !process->user->has_gid, "numbers");
    is_number(process->user->additional_gids.count, 9, "an array that has to grow");
    is_number(process->user->additional_gids.items[8], 9, "its last item");
    is_number(process->args.count, 2, "two arguments");
    is_text(process->args.items[0], "sh", "the first");
    is_text(process->args.items[1], "", "the second is empty");
    ok(process->capabilities->ambient.items && process->capabilities->ambient.count == 0, "an empty array");
    ok(!process->capabilities->bounding.items, "an absent array");
    ok(process->has_oom_score_adj && process->oom_score_adj == -1000, "a negative number");
    is_number(process->scheduler->policy, OCI_SCHEDULER_POLICY_BATCH, "a word");
    is_number(process->scheduler->nice, -20, "a negative int32");
    is_number(process->scheduler->flags.items[0], OCI_SCHEDULER_FLAG_RECLAIM, "a word in an array");
    is_number(process->rlimits.items[0].type, OCI_RLIMIT_TYPE_STACK, "a word in an object in an array");
    ok(process->rlimits.items[0].hard == UINT64_MAX && process->rlimits.items[0].has_soft, "infinity");
    pool_free(&pool);
}

static void test_config_values(void) {
    struct oci_config *config = NULL;
    const char *text =
        "{\"ociVersion\":\"1.3.0\",\"annotations\":{\"a\":\"1\",\"b\":\"\"},\"linux\":{"
        "\"namespaces\":[{\"type\":\"time\",\"path\":\"/x\"}],\"rootfsPropagation\":\"rslave\","
        "\"timeOffsets\":{\"monotonic\":{\"secs\":-5},\"boottime\":{\"nanosecs\":7}},"
        "\"netDevices\":{\"eth0\":{},\"eth1\":{\"name\":\"lan\"}},"
        "\"devices\":[{\"type\":\"p\",\"path\":\"/dev/x\",\"fileMode\":438}],"
        "\"resources\":{\"blockIO\":{\"throttleReadIOPSDevice\":[{\"major\":8,\"minor\":0,\"rate\":5}]}}}}";
    int result = oci_config_read(&allocator, text, strlen(text), &config, &error);
    if (!ok(result == 0 && config && config->linux, "a config is read"))
        return;
    const struct oci_linux *linux = config->linux;
    is_number(config->annotations.count, 2, "a map of strings");
    is_text(config->annotations.items[1].key, "b", "its second key");
    is_text(config->annotations.items[1].value, "", "its second value");
    is_number(linux->namespaces.items[0].type, OCI_NAMESPACE_TYPE_TIME, "a namespace");
    is_number(linux->rootfs_propagation, OCI_PROPAGATION_RSLAVE, "a word");
    is_text(linux->time_offsets.items[0].key, "monotonic", "a map of objects");
    ok(linux->time_offsets.items[0].value.secs == -5 && !linux->time_offsets.items[0].value.has_nanosecs, "its values");
    is_number(linux->time_offsets.items[1].value.nanosecs, 7, "its second value");
    ok(!linux->net_devices.items[0].value.name, "an empty object in a map");
    is_text(linux->net_devices.items[1].value.name, "lan", "a string in an object in a map");
    is_number(linux->devices.items[0].file_mode, 438, "a file mode");
    is_number(linux->resources->block_io->throttle_read_iops_device.items[0].rate, 5, "deep inside");
    pool_free(&pool);
}

static void test_words(void) {
    is_text(oci_seccomp_action_name(OCI_SECCOMP_ACTION_KILL_PROCESS), "SCMP_ACT_KILL_PROCESS",
            "the text of a constant");
    is_text(oci_status_name(OCI_STATUS_UNSET), NULL, "UNSET has none");
    is_text(oci_status_name((enum oci_status)(OCI_STATUS_PAUSED + 1)), NULL, "nor has what is no constant");
    is_number(oci_rlimit_type_parse("RLIMIT_NOFILE"), OCI_RLIMIT_TYPE_NOFILE, "the constant of a text");
    is_number(oci_rlimit_type_parse("RLIMIT_NOFIL"), OCI_RLIMIT_TYPE_UNSET, "of no text");
    is_number(oci_rlimit_type_parse(NULL), OCI_RLIMIT_TYPE_UNSET, "of NULL");
}

/* ---- limits ---- */

/* {"x":[[[ ... ]]]} with so many objects and arrays inside each other. */
static int read_depth(size_t depth) {
    static char text[1024];
    void *out;
    size_t len = (size_t)snprintf(text, sizeof(text), "{\"x\":");
    memset(text + len, '[', depth - 1);
    memset(text + len + depth - 1, ']', depth - 1);
    text[len + 2 * (depth - 1)] = '}';
    return read_bytes(OCI_DOCUMENT_PROCESS, text, len + 2 * (depth - 1) + 1, &out);
}

static void test_depth(void) {
    is_number(read_depth(OCI_MAX_DEPTH), 0, "as deep as allowed");
    is_number(read_depth(OCI_MAX_DEPTH + 1), -E2BIG, "too deep");
    ok(strstr(error.text, "more than 64 levels deep") && strlen(error.pointer) == 128, "and says so: %s", error.text);
    is_number(read_depth(400), -E2BIG, "much too deep");
    pool_free(&pool);
}

/* {"x":[0,0, ...]} with so many values in all. */
static int read_values(size_t values) {
    char *text = malloc(values * 2 + 16);
    void *out;
    size_t len = (size_t)sprintf(text, "{\"x\":[0");
    for (size_t n = 3; n < values; n++, len += 2)
        memcpy(text + len, ",0", 2);
    memcpy(text + len, "]}", 2);
    int result = read_bytes(OCI_DOCUMENT_PROCESS, text, len + 2, &out);
    free(text);
    pool_free(&pool);
    return result;
}

static void test_sizes(void) {
    is_number(read_values(OCI_MAX_VALUES), 0, "as many values as allowed");
    is_number(read_values(OCI_MAX_VALUES + 1), -E2BIG, "one value too many");
    is_number(error.code, E2BIG, "the code of the error");
    char *text = malloc(OCI_MAX_SIZE + 1);
    void *out;
    memset(text, ' ', OCI_MAX_SIZE + 1);
    memcpy(text, "{}", 2);
    is_number(read_bytes(OCI_DOCUMENT_PROCESS, text, OCI_MAX_SIZE, &out), 0, "as big as allowed");
    is_number(read_bytes(OCI_DOCUMENT_PROCESS, text, OCI_MAX_SIZE + 1, &out), -E2BIG, "one byte too big");
    free(text);
    pool_free(&pool);
}

/* Many keys, all different but for the last: found without comparing each with each. */
static void test_many_keys(void) {
    enum { KEYS = 200000 };
    char *text = malloc(KEYS * 24 + 64);
    void *out;
    size_t len = (size_t)sprintf(text, "{\"unified\":{");
    for (int n = 0; n < KEYS; n++)
        len += (size_t)sprintf(text + len, "\"%d\":\"\",", n);
    len += (size_t)sprintf(text + len, "\"77\":\"\"}}");
    is_number(read_bytes(OCI_DOCUMENT_RESOURCES, text, len, &out), -EINVAL, "one key of many comes twice");
    is_text(error.pointer, "/unified/77", "and is named");
    free(text);
    pool_free(&pool);
}

static void test_long_pointer(void) {
    char key[400], text[1024];
    memset(key, 'k', sizeof(key));
    memcpy(key + 190, "\xc3\xa4", 2);
    snprintf(text, sizeof(text), "{\"unified\":{\"%.200s\":\"\",\"%.399s\":7}}", key, key);
    ok(!read_text(OCI_DOCUMENT_RESOURCES, text), "a long key");
    is_number(strlen(error.pointer), sizeof(error.pointer) - 1, "the pointer is full");
    is_text(error.pointer + strlen(error.pointer) - 4, "k...", "and says that it is cut");
    ok(strstr(error.text, "...: expected a string, found a number") != NULL, "the text has the reason all the same");
    pool_free(&pool);
}

/* ---- unknown keys ---- */

static void collect(void *ctx, const char *pointer, const char *near) {
    char *all = ctx;
    strcat(strcat(all, pointer), " ");
    if (near)
        strcat(strcat(all, near), "? ");
}

static void test_unknown(void) {
    char all[256] = "";
    struct oci_read_options options = {.unknown = collect, .ctx = all};
    const char *text =
        "{\"a\":{\"b\":1},\"user\":{\"a/b\":[]},\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"hard\":1,\"soft\":1,"
        "\"u\":null}]}";
    void *out = NULL;
    int result = oci_read(OCI_DOCUMENT_PROCESS, &allocator, &options, text, strlen(text), &out, &error);
    is_number(result, 0, "unknown properties are no error");
    is_text(all, "/a /user/a~1b /rlimits/0/u ", "but are told, each once");
    pool_free(&pool);
    all[0] = '\0';
    options.nearest = nearest_of;
    text = "{\"agrs\":[],\"user\":{\"UID\":1,\"x\":{\"gdi\":1}},\"frobnicate\":1}";
    result = oci_read(OCI_DOCUMENT_PROCESS, &allocator, &options, text, strlen(text), &out, &error);
    is_text(result == 0 ? all : error.text, "/agrs args? /user/UID uid? /user/x /frobnicate ", "with what was meant");
    pool_free(&pool);
}

/* ---- misspelt words ---- */

static void refused_with_hint(enum oci_document kind, const char *text, const char *want) {
    const struct oci_read_options options = {.nearest = nearest_of};
    void *out = NULL;
    int result = oci_read(kind, &allocator, &options, text, strlen(text), &out, &error);
    is_text(result == -EINVAL ? error.text : "accepted", want, "what %s was meant to be", want);
    pool_free(&pool);
}

#define CONFIG "{\"ociVersion\":\"1.0.0\",\"linux\":"

static void test_nearest(void) {
    refused_with_hint(OCI_DOCUMENT_PROCESS, "{\"rlimits\":[{\"type\":\"NOFILE\",\"hard\":1,\"soft\":1}]}",
                      "/rlimits/0/type: unknown value \"NOFILE\", did you mean \"RLIMIT_NOFILE\"?");
    refused_with_hint(OCI_DOCUMENT_CONFIG, CONFIG "{\"namespaces\":[{\"type\":\"net\"}]}}",
                      "/linux/namespaces/0/type: unknown value \"net\", did you mean \"network\"?");
    refused_with_hint(OCI_DOCUMENT_CONFIG, CONFIG "{\"rootfsPropagation\":\"rprviate\"}}",
                      "/linux/rootfsPropagation: unknown value \"rprviate\", did you mean \"rprivate\"?");
    refused_with_hint(OCI_DOCUMENT_CONFIG, CONFIG "{\"seccomp\":{\"defaultAction\":\"ALLOW\"}}}",
                      "/linux/seccomp/defaultAction: unknown value \"ALLOW\", did you mean \"SCMP_ACT_ALLOW\"?");
    refused_with_hint(OCI_DOCUMENT_CONFIG,
                      CONFIG "{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_LOG\",\"architectures\":[\"X86_64\"]}}}",
                      "/linux/seccomp/architectures/0: unknown value \"X86_64\", did you mean \"SCMP_ARCH_X86_64\"?");
    refused_with_hint(OCI_DOCUMENT_CONFIG,
                      CONFIG "{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_LOG\",\"syscalls\":[{\"names\":[\"read\"],"
                             "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":0,\"op\":\"EQ\"}]}]}}}",
                      "/linux/seccomp/syscalls/0/args/0/op: unknown value \"EQ\", did you mean \"SCMP_CMP_EQ\"?");
    refused_with_hint(OCI_DOCUMENT_CONFIG, CONFIG "{\"namespaces\":[{\"type\":\"frobnicate\"}]}}",
                      "/linux/namespaces/0/type: unknown value \"frobnicate\"");
}

/* ---- writing ---- */

static void test_write_failures(void) {
    const char *items[] = {"a", NULL};
    struct oci_process process = {.cwd = "/", .args = {.count = 2, .items = items}};
    struct text text = {0};
    is_number(oci_process_write(&process, text_append, &text, 0), -EINVAL, "NULL among the items");
    items[1] = "\xff";
    is_number(oci_process_write(&process, text_append, &text, 0), -EILSEQ, "a string that is not UTF-8");
    struct oci_scheduler scheduler = {.policy = (enum oci_scheduler_policy)99};
    process = (struct oci_process){.scheduler = &scheduler};
    is_number(oci_process_write(&process, text_append, &text, 0), -EINVAL, "a value that no enum has");
    process = (struct oci_process){.cwd = "/"};
    text.limit = 1;
    is_number(oci_process_write(&process, text_append, &text, 0), -ENOSPC, "what the sink says");
    free(text.bytes);
}

static void test_write_long(void) {
    char *long_text = malloc(100001), *got;
    memset(long_text, '\t', 100000);
    long_text[100000] = '\0';
    struct oci_process process = {.cwd = long_text};
    got = written(OCI_DOCUMENT_PROCESS, &process, 0);
    struct oci_process *again = got ? read_text(OCI_DOCUMENT_PROCESS, got) : NULL;
    ok(again && strcmp(again->cwd, long_text) == 0, "a text longer than the writer's buffer");
    free(got);
    free(long_text);
    pool_free(&pool);
}

/* ---- examples ---- */

static const char *const kinds[] = {"config-", "process-", "resources-", "state-", "features-", "record-"};

static bool kind_of(const char *name, enum oci_document *kind) {
    for (unsigned n = 0; n < sizeof(kinds) / sizeof(*kinds); n++) {
        if (strncmp(name, kinds[n], strlen(kinds[n])) == 0) {
            *kind = (enum oci_document)n;
            return true;
        }
    }
    return false;
}

static char *load(const char *path, size_t *len) {
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    if (!ok(file != NULL, "open %s", path))
        exit(1);
    *len = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

/* Every part of a document but the whole is refused. */
static void test_truncation(enum oci_document kind, const char *name, const char *text, size_t len) {
    void *out;
    size_t accepted = 0;
    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (size_t n = 0; n < len; n++) {
        accepted += read_bytes(kind, text, n, &out) == 0;
        pool_free(&pool);
    }
    is_number(accepted, 0, "%s: no part of it is accepted", name);
}

/* Whenever memory runs out, the reader says so and leaves out alone. */
static void test_exhaustion(enum oci_document kind, const char *name, const char *text, size_t len) {
    int marker, result = -ENOMEM, wrong = 0;
    for (pool.limit = 0; result == -ENOMEM; pool.limit++) {
        void *out = &marker;
        result = read_bytes(kind, text, len, &out);
        if (result != 0 && (out != &marker || error.code != ENOMEM || strcmp(error.text, "out of memory") != 0))
            wrong++;
        pool_free(&pool);
    }
    pool.limit = SIZE_MAX;
    ok(result == 0 && wrong == 0, "%s: running out of memory at every point", name);
}

static void test_good(const char *path, const char *name, enum oci_document kind) {
    size_t len;
    char *text = load(path, &len);
    void *value = read_text(kind, text);
    ok(value != NULL, "%s is read: %s", name, error.text);
    char *pretty = value ? written(kind, value, OCI_WRITE_PRETTY) : NULL,
         *line = value ? written(kind, value, 0) : NULL;
    size_t shown = pretty ? strlen(pretty) : 0;
    ok(pretty && shown + 1 == len && memcmp(pretty, text, shown) == 0, "%s: written as it was", name);
    void *again = line ? read_text(kind, line) : NULL;
    char *third = again ? written(kind, again, OCI_WRITE_PRETTY) : NULL;
    is_text(third, pretty, "%s: the same through one line", name);
    free(third);
    free(line);
    free(pretty);
    pool_free(&pool);
    test_truncation(kind, name, text, len);
    test_exhaustion(kind, name, text, len);
    free(text);
}

static void test_bad(const char *path, const char *name, enum oci_document kind) {
    char want_path[PATH_MAX + 8], got[600];
    size_t len, want_len;
    void *out;
    snprintf(want_path, sizeof(want_path), "%.*serror", (int)(strlen(path) - strlen("json")), path);
    char *text = load(path, &len), *want = load(want_path, &want_len);
    int result = read_bytes(kind, text, len, &out);
    snprintf(got, sizeof(got), "%u:%u: %s\n", error.line, error.column, error.text);
    is_text(result ? got : "accepted", want, "%s is refused", name);
    free(want);
    free(text);
    pool_free(&pool);
}

static void test_examples(const char *folder,
                          void (*test)(const char *path, const char *name, enum oci_document kind)) {
    struct dirent **names;
    int count = scandir(folder, &names, NULL, alphasort), examples = 0;
    for (int n = 0; n < count; n++) {
        char path[PATH_MAX];
        enum oci_document kind = OCI_DOCUMENT_CONFIG;
        const char *end = strrchr(names[n]->d_name, '.');
        if (end && strcmp(end, ".json") == 0 &&
            ok(kind_of(names[n]->d_name, &kind), "%s has a kind", names[n]->d_name)) {
            snprintf(path, sizeof(path), "%s/%s", folder, names[n]->d_name);
            test(path, names[n]->d_name, kind);
            examples++;
        }
        free(names[n]);
    }
    if (count >= 0)
        free(names);
    ok(examples > 0, "%d examples in %s", examples, folder);
}

int main(int argc, char **argv) {
    const char *folder = argc > 1 ? argv[1] : OCISPEC_EXAMPLES;
    char path[PATH_MAX];
    test_refusals();
    test_acceptances();
    test_versions();
    test_process_values();
    test_config_values();
    test_words();
    test_depth();
    test_sizes();
    test_many_keys();
    test_long_pointer();
    test_unknown();
    test_nearest();
    test_write_failures();
    test_write_long();
    snprintf(path, sizeof(path), "%s/good", folder);
    test_examples(path, test_good);
    snprintf(path, sizeof(path), "%s/bad", folder);
    test_examples(path, test_bad);
    return tap_done();
}
