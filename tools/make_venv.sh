#!/usr/bin/env bash
# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes a virtual environment hold exactly what a requirements file pins. Does nothing, at once, when it already does.
#
#   tools/make_venv.sh FOLDER REQUIREMENTS VERSION...     (the Python versions that will do, the best one first)

set -euo pipefail

folder=$1
requirements=$2
shift 2
stamp=$folder/.made-from
wanted=$(sha256sum "$requirements" "${BASH_SOURCE[0]}" | cut -d ' ' -f 1 | tr '\n' ' ')

made() { [[ -x $folder/bin/python && -f $stamp && $(<"$stamp") == "$wanted" ]]; }

made && exit 0
mkdir -p "$(dirname "$folder")" .cache/logs

# Several makes may run at the same time
exec 9>".cache/$(basename "$folder").lock"
if command -v flock >/dev/null; then flock 9; fi
made && exit 0

log=.cache/logs/$(basename "$folder").log
python=$("$(dirname "${BASH_SOURCE[0]}")/find_python.sh" "$@")
echo "Making $folder from $requirements with $python ..."
if {
    "$python" -m venv --clear "$folder" &&
        "$folder/bin/python" -m pip install --disable-pip-version-check --quiet \
            --constraint "$requirements" --requirement <(grep '^uv==' "$requirements" || echo uv) &&
        "$folder/bin/uv" pip install --quiet --python "$folder/bin/python" --requirement "$requirements" ||
        "$folder/bin/python" -m pip install --disable-pip-version-check --quiet --requirement "$requirements"
} >"$log" 2>&1; then
    echo "$wanted" >"$stamp"
else
    cat "$log" >&2
    echo "$folder could not be made; what pip and uv said is above and in $log." >&2
    exit 1
fi
