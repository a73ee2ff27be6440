#!/usr/bin/env bash
# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Prints the path of the first Python, in the order of the versions given, that really runs and can make a virtual
# environment. A name on PATH is not enough: version managers put programs there that only say "not installed", and
# the one in a virtual environment goes when that is made anew.
#
#   tools/find_python.sh 3.13 3.12 3.11

set -euo pipefail

runs() { # runs PATH VERSION
    "$1" -c "
import ensurepip, ssl, sys, venv
sys.exit(sys.prefix != sys.base_prefix or '%d.%d' % sys.version_info[:2] != '$2')
" >/dev/null 2>&1
}

for version in "$@"; do
    while read -r candidate; do
        if [[ -x $candidate ]] && runs "$candidate" "$version"; then
            printf '%s\n' "$candidate"
            exit 0
        fi
    done < <(
        type -a -P "python$version"
        printf '%s\n' "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version".*/bin/python"$version" | sort --version-sort --reverse
        type -a -P python3
    )
done
echo "Needs Python $(printf '%s' "${*/%/,}" | sed 's/,$//; s/, \([^,]*\)$/ or \1/') with its venv module (Debian: python3-venv)." >&2
exit 1
