/* SPDX-License-Identifier: Apache-2.0 */
/* check: the rules for texts that the schema calls format, the words of enums, and UTF-8. Runs wherever a document is
 * read or written, needs no privilege. */
#include <string.h>

#include "table.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static bool is_identifier(char c) {
    return is_digit(c) || is_upper(c) || (c >= 'a' && c <= 'z') || c == '-';
}

/* Steps over a number without needless zeros; false if there is none. */
static bool take_number(const char **at, const char *end) {
    const char *begin = *at;
    while (*at < end && is_digit(**at))
        (*at)++;
    return *at > begin && (*begin != '0' || *at - begin == 1);
}

static bool take(const char **at, const char *end, char c) {
    if (*at == end || **at != c)
        return false;
    (*at)++;
    return true;
}

/* Steps over one identifier of a pre-release or of build data: a number of a pre-release has no leading zero. */
static bool take_identifier(const char **at, const char *end, bool zeros) {
    const char *begin = *at;
    bool number = true;
    while (*at < end && is_identifier(**at))
        number = is_digit(*(*at)++) && number;
    return *at > begin && (zeros || !number || *begin != '0' || *at - begin == 1);
}

static bool take_identifiers(const char **at, const char *end, bool zeros) {
    do {
        if (!take_identifier(at, end, zeros))
            return false;
    } while (take(at, end, '.'));
    return true;
}

/* Semantic Versioning 2.0.0, clauses 2, 9 and 10. */
static bool is_semver(const char *text, const char *end) {
    const char *at = text;
    bool core = take_number(&at, end) && take(&at, end, '.') && take_number(&at, end) && take(&at, end, '.') &&
                take_number(&at, end);
    if (core && take(&at, end, '-'))
        core = take_identifiers(&at, end, false);
    if (core && take(&at, end, '+'))
        core = take_identifiers(&at, end, true);
    return core && at == end;
}

/* As the kernel names its hugetlb files: 64KB, 2MB, 1GB. */
static bool is_page_size(const char *text, const char *end) {
    const char *at = text;
    if (!take_number(&at, end) || *text == '0' || end - at != 2)
        return false;
    return strchr("KMG", at[0]) && at[1] == 'B';
}

static bool is_cpu_list(const char *text, const char *end) {
    for (; text < end; text++)
        if (!is_digit(*text) && *text != ',' && *text != '-' && *text != ' ')
            return false;
    return true;
}

/* What dev_valid_name() of the kernel takes: 1 to 15 bytes, no slash, colon or white space, neither . nor .. */
static bool is_net_device(const char *text, const char *end) {
    size_t len = (size_t)(end - text);
    if (len == 0 || len > 15 || (len == 1 && text[0] == '.') || (len == 2 && text[0] == '.' && text[1] == '.'))
        return false;
    for (; text < end; text++)
        if (strchr("/: \t\n\v\f\r", *text))
            return false;
    return true;
}

static bool is_non_empty(const char *text, const char *end) {
    return text < end;
}

static bool is_one_line(const char *text, const char *end) {
    return !memchr(text, '\n', (size_t)(end - text));
}

static bool is_bandwidth_schema(const char *text, const char *end) {
    return end - text >= 3 && memcmp(text, "MB:", 3) == 0 && is_one_line(text, end);
}

static bool is_capability(const char *text, const char *end) {
    if (end - text < 5 || memcmp(text, "CAP_", 4) != 0)
        return false;
    for (text += 4; text < end; text++)
        if (!is_upper(*text) && *text != '_')
            return false;
    return true;
}

static const struct {
    bool (*holds)(const char *text, const char *end);
    const char *fault;
} checks[] = {
    [OCI_CHECK_NON_EMPTY] = {is_non_empty, "empty"},
    [OCI_CHECK_SEMVER] = {is_semver, "no version such as 1.3.0"},
    [OCI_CHECK_PAGE_SIZE] = {is_page_size, "no page size such as 64KB, 2MB or 1GB"},
    [OCI_CHECK_CPU_LIST] = {is_cpu_list, "no list of CPUs such as 0-3,7"},
    [OCI_CHECK_NET_DEVICE] = {is_net_device, "no name for a network device"},
    [OCI_CHECK_BANDWIDTH_SCHEMA] = {is_bandwidth_schema, "no line that begins with MB:"},
    [OCI_CHECK_ONE_LINE] = {is_one_line, "more than one line"},
    [OCI_CHECK_CAPABILITY] = {is_capability, "no name of a capability such as CAP_CHOWN"},
};

const char *oci_check_fault(enum oci_check check, const char *text, size_t len) {
    if (check == OCI_CHECK_NONE || checks[check].holds(text, text + len))
        return NULL;
    return checks[check].fault;
}

const char *oci_enum_name(unsigned type, unsigned value) {
    const struct oci_enum *e = &oci_enums[type];
    if (value == 0 || value > e->count)
        return NULL;
    return oci_texts + oci_values[e->first + value - 1].offset;
}

unsigned oci_enum_find(unsigned type, const char *text, size_t len) {
    const struct oci_enum *e = &oci_enums[type];
    for (unsigned n = 0; n < e->count; n++) {
        const struct oci_text *value = &oci_values[e->first + n];
        if (value->length == len && memcmp(oci_texts + value->offset, text, len) == 0)
            return n + 1;
    }
    return 0;
}

unsigned oci_enum_parse(unsigned type, const char *text) {
    return text ? oci_enum_find(type, text, strlen(text)) : 0;
}

/* The length of the one character at text[len], 0 if it is not well formed: RFC 3629, the table of section 4. */
static size_t character_length(const unsigned char *text, size_t len) {
    unsigned char first = text[0];
    size_t more = first < 0x80 ? 0 : first < 0xc2 ? 4 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 4;
    if (more >= len || more == 4)
        return 0;
    /* The second byte also rules out overlong forms, surrogates and what lies beyond U+10FFFF. */
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    for (size_t n = 1; n <= more; n++) {
        if (text[n] < low || text[n] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return more + 1;
}

size_t oci_utf8_length(const char *text, size_t len) {
    size_t at = 0;
    while (at < len) {
        uint64_t eight;
        if (len - at >= sizeof(eight)) { /* nearly all of a document is ASCII */
            memcpy(&eight, text + at, sizeof(eight));
            if ((eight & 0x8080808080808080) == 0) {
                at += sizeof(eight);
                continue;
            }
        }
        size_t step = character_length((const unsigned char *)text + at, len - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}
