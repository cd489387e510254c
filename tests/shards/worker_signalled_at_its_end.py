"""A worker that receives SIGTERM when its shard is done, before it reports its end."""

import os
import signal
from typing import Any

from loader.runners.worker import ToParent, main


class SignalledAtItsEnd(ToParent):
    """Messages to the parent, with a signal of the parent just before the last one."""

    def send(self, **values: Any) -> None:
        """Write one message."""
        if "end" in values:
            os.kill(os.getpid(), signal.SIGTERM)
        super().send(**values)


if __name__ == "__main__":
    main(SignalledAtItsEnd())
