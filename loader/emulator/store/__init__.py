"""What the emulator keeps: the lake, the ledger of calls, the order of groups."""
