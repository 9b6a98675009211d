#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""broken: damages the state of a running container in many ways, and watches what each command makes of it.

    broken.py fields|values|files|flips SCHEMA BUNDLE ID NEIGHBOUR DECOY_CGROUP DECOY_PID

BERTH is the runtime, ROOT the state root; both are in the environment. Each damage is done to a container of its own.
Whatever the damage: no command takes longer than LIMIT seconds, none dies of a signal, the container NEIGHBOUR runs on
and is listed, the process DECOY_PID lives on in its cgroup, and `delete --force` removes the state.
"""
import copy
import json
import os
import shutil
import signal
import socket
import subprocess
import sys

LIMIT = 5
SEAL = 8 * len('{"checksum":"')  # bits: where this is damaged, the content is not, and it may be taken
BERTH, ROOT = os.environ["BERTH"], os.environ["ROOT"]
MODE, SCHEMA, BUNDLE, ID, NEIGHBOUR, DECOY_CGROUP, DECOY_PID = sys.argv[1:]
DIR = os.path.join(ROOT, ID)
RECORD = os.path.join(DIR, "record.json")

# delete comes last: what a damaged record says of the container may make it one that has ended.
COMMANDS = [["state"], ["ps"], ["exec", "--", "true"], ["start"], ["pause"], ["resume"], ["update", "--pids-limit", "99"],
            ["events", "--stats"], ["kill", "--", "CONT"], ["delete"], ["delete", "--force"]]

failures = []


def berth(*args):
    """(status, output, errors); -9 and the like: died of the signal, None: took too long."""
    try:
        done = subprocess.run([BERTH, "--root", ROOT, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=LIMIT, check=False)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired:
        return None, "", ""


def fail(*words):
    failures.append(" ".join(str(w) for w in words))
    print("FAILED:", failures[-1], flush=True)


def with_id(command):
    at = command.index("--") if "--" in command else len(command)
    return command[:at] + [ID] + command[at + 1:]


def begin():
    # Not by pipes: the container holds them for as long as it runs.
    subprocess.run([BERTH, "--root", ROOT, "run", "--detach", "--bundle", BUNDLE, ID], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, check=True)


def clean_up(saved):
    """The container's state as it was; what a delete could not know of is removed by this."""
    if not os.path.isdir(DIR):
        os.mkdir(DIR, 0o700)
    for name in os.listdir(DIR):
        path = os.path.join(DIR, name)
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
    with open(RECORD, "wb") as stream:
        stream.write(saved)
    status, _, errors = berth("delete", "--force", ID)
    if status != 0 or os.path.exists(DIR):
        sys.exit(f"cannot delete the container: {status} {errors}")


def others_are_well(what):
    status, output, errors = berth("state", NEIGHBOUR)
    if status != 0 or json.loads(output)["status"] != "running":
        fail(what, "the neighbour:", status, output, errors)
    status, output, errors = berth("list", "--quiet")
    if status != 0 or NEIGHBOUR not in output.split():
        fail(what, "list:", status, output, errors)
    with open(f"/proc/{DECOY_PID}/stat", encoding="utf-8") as stream:
        if stream.read().rsplit(")", 1)[1].split()[0] in "ZX":
            sys.exit(f"{what}: the decoy process was killed")


def try_damage(what, damage, refused=False):
    """`refused`: every command must say that the record is damaged, and the way out; "exec": exec is refused."""
    begin()
    with open(RECORD, "rb") as stream:
        saved = stream.read()
    damage()
    for command in COMMANDS:
        status, _, errors = berth(*with_id(command))
        name = " ".join(command)
        if status not in (0, 1, 255):
            fail(what, name, "timed out" if status is None else f"status {status}", errors)
        elif refused == "exec":
            if command[0] == "exec" and status != 255:
                fail(what, name, "not refused:", status)
        elif refused and command != ["delete", "--force"]:
            if status == 0 or "state record is damaged: " not in errors or f"berth delete --force {ID}" not in errors:
                fail(what, name, "not refused:", status, errors)
        elif command == ["delete", "--force"] and (status != 0 or os.path.lexists(DIR)):
            fail(what, name, status, errors)
    others_are_well(what)
    clean_up(saved)


def write_record(record):
    with open(RECORD, "w", encoding="utf-8") as stream:
        json.dump(record, stream, indent=1)


def change(edit):
    def damage():
        with open(RECORD, encoding="utf-8") as stream:
            record = json.load(stream)
        edit(record)
        write_record(record)
    return damage


def places(schema):
    """The properties of the record and those of the objects in its lists, as (name of the list or None, name)."""
    for name, rule in schema["properties"].items():
        yield None, name
        kind = schema["definitions"].get(rule.get("$ref", "").split("/")[-1], {})
        if kind.get("type") == "array" and rule["$ref"].startswith("#"):
            row = schema["definitions"][kind["items"]["$ref"].split("/")[-1]]
            for inner in row["properties"]:
                yield name, inner


def objects(record, outer):
    return [record] if outer is None else record.setdefault(outer, [{"controller": "freezer", "path": "/x"}])


def each_field(edit):
    """edit(object, name) for each property of the schema."""
    with open(SCHEMA, encoding="utf-8") as stream:
        schema = json.load(stream)
    for outer, name in places(schema):
        def whole(record, outer=outer, name=name):
            for item in objects(record, outer):
                edit(item, name)
        yield f"{outer}[].{name}" if outer else name, whole


def fields():
    for place, edit in each_field(lambda item, name: item.pop(name, None)):
        try_damage(f"without {place}:", change(edit))


def values():
    odd = [None, True, -1, 0, 2**32 + int(DECOY_PID), 2**64, "", "x", "/", "..", "/a/../../b", DECOY_CGROUP, "x" * 5000,
           [], ["x"], [{}], {}]
    for value in odd:
        for place, edit in each_field(lambda item, name, value=value: item.__setitem__(name, copy.copy(value))):
            try_damage(f"{place} = {str(value)[:30]!r}:", change(edit))


def replace(name, how):
    def damage():
        path = os.path.join(DIR, name)
        if os.path.lexists(path):
            os.unlink(path)
        how(path)
    return damage


def write(data):
    def how(path):
        with open(path, "wb") as stream:
            stream.write(data)
    return how


def listen(path):
    """Through the directory: the path of a socket is short."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(os.path.dirname(path))
    socket.socket(socket.AF_UNIX).bind(os.path.basename(path))
    os.fchdir(here)
    os.close(here)


def directory(path):
    os.makedirs(os.path.join(path, "deep/er"))
    write(b"x")(os.path.join(path, "deep/er/file"))


def cut(name):
    def damage():
        os.truncate(os.path.join(DIR, name), os.path.getsize(os.path.join(DIR, name)) // 2)
    return damage


def files():
    guises = {"a FIFO": os.mkfifo, "a directory": directory, "a link to nowhere": lambda path: os.symlink("none", path),
              "a link to a neighbour's": lambda path: os.symlink(f"../{NEIGHBOUR}/{os.path.basename(path)}", path),
              "a socket": listen, "a device": lambda path: os.mknod(path, 0o20600, os.makedev(1, 5)),
              "empty": write(b""), "junk": write(b"\xff\0junk" * 999), "endless": lambda path: os.truncate(
                  os.open(path, os.O_CREAT | os.O_WRONLY), 2**40)}
    for name in ["record.json", "config.json", "filter", "start", "notify", "record.new", "config.new", "root"]:
        for guise, how in guises.items():
            try_damage(f"{name} is {guise}:", replace(name, how), name == "record.json")
    for name in ["record.json", "config.json", "filter"]:
        try_damage(f"{name} is cut:", cut(name), name == "record.json")
        try_damage(f"{name} is missing:", lambda name=name: os.unlink(os.path.join(DIR, name)))


def flip(name, bit):
    def damage():
        path = os.path.join(DIR, name)
        with open(path, "r+b") as stream:
            data = bytearray(stream.read())
            bit_here = SEAL + bit * 7919 % (len(data) * 8 - SEAL)  # a prime: the sample is spread over all of it
            data[bit_here // 8] ^= 1 << bit_here % 8
            stream.seek(0)
            stream.write(data)
    return damage


def flips():
    for name, refused in [("record.json", True), ("config.json", "exec"), ("filter", "exec")]:
        for bit in range(int(os.environ.get("FLIPS", "40"))):
            try_damage(f"{name}, flip {bit}:", flip(name, bit), refused)


signal.signal(signal.SIGPIPE, signal.SIG_DFL)
{"fields": fields, "values": values, "files": files, "flips": flips}[MODE]()
sys.exit(f"{len(failures)} failures" if failures else 0)
