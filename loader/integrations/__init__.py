"""The loader as a part of other tools. Each module needs an extra of its own."""
