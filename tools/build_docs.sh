#!/usr/bin/env bash
# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes a site in .cache/docs/html of what the plugins say of themselves and of the pages in docs/. A warning is an error.

set -euo pipefail

rst=.cache/docs/rst
rm -rf .cache/docs
mkdir -p "$rst/guides" "$rst/collections"
chmod go-w .cache/docs "$rst" "$rst/collections" # antsibull-docs insists
cp tools/docs/index.rst "$rst/"
find docs -maxdepth 1 -name '*.md' -exec cp {} "$rst/guides/" \;

antsibull-docs --config-file tools/docs/antsibull-docs.cfg collection --use-current --squash-hierarchy \
    --dest-dir "$rst/collections" lifeboat.backup
sphinx-build --quiet --fail-on-warning --keep-going --jobs 2 --builder html --conf-dir tools/docs \
    --doctree-dir .cache/docs/doctrees "$rst" .cache/docs/html
echo "The site begins at $PWD/.cache/docs/html/index.html"
