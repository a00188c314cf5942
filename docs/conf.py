"""How Sphinx builds the pages of this folder: `make docs`. Every warning is an error."""

import grpc_bridge

project = "grpc_bridge"
author = "The grpc_bridge authors"
version = release = grpc_bridge.__version__

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_show_copyright = False
html_title = f"grpc_bridge {release}"
# Nothing is fetched from elsewhere, neither by the build nor by who reads the site.
html_theme_options = {"footer_icons": []}
