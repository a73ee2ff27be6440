# Copyright (c) 2026, the Lifeboat authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx makes the site of "make docs"."""

from __future__ import annotations

project = "lifeboat.backup"
title = html_short_title = "lifeboat.backup"
author = "the Lifeboat authors"
project_copyright = "2026, the Lifeboat authors"

extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_use_modindex = False
html_use_index = False
html_copy_source = False
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
default_role = "any"
myst_heading_anchors = 3
suppress_warnings = [
    "myst.xref_missing",  # guides lead to files of the checkout, which are not on the site
    "ref.any",  # what ansible-core documents is elsewhere
    "ref.ref",
]
