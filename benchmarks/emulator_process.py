"""The emulator as a quota and nothing else: it checks neither signatures nor records, and keeps no lake.

python -m benchmarks.emulator_process LEDGER --rate 500 --burst 50 --latency-ms 0

The command ``scn-loader emulator`` always does, and would itself be what limits a load.
"""

import argparse
from pathlib import Path

from loader.emulator import EmulatorSettings, FaultPlan, QuotaSettings, run_emulator


def main() -> None:
    """Run it until it is stopped."""
    parser = argparse.ArgumentParser(description="the emulator as a quota")
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--burst", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--faults", type=Path)
    options = parser.parse_args()
    settings = EmulatorSettings(
        verify_signatures=False,
        check_records=False,
        keep_records=False,
        quota=QuotaSettings(rate=options.rate, burst=options.burst),
        latency_seconds=options.latency_ms / 1000,
        ledger_path=options.ledger,
        faults=FaultPlan.from_file(options.faults) if options.faults else FaultPlan(),
    )
    run_emulator(settings, port=0, announce=lambda url: print(url, flush=True))


if __name__ == "__main__":
    main()
