"""A worker that is killed when it has opened its checkpoint, as when memory runs out."""

import os
import signal
from typing import Any

from loader.runners.worker import ToParent, main


class KilledAtItsBeginning(ToParent):
    """Messages to the parent; the one that the load has begun is the last."""

    def send(self, **values: Any) -> None:
        """Write one message."""
        super().send(**values)
        if "opened" in values:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(KilledAtItsBeginning())
