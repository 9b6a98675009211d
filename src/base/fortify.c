/* SPDX-License-Identifier: Apache-2.0 */
/* fortify: see fortify.h. Built only where the C library lacks these (musl). Runs everywhere. */
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names and parameters: Linux Standard Base Core 5.0, "Interfaces for libc". */
void *__memcpy_chk(void *target, const void *source, size_t size, size_t room);
void *__memmove_chk(void *target, const void *source, size_t size, size_t room);
void *__memset_chk(void *target, int value, size_t size, size_t room);
char *__strcpy_chk(char *target, const char *source, size_t room);
int __vsnprintf_chk(char *target, size_t size, int flag, size_t room, const char *format, va_list args);
int __snprintf_chk(char *target, size_t size, int flag, size_t room, const char *format, ...);
int __sprintf_chk(char *target, int flag, size_t room, const char *format, ...);
int __fprintf_chk(FILE *stream, int flag, const char *format, ...);

static void check(size_t size, size_t room) {
    if (size > room)
        abort();
}

void *__memcpy_chk(void *target, const void *source, size_t size, size_t room) {
    check(size, room);
    return memcpy(target, source, size);
}

void *__memmove_chk(void *target, const void *source, size_t size, size_t room) {
    check(size, room);
    return memmove(target, source, size);
}

void *__memset_chk(void *target, int value, size_t size, size_t room) {
    check(size, room);
    return memset(target, value, size);
}

char *__strcpy_chk(char *target, const char *source, size_t room) {
    check(strlen(source) + 1, room);
    return strcpy(target, source);
}

int __vsnprintf_chk(char *target, size_t size, int flag, size_t room, const char *format, va_list args) {
    (void)flag;
    check(size, room);
    return vsnprintf(target, size, format, args);
}

int __snprintf_chk(char *target, size_t size, int flag, size_t room, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = __vsnprintf_chk(target, size, flag, room, format, args);
    va_end(args);
    return n;
}

int __sprintf_chk(char *target, int flag, size_t room, const char *format, ...) {
    va_list args;
    (void)flag;
    va_start(args, format);
    int n = vsnprintf(target, room > INT_MAX ? (size_t)INT_MAX : room, format, args);
    va_end(args);
    if (n >= 0)
        check((size_t)n + 1, room);
    return n;
}

int __fprintf_chk(FILE *stream, int flag, const char *format, ...) {
    va_list args;
    (void)flag;
    va_start(args, format);
    int n = vfprintf(stream, format, args);
    va_end(args);
    return n;
}
