"""The storage of the emulator: the lake, the ledger of calls, the order of groups."""
