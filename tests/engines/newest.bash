# SPDX-License-Identifier: Apache-2.0
#
# Engines of Debian sid on the host: unpacked, not installed. They need no newer C library than the host's.
# Needs root and, the first time, the network (see tests/bench/peers for the mirror).
#
#   BERTH_ENGINES   `host` (default): the engines that the host has installed; `sid`: the newest that Debian has
#   BERTH_CACHE     where they are kept between runs (default: /var/cache/berth-tests)

engines_dir() {
    echo "${BERTH_CACHE:-/var/cache/berth-tests}/sid-engines"
}

# engines_choose PACKAGE...: puts those packages' programs first in PATH where sid is asked for. Where they are not to
# be had, ENGINE_SKIP says why.
engines_choose() {
    local dir package
    dir=$(engines_dir)
    [ "${BERTH_ENGINES:-host}" = sid ] || return 0
    mkdir -p "$dir"
    (
        flock 9
        for package; do
            [ ! -d "$dir/$package" ] || continue
            engine_unpack "$package" "$dir" || exit
        done
    ) 9>"$dir.lock" || ENGINE_SKIP="sid's engines could not be had, see $dir/*.log"
    for package; do
        PATH=$dir/$package/usr/sbin:$dir/$package/usr/bin:$PATH
    done
    export PATH
}

# engine_unpack PACKAGE DIR: the package's files below DIR/PACKAGE, all or nothing.
engine_unpack() {
    local peers=${BASH_SOURCE[0]%/*}/../bench/peers stage=$2/$1.part
    rm -rf "$stage"
    mkdir "$stage"
    {
        "$peers" make &&
            "$peers" enter --bind "$stage" -- apt-get -o Acquire::Check-Valid-Until=false download "$1" &&
            dpkg-deb -x "$stage"/*.deb "$stage/root" && mv "$stage/root" "$2/$1"
    } >"$2/$1.log" 2>&1 || return
    rm -rf "$stage"
}
