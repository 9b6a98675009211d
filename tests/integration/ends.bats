#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ends: the end of a container's input, of its terminal, of its processes, and of the cgroup that it was in.
load helpers

prepare() {
    make_bundle
}

# on_terminal COMMAND...: it runs on a terminal of its own, whose screen goes to $T/tty.
on_terminal() {
    python3 "$BATS_TEST_DIRNAME/stdio.py" terminal "$T/tty" 24x80 "$@" </dev/null >"$T/job" 2>&1 3>&- 4>&-
}

# ---- line ends ------------------------------------------------------------------------------------------------------

@test "terminal: lines in a pipe or a file end in a line feed alone" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null 3>&- 4>&- | cat >"$T/stdout"
    cmp "$T/stdout" <(printf 'one\ntwo\n')
    "$BERTH" --root "$ROOT" run --bundle "$B" "$ID" </dev/null >"$T/stdout" 3>&- 4>&-
    cmp "$T/stdout" <(printf 'one\ntwo\n')
    config '.process.terminal = false'
    begin_running
    "$BERTH" --root "$ROOT" exec -t "$ID" printf 'one\ntwo\n' </dev/null 3>&- 4>&- | cat >"$T/stdout"
    cmp "$T/stdout" <(printf 'one\ntwo\n')
}

@test "terminal: on a screen each line begins at its left edge, once" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
    config '.process.terminal = false'
    begin_running
    on_terminal "$BERTH" --root "$ROOT" exec -t "$ID" printf 'one\ntwo\n'
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
}

@test "terminal: a program that draws by itself has its line feeds on the screen as they are" {
    shell 'stty raw; printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\ntwo\n')
}

@test "terminal: keys from a terminal, output through a filter that writes on it" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal sh -c '"$@" | cat' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
}

@test "terminal: output on a screen, input from elsewhere" {
    shell 'printf "one\ntwo\n"'
    config '.process.terminal = true'
    on_terminal sh -c '"$@" </dev/null' sh "$BERTH" --root "$ROOT" run --bundle "$B" "$ID"
    cmp "$T/tty" <(printf 'one\r\ntwo\r\n')
}

@test "--console-socket: the terminal that is handed over is as the kernel makes it, as runc's" {
    payload stty -a
    config '.process.terminal = true'
    python3 "$BATS_TEST_DIRNAME/stdio.py" receive "$T/console" "$T/tty" "$BERTH" --root "$ROOT" run --detach \
        --console-socket "$T/console" --bundle "$B" "$ID" </dev/null >"$T/job" 2>&1 3>&- 4>&-
    has " $(tr -d '\r' <"$T/tty" | xargs) " " onlcr "
}
