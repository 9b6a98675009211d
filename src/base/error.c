/* SPDX-License-Identifier: Apache-2.0 */
/* error: see error.h. Runs everywhere, needs nothing, allocates nothing. */
#include "base/error.h"

#include "base/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * The errors for which musl's strerror has words of its own. Engines written in Go look for the words of Go's library:
 * glibc's, with a small first letter. They are also the words that a search on the web finds.
 */
static const struct name_value texts[] = {
    {"input/output error", EIO},
    {"no child processes", ECHILD},
    {"cannot allocate memory", ENOMEM},
    {"device or resource busy", EBUSY},
    {"invalid cross-device link", EXDEV},
    {"too many open files", EMFILE},
    {"inappropriate ioctl for device", ENOTTY},
    {"illegal seek", ESPIPE},
    {"numerical argument out of domain", EDOM},
    {"numerical result out of range", ERANGE},
    {"resource deadlock avoided", EDEADLK},
    {"file name too long", ENAMETOOLONG},
    {"too many levels of symbolic links", ELOOP},
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
    {"timer expired", ETIME},
    {"machine is not on the network", ENONET},
    {"package not installed", ENOPKG},
    {"object is remote", EREMOTE},
    {"advertise error", EADV},
    {"srmount error", ESRMNT},
    {"communication error on send", ECOMM},
    {"RFS specific error", EDOTDOT},
    {"value too large for defined data type", EOVERFLOW},
    {"name not unique on network", ENOTUNIQ},
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
    {"message too long", EMSGSIZE},
    {"operation not supported", EOPNOTSUPP},
    {"address already in use", EADDRINUSE},
    {"cannot assign requested address", EADDRNOTAVAIL},
    {"network is unreachable", ENETUNREACH},
    {"network dropped connection on reset", ENETRESET},
    {"software caused connection abort", ECONNABORTED},
    {"transport endpoint is already connected", EISCONN},
    {"transport endpoint is not connected", ENOTCONN},
    {"cannot send after transport endpoint shutdown", ESHUTDOWN},
    {"too many references: cannot splice", ETOOMANYREFS},
    {"connection timed out", ETIMEDOUT},
    {"no route to host", EHOSTUNREACH},
    {"operation now in progress", EINPROGRESS},
    {"structure needs cleaning", EUCLEAN},
    {"not a XENIX named type file", ENOTNAM},
    {"no XENIX semaphores available", ENAVAIL},
    {"is a named type file", EISNAM},
    {"disk quota exceeded", EDQUOT},
    {"owner died", EOWNERDEAD},
    {"operation not possible due to RF-kill", ERFKILL},
    {"memory page has hardware error", EHWPOISON},
};

const char *error_text(int code) {
    /* No locale is ever set, so strerror gives the C locale's text; one buffer suffices for a library of one thread. */
    static char text[96];
    const char *known = table_name(texts, TABLE_COUNT(texts), code);
    if (known)
        return known;
    snprintf(text, sizeof text, "%s", strerror(code));
    if (text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z')
        text[0] = (char)(text[0] - 'A' + 'a');
    return text;
}

static void text_append(struct error *err, const char *suffix) {
    /* A full text gives way to the suffix: the reason at the end is worth more than the tail of a long path. */
    size_t want = strlen(suffix), len = strlen(err->text), room = sizeof err->text - 1;
    if (want > room)
        want = room;
    if (len + want > room)
        len = room - want;
    memcpy(err->text + len, suffix, want);
    err->text[len + want] = '\0';
}

static void append_reason(struct error *err) {
    char suffix[128];
    snprintf(suffix, sizeof suffix, ": %s", error_text(err->code));
    text_append(err, suffix);
}

static int error_format(struct error *err, int code, bool reason, const char *format, va_list args) {
    err->code = code > 0 ? code : EINVAL;
    err->step[0] = '\0';
    err->place[0] = '\0';
    vsnprintf(err->text, sizeof err->text, format, args);
    if (reason)
        append_reason(err);
    return -err->code;
}

int error_set(struct error *err, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, false, format, args);
    va_end(args);
    return r;
}

int error_code(struct error *err, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, true, format, args);
    va_end(args);
    return r;
}

int error_sys(struct error *err, const char *format, ...) {
    int code = errno;
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, true, format, args);
    va_end(args);
    return r;
}

/* Notes the step and the place unless an inner call has noted them already. */
static void note(struct error *err, const char *step, const char *place) {
    if (step && !err->step[0])
        snprintf(err->step, sizeof err->step, "%s", step);
    if (place && !err->place[0])
        snprintf(err->place, sizeof err->place, "%s", place);
}

static void append_place(struct error *err, const char *place) {
    char suffix[sizeof err->place + 16];
    snprintf(suffix, sizeof suffix, " (config %.*s)", (int)sizeof err->place - 1, place);
    text_append(err, suffix);
}

int error_at(struct error *err, int code, const char *step, const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, code, false, format, args);
    va_end(args);
    if (place && *place)
        append_place(err, place);
    append_reason(err);
    note(err, step, place);
    return r;
}

int error_refuse(struct error *err, const char *place, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = error_format(err, EINVAL, false, format, args);
    va_end(args);
    if (place && *place)
        append_place(err, place);
    note(err, "config", place);
    return r;
}

int error_memory(struct error *err) {
    return error_set(err, ENOMEM, "out of memory");
}

/* What is kept of the end of a chain that has grown too long: the reason stands there. The middle is cut. */
#define WRAP_TAIL ((size_t)200)

static int wrap(struct error *err, const char *format, va_list args) {
    char joined[2 * sizeof err->text + 3];
    const size_t room = sizeof err->text - 1;
    int n = vsnprintf(joined, sizeof err->text, format, args);
    size_t prefix = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;
    n = snprintf(joined + prefix, sizeof joined - prefix, ": %s", err->text);
    size_t len = prefix + (n < 0 ? 0 : (size_t)n);
    if (len > room) {
        memmove(joined + room - WRAP_TAIL, joined + len - WRAP_TAIL, WRAP_TAIL + 1);
        memcpy(joined + room - WRAP_TAIL - 3, "...", 3);
    }
    snprintf(err->text, sizeof err->text, "%.*s", (int)room, joined);
    return err->code ? -err->code : -EINVAL;
}

int error_wrap(struct error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int r = wrap(err, format, args);
    va_end(args);
    return r;
}

int error_blame(struct error *err, const char *step, const char *place, const char *format, ...) {
    note(err, step, place);
    if (!format)
        return err->code ? -err->code : -EINVAL;
    va_list args;
    va_start(args, format);
    int r = wrap(err, format, args);
    va_end(args);
    return r;
}
