# SPDX-License-Identifier: Apache-2.0
# setup: what tests/try and tests/all share: packages, builds, the cache. Sourced; needs root on Debian.

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export BERTH_CACHE=${BERTH_CACHE:-/var/cache/berth-tests}

build_packages=(gcc libc6-dev musl-tools cmake make pkg-config python3 libyajl-dev libseccomp-dev libsystemd-dev git)

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# Installs what is not there yet; asks the archive for its lists only when something is.
install_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    echo "installing ${missing[*]}"
    apt-get -o DPkg::Lock::Timeout=300 update -qq || fail "apt-get update failed"
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends \
        "${missing[@]}" >/dev/null || fail "cannot install: ${missing[*]}"
}

# build DIR [CMAKE-OPTION...]: configures and builds; quiet when it works.
build() {
    local dir=$1
    shift
    mkdir -p "$dir"
    if ! { cmake -S "$source_dir" -B "$dir" "$@" && cmake --build "$dir" -j "$(nproc)"; } >"$dir/build.log" 2>&1; then
        grep -E -A6 'error|undefined reference|CMake Error' "$dir/build.log" | head -60 >&2
        fail "the build in $dir failed; all of it: $dir/build.log"
    fi
}
