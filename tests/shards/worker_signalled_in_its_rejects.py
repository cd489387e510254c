"""A worker that receives SIGTERM when it has sent all of its shard and writes the rejected rows."""

from loader.runners.worker import ToParent, main
from tests.process.signalled_at import signal_at

if __name__ == "__main__":
    signal_at("loader.loading.running.session:LoadSession._keep_rejects")
    main(ToParent())
