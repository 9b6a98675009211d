# SPDX-License-Identifier: Apache-2.0
#
# Shared by the guest's engine tests: units of systemd, and the cgroups behind them. Sourced. UNITS is the pattern of the
# containers' units; arguments in front of a name are systemctl's own (--user and the like).

units() {
    systemctl "$@" list-units --all --plain --no-legend "$UNITS" | awk '$2 != "not-found" && $1 !~ /conmon/ { print $1 }'
}

# no_units: none is left, or will be within a minute.
no_units() {
    local deadline=$((SECONDS + 60))
    while [ -n "$(units "$@")" ]; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "left: $(units "$@")"; return 1; }
        sleep 0.1
    done
}

# property NAME, limit FILE: of the one unit that there is.
property() {
    systemctl show --value -p "$1" "$(units)"
}

limit() {
    cat "/sys/fs/cgroup$(property ControlGroup)/$1"
}

# between VALUE LEAST MOST
between() {
    awk -v v="$1" -v a="$2" -v b="$3" 'BEGIN { exit !(v + 0 >= a && v + 0 <= b) }' ||
        { echo "not between $2 and $3: $1"; return 1; }
}
