"""``python -m loader`` is ``scn-loader``."""

from loader.cli import run

if __name__ == "__main__":
    run()
