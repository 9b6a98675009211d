#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Schema -> C. Runs at build time only, needs nothing but Python's own library.

    generate.py types  SCHEMA-FOLDER oci_types.h      the enums and structs (public)
    generate.py tables SCHEMA-FOLDER oci_tables.c     the rows that drive reader.c and writer.c (format: table.h)

What it reads is a small part of JSON Schema draft 7: type, properties, required, items, additionalProperties,
propertyNames, enum, format, minimum, maximum, minItems, minProperties, $ref, true; and two words of our own:
x-document (a type that can be read and written on its own) and x-prefix (what the values of an enum have in common,
left out of the names of the constants). Anything else stops it: a word without effect would be a lie.

A definition that is an object with properties becomes a struct, one with an enum becomes an enum, of the same name.
Every other definition is an alias. The order of properties in the schema is the order of struct members and of output.
"""
import json
import pathlib
import re
import sys
from dataclasses import dataclass, field

PROSE = {"$comment", "$schema", "title", "description", "definitions"}
NUMBERS = {  # JSON Schema format -> C type, least and greatest value
    "int32": ("int32_t", -(2**31), 2**31 - 1),
    "int64": ("int64_t", -(2**63), 2**63 - 1),
    "uint8": ("uint8_t", 0, 2**8 - 1),
    "uint16": ("uint16_t", 0, 2**16 - 1),
    "uint32": ("uint32_t", 0, 2**32 - 1),
    "uint64": ("uint64_t", 0, 2**64 - 1),
}
CHECKS = ["non-empty", "semver", "page-size", "cpu-list", "net-device", "bandwidth-schema", "one-line", "capability"]


@dataclass
class Field:
    """A property. shape: single, array or map; kind: string, bool, a key of NUMBERS, enum, object or ignored."""
    json: str
    shape: str
    kind: str
    noun: str = ""  # of an enum or object
    check: str = ""  # of the value, or of every item
    key_check: str = ""  # of the keys of a map
    least: int = 0
    greatest: int = 0
    min_items: int = 0
    required: bool = False
    comment: str = ""

    @property
    def name(self):
        return snake(self.json)

    @property
    def item(self):
        """The noun that names the array or map."""
        return self.noun or self.kind

    @property
    def ctype(self):
        if self.kind == "string":
            return "const char *"
        if self.kind == "bool":
            return "bool "
        if self.kind == "enum":
            return f"enum oci_{self.noun} "
        if self.kind == "object":
            return f"struct oci_{self.noun} "
        return NUMBERS[self.kind][0] + " "

    @property
    def counted(self):
        """A number or boolean of its own: needs a has_ member."""
        return self.shape == "single" and (self.kind == "bool" or self.kind in NUMBERS)


@dataclass
class Object:
    noun: str
    comment: str
    fields: list
    needs_any: bool
    document: bool


@dataclass
class Enum:
    noun: str
    comment: str
    values: list
    prefix: str

    def constant(self, value):
        return f"OCI_{self.noun}_{value.removeprefix(self.prefix)}".upper()


@dataclass
class Model:
    objects: dict = field(default_factory=dict)
    enums: dict = field(default_factory=dict)


def snake(name):
    """uidMappings -> uid_mappings, kernelTCP -> kernel_tcp, throttleReadIOPSDevice -> throttle_read_iops_device"""
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"([A-Z])([A-Z][a-z])", r"\1_\2", name).lower()


def known(node, where, *words):
    extra = set(node) - PROSE - set(words)
    if extra:
        sys.exit(f"generate.py: {where}: no such word here: {', '.join(sorted(extra))}")


class Schema:
    def __init__(self, folder):
        self.files = {path.name: json.loads(path.read_text()) for path in sorted(pathlib.Path(folder).glob("*.json"))}
        self.model = Model()
        for name, content in self.files.items():
            if "properties" in content:
                self.add_object(name, content["title"], content)
            for noun, node in content.get("definitions", {}).items():
                if "enum" in node:
                    self.add_enum(noun, node)
                elif "properties" in node:
                    self.add_object(name, noun, node)

    def follow(self, name, node):
        """Resolves $ref: the file, the noun of the target (none if written in place) and the node, prose laid over."""
        noun = ""
        while "$ref" in node:
            known(node, name, "$ref")
            target, pointer = node["$ref"].split("#/definitions/")
            name, noun, over = target or name, pointer, node
            node = self.files[name]["definitions"][noun]
            if "description" in over:
                node = {**node, "description": over["description"]}
        return name, noun, node

    def add_enum(self, noun, node):
        known(node, noun, "type", "enum", "x-prefix")
        self.unused(noun)
        prefix = node.get("x-prefix", "")
        assert all(value.startswith(prefix) for value in node["enum"]), noun
        self.model.enums[noun] = Enum(noun, node.get("description", ""), node["enum"], prefix)

    def add_object(self, name, noun, node):
        known(node, noun, "type", "properties", "required", "minProperties", "x-document")
        self.unused(noun)
        required = node.get("required", [])
        assert set(required) <= set(node["properties"]), noun
        assert len(node["properties"]) <= 64, f"{noun}: the reader keeps what it has seen in 64 bits"
        fields = [self.field(name, key, value, key in required) for key, value in node["properties"].items()]
        assert node.get("minProperties", 1) == 1, noun
        self.model.objects[noun] = Object(noun, node.get("description", ""), fields, "minProperties" in node,
                                          node.get("x-document", False))

    def unused(self, noun):
        assert noun not in self.model.objects and noun not in self.model.enums, f"{noun} is there twice"

    def field(self, name, key, node, required):
        if node is True:
            return Field(key, "single", "ignored")
        name, noun, target = self.follow(name, node)
        # A struct's or enum's own description stands at its definition, not at every member of its type.
        describes_type = "properties" in target or "enum" in target
        comment = node.get("description", "") if describes_type else target.get("description", "")
        shape, key_check, min_items = "single", "", 0
        if target["type"] == "array":
            known(target, key, "type", "items", "minItems")
            shape, min_items = "array", target.get("minItems", 0)
            name, noun, target = self.follow(name, target["items"])
        elif "additionalProperties" in target:
            known(target, key, "type", "additionalProperties", "propertyNames")
            shape, key_check = "map", target.get("propertyNames", {}).get("format", "")
            name, noun, target = self.follow(name, target["additionalProperties"])
        result = Field(key, shape, "", key_check=key_check, min_items=min_items, required=required, comment=comment)
        self.fill_kind(result, noun, target)
        return result

    @staticmethod
    def fill_kind(result, noun, target):
        if "properties" in target:
            result.kind, result.noun = "object", noun
        elif "enum" in target:
            result.kind, result.noun = "enum", noun
        elif target["type"] == "string":
            known(target, result.json, "type", "format")
            result.kind, result.check = "string", target.get("format", "")
        elif target["type"] == "boolean":
            known(target, result.json, "type")
            result.kind = "bool"
        elif target["type"] == "integer":
            known(target, result.json, "type", "format", "minimum", "maximum")
            result.kind = target["format"]
            _, least, greatest = NUMBERS[result.kind]
            result.least, result.greatest = target.get("minimum", least), target.get("maximum", greatest)
        else:
            sys.exit(f"generate.py: {result.json}: a type that the generator does not know")
        assert not (set([result.check, result.key_check]) - set(CHECKS) - {""}), result.json


# ---------------------------------------------------------------------------------------------------------------------
# oci_types.h


def comment_lines(text, indent=""):
    if not text:
        return []
    width = 116 - len(indent)
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    lines.append(line)
    return [f"{indent}/* {lines[0]}"] + [f"{indent} * {more}" for more in lines[1:]]


def comment(text, indent=""):
    lines = comment_lines(text, indent)
    return lines[:-1] + [lines[-1] + " */"] if lines else []


def member(f):
    if f.shape != "single":
        return [f"    struct oci_{f.item}_{f.shape} {f.name};"]
    if f.kind == "object":
        return [f"    struct oci_{f.noun} *{f.name};"]
    lines = [f"    {f.ctype}{f.name};"]
    if f.counted:
        lines.append(f"    bool has_{f.name};")
    return lines


def containers(model):
    """One field for every array and map type in use."""
    found = {}
    for obj in model.objects.values():
        for f in obj.fields:
            if f.shape != "single":
                found[(f.shape, f.item)] = f
    return [found[key] for key in sorted(found)]


def emit_types(model):
    out = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* oci_types: the OCI documents as C types. Generated by generate.py from schema/; do not edit.",
        " *",
        " * Absent is: NULL for strings, objects and the items of arrays and maps (empty is items and count 0),",
        " * OCI_x_UNSET (0) for enums, has_x false for numbers and booleans (which then are 0). */",
        "#ifndef OCI_TYPES_H",
        "#define OCI_TYPES_H",
        "",
        "#include <stdbool.h>",
        "#include <stddef.h>",
        "#include <stdint.h>",
        "",
    ]
    for e in model.enums.values():
        out += comment(e.comment)
        out.append(f"enum oci_{e.noun} {{")
        out.append(f"    OCI_{e.noun.upper()}_UNSET = 0,")
        out += [f"    {e.constant(value)}, /* {value} */" for value in e.values]
        out += ["};", ""]
    out.append("/* The text of a constant as the documents have it; NULL for UNSET and for what is no constant. */")
    out += [f"const char *oci_{noun}_name(enum oci_{noun} value);" for noun in model.enums]
    out += ["", "/* The constant of a text, OCI_x_UNSET for an unknown one (and for NULL). */"]
    out += [f"enum oci_{noun} oci_{noun}_parse(const char *text);" for noun in model.enums]
    out.append("")
    out += [f"struct oci_{noun};" for noun in model.objects]
    out.append("")
    for f in containers(model):
        entry = f"struct oci_{f.item}_entry *" if f.shape == "map" else f"{f.ctype}*"
        if f.shape == "map":
            out.append(f"struct oci_{f.item}_entry;")
        out += [f"struct oci_{f.item}_{f.shape} {{", "    size_t count;", f"    {entry}items;", "};", ""]
    for obj in model.objects.values():
        out += comment(obj.comment)
        out.append(f"struct oci_{obj.noun} {{")
        for f in obj.fields:
            if f.kind != "ignored":
                out += comment(f.comment, "    ") + member(f)
        out += ["};", ""]
    for f in containers(model):
        if f.shape == "map":
            out += [f"struct oci_{f.item}_entry {{", "    const char *key;", f"    {f.ctype}value;", "};", ""]
    out += ["#endif", ""]
    return "\n".join(out)

# ---------------------------------------------------------------------------------------------------------------------
# oci_tables.c


class Pool:
    """Values numbered in order of arrival, each once."""

    def __init__(self):
        self.rows = {}

    def add(self, value):
        return self.rows.setdefault(value, len(self.rows))


class Texts:
    """One string that holds them all, each with its NUL."""

    def __init__(self):
        self.offsets, self.size = {}, 0

    def add(self, text):
        """The initializer of a struct oci_text."""
        assert text.isascii() and '"' not in text and "\\" not in text and len(text) < 256, text
        if text not in self.offsets:
            self.offsets[text] = self.size
            self.size += len(text) + 1
        assert self.size < 65536
        return f"{{{self.offsets[text]}, {len(text)}}}"


def constant(prefix, word):
    return f"OCI_{prefix}{word.replace('-', '_')}".upper()


def field_row(f, obj, texts, ranges, numbers):
    """The initializer of a struct oci_field; what is not named is 0."""
    row = [f".name = {texts.add(f.json)}", f".shape = {constant('', f.shape)}", f".kind = {constant('', f.kind)}"]
    if f.kind == "ignored":
        return row
    if f.noun:
        row.append(f".type = {numbers[f.kind][f.noun]}")
    if f.check:
        row.append(f".check = {constant('check_', f.check)}")
    if f.key_check:
        row.append(f".key_check = {constant('check_', f.key_check)}")
    if f.kind in NUMBERS:
        row.append(f".range = {ranges.add((f.least, f.greatest))}")
    if f.min_items:
        row.append(f".min_items = {f.min_items}")
    row.append(f".offset = offsetof(struct oci_{obj.noun}, {f.name})")
    if f.counted:
        row.append(f".has_offset = offsetof(struct oci_{obj.noun}, has_{f.name})")
    if f.shape == "array":
        row.append(f".item_size = sizeof({f.ctype.strip()})")
    if f.shape == "map":
        row.append(f".item_size = sizeof(struct oci_{f.item}_entry)")
        row.append(f".value_offset = offsetof(struct oci_{f.item}_entry, value)")
    return row


def c_integer(value):
    if value == -(2**63):
        return "INT64_MIN"  # the literal would be too big before the minus
    return f"{value}ULL" if value > 2**63 - 1 else f"{value}"


def emit_tables(model):
    texts, ranges = Texts(), Pool()
    numbers = {"object": {noun: n for n, noun in enumerate(model.objects)},
               "enum": {noun: n for n, noun in enumerate(model.enums)}}
    assert max(len(rows) for rows in numbers.values()) < 256
    fields, objects, values, enums = [], [], [], []
    for obj in model.objects.values():
        required = sum(1 << n for n, f in enumerate(obj.fields) if f.required)
        objects.append(f"    {{.required = {hex(required)}, .first = {len(fields)}, "
                       f".size = sizeof(struct oci_{obj.noun}), .count = {len(obj.fields)}, "
                       f".needs_any = {str(obj.needs_any).lower()}}}, /* {obj.noun} */")
        fields += ["    {" + ", ".join(field_row(f, obj, texts, ranges, numbers)) + f"}}, /* {obj.noun}.{f.json} */"
                   for f in obj.fields]
    for e in model.enums.values():
        enums.append(f"    {{.first = {len(values)}, .count = {len(e.values)}}}, /* {e.noun} */")
        values += [f"    {texts.add(value)}, /* {value} */" for value in e.values]
    documents = [obj.noun for obj in model.objects.values() if obj.document]
    out = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* oci_tables: the schema as rows. Generated by generate.py from schema/; do not edit. */",
        '#include "table.h"',
        "",
        "const char oci_texts[] =",
        *[f'    "{text}\\0"' for text in texts.offsets],
        "    ;",
        "",
        "const struct oci_field oci_fields[] = {",
        *fields,
        "};",
        "",
        "const struct oci_range oci_ranges[] = {",
        *[f"    {{{c_integer(least)}, {c_integer(greatest)}}}," for least, greatest in ranges.rows],
        "};",
        "",
        "const struct oci_object oci_objects[] = {",
        *objects,
        "};",
        "",
        "const struct oci_enum oci_enums[] = {",
        *enums,
        "};",
        "",
        "const struct oci_text oci_values[] = {",
        *values,
        "};",
        "",
        "const uint8_t oci_documents[] = {",
        *[f"    [OCI_DOCUMENT_{noun.upper()}] = {numbers['object'][noun]}," for noun in documents],
        "};",
        "",
    ]
    for noun, number in numbers["enum"].items():
        out += [
            f"const char *oci_{noun}_name(enum oci_{noun} value) {{",
            f"    return oci_enum_name({number}, (unsigned)value);",
            "}",
            "",
            f"enum oci_{noun} oci_{noun}_parse(const char *text) {{",
            f"    return (enum oci_{noun})oci_enum_parse({number}, text);",
            "}",
            "",
        ]
    for noun in documents:
        document = f"OCI_DOCUMENT_{noun.upper()}"
        out += [
            f"int oci_{noun}_read(const struct oci_allocator *allocator, const char *text, size_t len,",
            f"    struct oci_{noun} **out, struct oci_error *error) {{",
            "    void *value = NULL;",
            f"    int result = oci_read({document}, allocator, NULL, text, len, &value, error);",
            "    if (result == 0)",
            "        *out = value;",
            "    return result;",
            "}",
            "",
            f"int oci_{noun}_write(const struct oci_{noun} *{noun}, oci_sink *sink, void *ctx, unsigned flags) {{",
            f"    return oci_write({document}, {noun}, sink, ctx, flags);",
            "}",
            "",
        ]
    return "\n".join(out)


def main():
    emit = {"types": emit_types, "tables": emit_tables}
    if len(sys.argv) != 4 or sys.argv[1] not in emit:
        sys.exit(__doc__)
    pathlib.Path(sys.argv[3]).write_text(emit[sys.argv[1]](Schema(sys.argv[2]).model))


if __name__ == "__main__":
    main()
