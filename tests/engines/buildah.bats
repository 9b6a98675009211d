#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under Buildah: `buildah run`, `buildah build`, and `podman build`, which is the same code. Needs root.

source "${BATS_TEST_DIRNAME}/podman.bash"

# Buildah runs the runtime itself, without conmon, in the foreground. What it calls the cgroup parent is the container's
# own cgroup: it must not be the one that Podman has containers below.
buildah() {
    timeout --foreground -k 5 60 env -C "$BATS_TEST_TMPDIR" ENGINE_TRAIL="$ENGINE_MARK" TMPDIR="$ENGINE_WORK/scratch" \
        /usr/bin/buildah --root "$ENGINE_WORK/root" --runroot "$ENGINE_WORK/run" "$@"
}

# brun ARGS...: `buildah run` in the working container `work`, by the runtime under test.
brun() {
    buildah run --runtime "$ENGINE_RUNTIME" --network none "$@"
}

# bfrom ARGS...: makes `work` of the image; flags such as limits belong here.
bfrom() {
    buildah from --cgroup-parent "/$ENGINE_MARK/build" --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 --pull-never \
        --name work "$@" localhost/busybox:test
}

# build FILE ARGS...: `buildah build` of that Containerfile, as localhost/built:test.
build() {
    local file=$1
    shift
    buildah build --runtime "$ENGINE_RUNTIME" --network none --cgroup-parent "/$ENGINE_MARK/build" --pull-never \
        --ulimit nofile=1000:1000 --ulimit nproc=1000:1000 -t localhost/built:test -f "$file" "$@" \
        "$BATS_TEST_TMPDIR/share"
}

# Buildah gives its containers names of its own, and the runtime's default place for state.
audit_state_paths() {
    compgen -G "/run/*/buildah-buildah*" || true
    compgen -G "$ENGINE_WORK/scratch/*" || true
    compgen -G "/sys/fs/cgroup/*/buildah-buildah*" || true
}

setup_file() {
    podman_open buildah python3
    engine_opened || return 0
    mkdir "$ENGINE_WORK/scratch"
    images_load podman load -q -i
}

teardown_file() {
    engine_opened || return 0
    podman_close
}

setup() {
    engine_test
}

teardown() {
    engine_opened || return 0
    buildah rm --all >/dev/null
    podman_clear
    # What RUN --mount=type=cache keeps.
    rm -rf --one-file-system "$ENGINE_WORK"/scratch/buildah-cache*
    buildah rmi -f localhost/built:test >/dev/null 2>&1 || true
    audit_end
}

@test "buildah run: output, input, exit code" {
    bfrom
    run --separate-stderr brun work -- sh -c 'echo out; echo err >&2; exit 42'
    exits 42
    is out
    [[ $stderr == err* ]]
    head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/data"
    run -0 brun work -- sha256sum <"$BATS_TEST_TMPDIR/data"
    is "$(sha256sum <"$BATS_TEST_TMPDIR/data")"
}

@test "buildah run: a command that does not exist, a file that is no program" {
    bfrom
    run brun work -- no-such-program
    [ "$status" -ne 0 ]
    contains no-such-program
    run brun work -- /bin/plain-file
    [ "$status" -ne 0 ]
    [ "$ENGINE_KIND" = crun ] || [[ ${output,,} == *"permission denied"* ]]
}

@test "buildah run: user, working directory, environment, host name, volumes, what stays" {
    bfrom
    run -0 brun --user tester --workingdir /tmp --env WORD='two words' --hostname built work -- \
        sh -c 'id -u; pwd; echo "$WORD"; hostname'
    is $'1000\n/tmp\ntwo words\nbuilt'
    echo from-host >"$BATS_TEST_TMPDIR/share/in"
    run brun -v "$BATS_TEST_TMPDIR/share:/data:ro" work -- sh -c 'cat /data/in; echo kept >/srv/kept; touch /data/x'
    [ "$status" -ne 0 ]
    contains from-host
    contains "Read-only file system"
    run -0 brun work -- cat /srv/kept
    is kept
    run -0 brun --mount type=tmpfs,dst=/srv work -- ls -A /srv
    is ""
}

@test "buildah run: capabilities" {
    local show='grep -E "Cap(Eff|Bnd)" /proc/self/status | cut -f 2 | sort -u'
    bfrom
    run -0 brun --cap-drop all work -- sh -c "$show"
    is 0000000000000000
    run -0 brun --cap-drop CAP_CHOWN work -- sh -c "$show"
    is 00000000800405fa
    run -0 brun --cap-add CAP_NET_ADMIN work -- sh -c "$show"
    is 00000000800415fb
}

# Buildah's cgroup is the parent itself, not one below it.
@test "buildah run: memory limit, cgroup" {
    needs_v1
    bfrom --memory 64m --memory-swap 64m
    run -0 brun work -- sh -c 'cat /proc/self/cgroup; cat /sys/fs/cgroup/memory/memory.limit_in_bytes'
    contains ":memory:/$ENGINE_MARK/build"
    contains 67108864
}

@test "buildah run: a terminal" {
    bfrom
    run brun --terminal=false work -- sh -c 'test -t 0 || echo none; tty'
    contains none
    # Not on_pty, which is for Podman: script gives the terminal.
    run timeout 30 script -qec "stty rows 41 cols 101; $(declare -f buildah); \
        buildah run --runtime $ENGINE_RUNTIME --network none -t work -- sh -c \
        'tty; stty size; read -r word; echo got-\$word; exit 6'" /dev/null <<<hello
    exits 6
    contains /dev/pts/0
    contains got-hello
}

@test "buildah run: a user namespace" {
    local root
    bfrom --userns-uid-map 0:300000:1000 --userns-gid-map 0:300000:1000
    # Buildah changes the owner of what is in the image, not of its root directory.
    root=$(buildah mount work)
    chown 300000:300000 "$root"
    run -0 brun work -- \
        sh -c 'tr -s " " </proc/self/uid_map; id -u; touch /x; stat -c %u /x; echo x >/dev/null && echo null'
    is $' 0 300000 1000\n0\n0\nnull'
}

@test "buildah build: RUN steps in their forms, COPY, ARG, ENV, USER, WORKDIR; the image runs" {
    echo copied >"$BATS_TEST_TMPDIR/share/file"
    cat >"$BATS_TEST_TMPDIR/Containerfile" <<'EOF_FILE'
FROM localhost/busybox:test AS first
ARG word=default
ENV WORD=$word
RUN echo "$WORD" >/srv/word && test "$(id -u)" = 0
RUN ["sh", "-c", "echo exec-form >/srv/form"]
COPY file /srv/file
RUN --mount=type=tmpfs,target=/tmp/t --mount=type=cache,target=/var/cache/c echo x >/tmp/t/x && touch /var/cache/c/y
RUN ip -o link | wc -l >/srv/links
USER tester
WORKDIR /tmp/work
RUN id -u >/tmp/uid; pwd >/tmp/pwd
FROM localhost/busybox:test
COPY --from=first /srv /srv
COPY --from=first /tmp /srv/tmp
RUN ls /srv >/tmp/list && tr '\n' ' ' </tmp/list >/srv/list
CMD ["sh", "-c", "cat /srv/word /srv/form /srv/file /srv/links /srv/tmp/uid /srv/tmp/pwd /srv/list"]
EOF_FILE
    run build "$BATS_TEST_TMPDIR/Containerfile" --build-arg word=given --layers=false
    exits 0
    run -0 prun --rm localhost/built:test
    is $'given\nexec-form\ncopied\n1\n1000\n/tmp/work\nfile form links tmp word '
}

@test "buildah build: a RUN that fails ends the build with its status and leaves nothing" {
    printf 'FROM localhost/busybox:test\nRUN exit 7\n' >"$BATS_TEST_TMPDIR/Containerfile"
    run build "$BATS_TEST_TMPDIR/Containerfile"
    exits 7
    contains "exit status 7"
    printf 'FROM localhost/busybox:test\nRUN ["/no/such/program"]\n' >"$BATS_TEST_TMPDIR/Containerfile"
    run build "$BATS_TEST_TMPDIR/Containerfile"
    [ "$status" -ne 0 ]
    contains /no/such/program
    run buildah containers -q
    is ""
}

@test "buildah build: secrets and limits reach the RUN step" {
    echo s3cret >"$BATS_TEST_TMPDIR/secret"
    cat >"$BATS_TEST_TMPDIR/Containerfile" <<'EOF_FILE'
FROM localhost/busybox:test
RUN --mount=type=secret,id=word cat /run/secrets/word && ulimit -n && test ! -e /run/nothing
RUN test ! -s /run/secrets/word
EOF_FILE
    run build "$BATS_TEST_TMPDIR/Containerfile" --secret "id=word,src=$BATS_TEST_TMPDIR/secret"
    exits 0
    contains $'s3cret\n1000\n'
}

@test "podman build: RUN steps, layers kept, the image runs" {
    printf '%s\n' 'FROM localhost/busybox:test' 'RUN echo one >/srv/one' \
        'RUN cat /srv/one >/srv/two && cat /proc/self/cgroup' >"$BATS_TEST_TMPDIR/Containerfile"
    pbuild() {
        podman build --network none --cgroup-parent "/$ENGINE_MARK/build" --pull-never --layers \
            -t localhost/built:test -f "$BATS_TEST_TMPDIR/Containerfile" "$BATS_TEST_TMPDIR/share"
    }
    run pbuild
    exits 0
    contains ":/$ENGINE_MARK/build"
    run -0 prun --rm localhost/built:test cat /srv/one /srv/two
    is $'one\none'
    run pbuild
    exits 0
    contains "Using cache"
    podman rmi -f localhost/built:test
}

@test "podman build: a Debian installs nothing but runs its own tools in RUN" {
    needs_debian
    printf '%s\n' 'FROM localhost/debian:test' \
        'RUN dpkg --list >/srv/list && perl -e "print qq(perl ok\n)" && useradd -m made' \
        >"$BATS_TEST_TMPDIR/Containerfile"
    run podman build --network none --cgroup-parent "/$ENGINE_MARK/build" --pull-never --layers=false \
        -t localhost/built:test -f "$BATS_TEST_TMPDIR/Containerfile" "$BATS_TEST_TMPDIR/share"
    exits 0
    contains "perl ok"
    run -0 prun --rm -u made localhost/built:test sh -c 'id -un; wc -l </srv/list'
    contains made
    podman rmi -f localhost/built:test
}
