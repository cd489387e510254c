"""Configuration of the documentation site: ``make docs`` builds it with Sphinx."""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from generated_reference import write_reference

write_reference()

project = "scn-loader"
author = "the scn-loader authors"
version = release = version_of("scn-loader")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"scn-loader {version}"
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
# Types of libraries that have no inventory on this machine: the build never asks the network.
nitpicky = False
