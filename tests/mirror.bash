# SPDX-License-Identifier: Apache-2.0
# mirror: where the host's own apt sources have Debian from. Sourced.

debian_mirror() {
    # shellcheck disable=SC2016  # apt's own variables
    apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 == "main" && $3 !~ /-/ { print $4; exit }'
}
