/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of base/error: codes, texts that do not fit, and what is kept of them. No privilege. */
#include "base/error.h"
#include "tap.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

static struct error err;

/* Nothing of what an error holds may be read beyond its end: it also travels between processes. */
static bool terminated(const struct error *e) {
    return strnlen(e->text, sizeof e->text) < sizeof e->text && strnlen(e->step, sizeof e->step) < sizeof e->step &&
           strnlen(e->place, sizeof e->place) < sizeof e->place;
}

static bool ends_with(const char *text, const char *end) {
    size_t len = strlen(text), tail = strlen(end);
    return len >= tail && strcmp(text + len - tail, end) == 0;
}

static bool starts_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

/* `size` letters of the alphabet in turn, so that a piece of it says where it comes from. */
static const char *long_text(size_t size) {
    static char text[8192];
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 26);
    text[size] = '\0';
    return text;
}

static void test_codes(void) {
    err = (struct error)ERROR_INIT;
    is_number(err.code, 0, "a fresh error says that nothing failed");
    is_text(err.text, "", "and has no text");
    is_number(error_set(&err, EACCES, "open %s", "x"), -EACCES, "error_set returns the negative code");
    is_number(err.code, EACCES, "error_set keeps the code");
    is_text(err.text, "open x", "error_set keeps the text as it is");
    is_number(error_code(&err, ENOENT, "open %s", "x"), -ENOENT, "error_code returns the negative code");
    is_text(err.text, "open x: no such file or directory", "error_code appends the reason");
    errno = ESRCH;
    is_number(error_sys(&err, "kill"), -ESRCH, "error_sys takes errno");
    is_text(err.text, "kill: no such process", "error_sys appends its reason");
    is_number(error_memory(&err), -ENOMEM, "error_memory");
    ok(*err.text != '\0', "error_memory has a text");
    static const int not_positive[] = {0, -1, -EACCES, INT_MIN};
    for (size_t i = 0; i < sizeof not_positive / sizeof *not_positive; i++) {
        is_number(error_set(&err, not_positive[i], "x"), -EINVAL, "a code of %d is taken for EINVAL", not_positive[i]);
        is_number(err.code, EINVAL, "and is so in the error");
    }
}

static void test_refuse(void) {
    is_number(error_refuse(&err, "/mounts/1", "no %s", "type"), -EINVAL, "a refusal is EINVAL");
    is_text(err.text, "no type (config /mounts/1)", "a refusal ends in its place");
    is_text(err.place, "/mounts/1", "a refusal notes its place");
    ok(*err.step != '\0', "a refusal notes a step");
    error_refuse(&err, NULL, "bad");
    is_text(err.text, "bad", "a refusal without a place says none");
    is_text(err.place, "", "and notes none");
    error_refuse(&err, "", "bad");
    is_text(err.text, "bad", "the same for an empty place");
    error_refuse(&err, "/linux/x", "%s", long_text(2000));
    ok(ends_with(err.text, " (config /linux/x)"), "the place survives a text that is too long");
    error_refuse(&err, long_text(3000), "bad");
    ok(terminated(&err), "a place that is too long is cut");
    ok(starts_with(long_text(3000), err.place) && strlen(err.place) == sizeof err.place - 1, "at its end");
}

static void test_at(void) {
    is_number(error_at(&err, EACCES, "mount", "/mounts/1", "mount %s", "tmpfs"), -EACCES, "error_at returns the code");
    is_text(err.text, "mount tmpfs (config /mounts/1): permission denied", "with place and reason in its text");
    is_text(err.step, "mount", "its step");
    is_text(err.place, "/mounts/1", "and its place");
    error_blame(&err, "outer", "/mounts", "create c1");
    is_text(err.text, "create c1: mount tmpfs (config /mounts/1): permission denied", "error_blame wraps it");
    is_text(err.step, "mount", "keeps its step");
    is_text(err.place, "/mounts/1", "and its place");
    error_at(&err, EPERM, NULL, NULL, "y");
    is_text(err.step, "", "a new error without a step forgets the old one's");
    is_text(err.place, "", "and its place");
}

static void test_blame(void) {
    error_set(&err, EPERM, "x");
    is_number(error_blame(&err, "mount", NULL, NULL), -EPERM, "error_blame returns the code of what it notes");
    error_blame(&err, "create", "/mounts/2", NULL);
    error_blame(&err, "outer", "/mounts", NULL);
    is_text(err.step, "mount", "the innermost step stays");
    is_text(err.place, "/mounts/2", "the innermost place stays");
    is_text(err.text, "x", "without a format it leaves the text alone");
    is_number(err.code, EPERM, "and the code");
    error_set(&err, EPERM, "y");
    is_text(err.step, "", "a new error has no step yet");
    is_text(err.place, "", "a new error has no place yet");
    error_blame(&err, long_text(500), long_text(500), NULL);
    ok(terminated(&err), "notes that are too long are cut");
    err = (struct error)ERROR_INIT;
    is_number(error_blame(&err, "mount", NULL, NULL), -EINVAL, "blaming nothing is still a failure");
}

static void test_wrap(void) {
    error_code(&err, EACCES, "mount tmpfs");
    error_blame(&err, "mount", "/mounts/1", NULL);
    is_number(error_wrap(&err, "create %s", "c1"), -EACCES, "error_wrap returns the code of what it wraps");
    is_text(err.text, "create c1: mount tmpfs: permission denied", "error_wrap puts its text in front");
    is_text(err.step, "mount", "error_wrap keeps the step");
    is_text(err.place, "/mounts/1", "error_wrap keeps the place");
    error_wrap(&err, "%s", err.text);
    is_text(err.text, "create c1: mount tmpfs: permission denied: create c1: mount tmpfs: permission denied",
            "a text can be put before itself");
    err = (struct error)ERROR_INIT;
    is_number(error_wrap(&err, "odd"), -EINVAL, "wrapping nothing is still a failure");
}

/* What has to go gives way in the middle: the head of the prefix and the reason at the end stay. */
static void test_lengths(void) {
    static char prefix[8192];
    int unterminated = 0, head_lost = 0, end_lost = 0, cut_needlessly = 0;
    const size_t room = sizeof err.text - 1;
    for (size_t outer = 0; outer < 2000; outer += 37) {
        for (size_t inner = 0; inner < 2000; inner += 31) {
            memset(prefix, 'P', outer);
            prefix[outer] = '\0';
            error_code(&err, EACCES, "%s", long_text(inner));
            error_wrap(&err, "%s", prefix);
            size_t whole = outer + 2 + inner + strlen(": permission denied"), heads = strspn(err.text, "P");
            unterminated += !terminated(&err);
            head_lost += heads < (outer < 100 ? outer : 100);
            end_lost += !ends_with(err.text, ": permission denied");
            cut_needlessly += whole <= room && outer <= room / 2 && strlen(err.text) != whole;
        }
    }
    is_number(unterminated, 0, "wrapped errors of all lengths: terminated");
    is_number(head_lost, 0, "wrapped errors of all lengths: the head of the prefix is there");
    is_number(end_lost, 0, "wrapped errors of all lengths: the reason is there");
    is_number(cut_needlessly, 0, "wrapped errors of all lengths: whole where they fit");
}

static void test_exact_fit(void) {
    const char *reason = ": permission denied";
    const size_t room = sizeof err.text - 1, fits = room - strlen(reason);
    error_code(&err, EACCES, "%s", long_text(fits));
    is_number(strlen(err.text), room, "a text that just fits is as long as the room");
    ok(strncmp(err.text, long_text(fits), fits) == 0, "and whole");
    error_code(&err, EACCES, "%s", long_text(fits + 1));
    ok(strncmp(err.text, long_text(fits), fits) == 0 && ends_with(err.text, reason),
       "one more is cut before the reason");
    for (int i = 0; i < 100; i++)
        error_wrap(&err, "level %d", i);
    ok(terminated(&err) && starts_with(err.text, "level 99: level 98: ") && ends_with(err.text, reason),
       "a hundred levels keep the outermost and the reason");
}

/* Go's words for each errno of Linux. Engines look for them, so no C library may have others. */
static const struct {
    const char *text;
    int code;
} texts[] = {
    {"operation not permitted", EPERM},
    {"no such file or directory", ENOENT},
    {"no such process", ESRCH},
    {"interrupted system call", EINTR},
    {"input/output error", EIO},
    {"no such device or address", ENXIO},
    {"argument list too long", E2BIG},
    {"exec format error", ENOEXEC},
    {"bad file descriptor", EBADF},
    {"no child processes", ECHILD},
    {"resource temporarily unavailable", EAGAIN},
    {"cannot allocate memory", ENOMEM},
    {"permission denied", EACCES},
    {"bad address", EFAULT},
    {"block device required", ENOTBLK},
    {"device or resource busy", EBUSY},
    {"file exists", EEXIST},
    {"invalid cross-device link", EXDEV},
    {"no such device", ENODEV},
    {"not a directory", ENOTDIR},
    {"is a directory", EISDIR},
    {"invalid argument", EINVAL},
    {"too many open files in system", ENFILE},
    {"too many open files", EMFILE},
    {"inappropriate ioctl for device", ENOTTY},
    {"text file busy", ETXTBSY},
    {"file too large", EFBIG},
    {"no space left on device", ENOSPC},
    {"illegal seek", ESPIPE},
    {"read-only file system", EROFS},
    {"too many links", EMLINK},
    {"broken pipe", EPIPE},
    {"numerical argument out of domain", EDOM},
    {"numerical result out of range", ERANGE},
    {"resource deadlock avoided", EDEADLK},
    {"file name too long", ENAMETOOLONG},
    {"no locks available", ENOLCK},
    {"function not implemented", ENOSYS},
    {"directory not empty", ENOTEMPTY},
    {"too many levels of symbolic links", ELOOP},
    {"no message of desired type", ENOMSG},
    {"identifier removed", EIDRM},
    {"channel number out of range", ECHRNG},
    {"level 2 not synchronized", EL2NSYNC},
    {"level 3 halted", EL3HLT},
    {"level 3 reset", EL3RST},
    {"link number out of range", ELNRNG},
    {"protocol driver not attached", EUNATCH},
    {"no CSI structure available", ENOCSI},
    {"level 2 halted", EL2HLT},
    {"invalid exchange", EBADE},
    {"invalid request descriptor", EBADR},
    {"exchange full", EXFULL},
    {"no anode", ENOANO},
    {"invalid request code", EBADRQC},
    {"invalid slot", EBADSLT},
    {"bad font file format", EBFONT},
    {"device not a stream", ENOSTR},
    {"no data available", ENODATA},
    {"timer expired", ETIME},
    {"out of streams resources", ENOSR},
    {"machine is not on the network", ENONET},
    {"package not installed", ENOPKG},
    {"object is remote", EREMOTE},
    {"link has been severed", ENOLINK},
    {"advertise error", EADV},
    {"srmount error", ESRMNT},
    {"communication error on send", ECOMM},
    {"protocol error", EPROTO},
    {"multihop attempted", EMULTIHOP},
    {"RFS specific error", EDOTDOT},
    {"bad message", EBADMSG},
    {"value too large for defined data type", EOVERFLOW},
    {"name not unique on network", ENOTUNIQ},
    {"file descriptor in bad state", EBADFD},
    {"remote address changed", EREMCHG},
    {"can not access a needed shared library", ELIBACC},
    {"accessing a corrupted shared library", ELIBBAD},
    {".lib section in a.out corrupted", ELIBSCN},
    {"attempting to link in too many shared libraries", ELIBMAX},
    {"cannot exec a shared library directly", ELIBEXEC},
    {"invalid or incomplete multibyte or wide character", EILSEQ},
    {"interrupted system call should be restarted", ERESTART},
    {"streams pipe error", ESTRPIPE},
    {"too many users", EUSERS},
    {"socket operation on non-socket", ENOTSOCK},
    {"destination address required", EDESTADDRREQ},
    {"message too long", EMSGSIZE},
    {"protocol wrong type for socket", EPROTOTYPE},
    {"protocol not available", ENOPROTOOPT},
    {"protocol not supported", EPROTONOSUPPORT},
    {"socket type not supported", ESOCKTNOSUPPORT},
    {"operation not supported", EOPNOTSUPP},
    {"protocol family not supported", EPFNOSUPPORT},
    {"address family not supported by protocol", EAFNOSUPPORT},
    {"address already in use", EADDRINUSE},
    {"cannot assign requested address", EADDRNOTAVAIL},
    {"network is down", ENETDOWN},
    {"network is unreachable", ENETUNREACH},
    {"network dropped connection on reset", ENETRESET},
    {"software caused connection abort", ECONNABORTED},
    {"connection reset by peer", ECONNRESET},
    {"no buffer space available", ENOBUFS},
    {"transport endpoint is already connected", EISCONN},
    {"transport endpoint is not connected", ENOTCONN},
    {"cannot send after transport endpoint shutdown", ESHUTDOWN},
    {"too many references: cannot splice", ETOOMANYREFS},
    {"connection timed out", ETIMEDOUT},
    {"connection refused", ECONNREFUSED},
    {"host is down", EHOSTDOWN},
    {"no route to host", EHOSTUNREACH},
    {"operation already in progress", EALREADY},
    {"operation now in progress", EINPROGRESS},
    {"stale file handle", ESTALE},
    {"structure needs cleaning", EUCLEAN},
    {"not a XENIX named type file", ENOTNAM},
    {"no XENIX semaphores available", ENAVAIL},
    {"is a named type file", EISNAM},
    {"remote I/O error", EREMOTEIO},
    {"disk quota exceeded", EDQUOT},
    {"no medium found", ENOMEDIUM},
    {"wrong medium type", EMEDIUMTYPE},
    {"operation canceled", ECANCELED},
    {"required key not available", ENOKEY},
    {"key has expired", EKEYEXPIRED},
    {"key has been revoked", EKEYREVOKED},
    {"key was rejected by service", EKEYREJECTED},
    {"owner died", EOWNERDEAD},
    {"state not recoverable", ENOTRECOVERABLE},
    {"operation not possible due to RF-kill", ERFKILL},
    {"memory page has hardware error", EHWPOISON},
};

static void test_text(void) {
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        is_text(error_text(texts[i].code), texts[i].text, "the text of errno %d", texts[i].code);
    ok(error_text(123456) && *error_text(123456), "a number that is no errno has a text, too");
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    is_text(error_text(EACCES), "permission denied", "whatever the locale of the environment");
}

int main(void) {
    test_codes();
    test_refuse();
    test_at();
    test_blame();
    test_wrap();
    test_lengths();
    test_exact_fit();
    test_text();
    return tap_done();
}
