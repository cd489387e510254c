"""The earlier loads of a run directory, and their removal by a rule."""
