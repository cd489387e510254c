"""Earlier loads of a run directory: which stay, and which are removed by a rule."""
