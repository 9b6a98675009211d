#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The runtime under BuildKit, as dockerd has it built in: it calls `run`, polls `state`, and calls `kill` and `delete`,
# without shim and without containerd. Needs root and Debian's docker.io.
#
# Docker 20.10's BuildKit takes `runc` from PATH, whatever the default runtime is: so the daemon finds the runtime under
# test by that name. What it is called with is noted: no step can pass by another runtime's help. As
# in docker_net.bats the daemon lives in a network namespace of its own.

source "${BATS_TEST_DIRNAME}/docker.bash"

DOCKER_NEEDS=(iptables ip)

setup_file() {
    # Docker 28's client has no builder of its own.
    if [ "${BERTH_ENGINES:-host}" = sid ]; then
        engines_choose docker-buildx
    fi
    docker_open unshare --net sh -c 'ip link set lo up && mkdir "$ENGINE_WORK/path"
        printf "%s\n" "#!/bin/sh" "echo \"\$*\" >>$ENGINE_WORK/calls" "exec $ENGINE_RUNTIME \"\$@\"" \
            >"$ENGINE_WORK/path/runc"
        chmod 0755 "$ENGINE_WORK/path/runc"
        PATH=$ENGINE_WORK/path:$PATH exec "$@"' - -- --bip 172.30.99.1/24
    engine_opened || return 0
    if [ "${BERTH_ENGINES:-host}" = sid ]; then
        mkdir -p "$DOCKER_CONFIG/cli-plugins"
        ln -s "$(engines_dir)/docker-buildx/usr/libexec/docker/cli-plugins/docker-buildx" "$DOCKER_CONFIG/cli-plugins/"
    fi
}

teardown_file() {
    docker_close
}

setup() {
    engine_test
    export DOCKER_BUILDKIT=1
    : >"$ENGINE_WORK/calls"
}

teardown() {
    engine_opened || return 0
    docker builder prune -af >/dev/null
    remove_all
    audit_end
}

# build NAME [ARGS...]: Dockerfile on the input; the context is the test's share directory.
build() {
    local name=$1
    shift
    cat >"$BATS_TEST_TMPDIR/share/Dockerfile"
    docker build --progress plain -t "$name" "$@" "$BATS_TEST_TMPDIR/share"
}

# calls COMMAND: how often the runtime was called with it. called COMMAND: whether it was.
calls() {
    grep -cE "(^| )$1 " "$ENGINE_WORK/calls"
}

called() {
    calls "$1" >/dev/null
}

# BuildKit gives no --root: what a container leaves there is found by the names of those that ran.
audit_state_paths() {
    sed -nE 's/.* run .* ([a-z0-9]+)$/\1/p' "$ENGINE_WORK/calls" 2>/dev/null | while read -r id; do
        compgen -G "/run/$ENGINE_KIND/$id" || true
    done
}

@test "buildkit: RUN steps of every kind, and the image runs" {
    echo copied >"$BATS_TEST_TMPDIR/share/file"
    run -0 build built:test --build-arg WORD=given <<'END'
FROM busybox:test
ARG WORD
ENV KEPT=kept
WORKDIR /srv/deep
COPY --chown=1000:1000 file .
RUN echo "$WORD $KEPT $(pwd)" >said && stat -c %u file >>said
RUN ["sh", "-c", "umask >>said; id -u >>said"]
USER tester
RUN id -u >/tmp/who && ! touch /root-only 2>/dev/null
USER root
RUN mkdir -m 1711 /made && mkfifo /made/fifo && chown 5:6 /made/fifo
CMD ["cat", "said", "/tmp/who"]
END
    [ "$(calls run)" = 4 ]
    run -0 drun --rm built:test
    is $'given kept /srv/deep\n1000\n0022\n0\n1000'
    run -0 drun --rm built:test stat -c '%A %u:%g' /made /made/fifo
    is $'drwx--x--t 0:0\nprw-r--r-- 5:6'
    docker rmi built:test
}

@test "buildkit: a step that fails fails the build with its code and its words" {
    run ! build failing:test <<'END'
FROM busybox:test
RUN echo before; exit 7
END
    contains before
    contains "code: 7"
    run ! build failing:test <<'END'
FROM busybox:test
RUN ["/no/such/program"]
END
    contains "/no/such/program"
    contains "no such file or directory"
}

@test "buildkit: a step is confined" {
    run -0 build confined:test --no-cache <<'END'
FROM busybox:test
RUN grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status >/said; ls /proc/self/fd | wc -l >>/said; \
    (unshare -U true) 2>/dev/null || echo refused >>/said; (: >>/proc/sys/kernel/panic) 2>/dev/null || echo ro >>/said
END
    run -0 drun --rm confined:test cat /said
    is $'CapEff:\t00000000a80425fb\nNoNewPrivs:\t0\nSeccomp:\t2\n4\nrefused\nro'
    docker rmi confined:test
}

@test "buildkit: stages side by side, cache mounts, secrets, tmpfs, bind mounts" {
    echo hidden >"$BATS_TEST_TMPDIR/secret"
    echo shown >"$BATS_TEST_TMPDIR/share/file"
    run -0 build mounts:test --secret "id=word,src=$BATS_TEST_TMPDIR/secret" <<'END'
FROM busybox:test AS one
RUN echo one >/out
FROM busybox:test AS two
RUN echo two >/out
FROM busybox:test
RUN --mount=type=cache,target=/cache echo kept >/cache/word
RUN --mount=type=cache,target=/cache cat /cache/word >/said
RUN --mount=type=secret,id=word cat /run/secrets/word >>/said
RUN --mount=type=tmpfs,target=/scratch stat -fc %T /scratch >>/said
RUN --mount=type=bind,target=/context cat /context/file >>/said && ! touch /context/x 2>/dev/null
COPY --from=one /out /one
COPY --from=two /out /two
END
    run -0 drun --rm mounts:test sh -c 'cat /said /one /two; ls /run/secrets 2>/dev/null; true'
    is $'kept\nhidden\ntmpfs\nshown\none\ntwo'
    docker rmi mounts:test
}

@test "buildkit: a build that is broken off leaves no process" {
    local client
    cat >"$BATS_TEST_TMPDIR/share/Dockerfile" <<'END'
FROM busybox:test
RUN echo be""gun; exec sleep 4321
END
    "$DOCKER" build --progress plain -t broken:test "$BATS_TEST_TMPDIR/share" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
    client=$!
    wait_until 20 grep -q begun "$BATS_TEST_TMPDIR/out"
    kill -INT "$client"
    wait "$client" || true
    wait_until 20 called kill
    audit_end
}
