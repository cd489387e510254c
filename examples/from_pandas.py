"""Load a DataFrame of pandas: the last step of a pipeline."""

import pandas as pd

from loader import Job, LoadSummary, run_load


def orders() -> pd.DataFrame:
    """Return the rows to load. Texts stay texts: ``dtype`` keeps the zeros of ``000043``."""
    return pd.DataFrame(
        {
            "id": pd.Series(["4500000001", "4500000002"], dtype="str"),
            "tpartner_id": pd.Series(["000043", "000044"], dtype="str"),
            "submitted_date": pd.to_datetime(["2026-01-05T08:00:00Z", "2026-01-06T09:30:00Z"]),
        }
    )


def main() -> LoadSummary:
    """Load the rows and return how it ended."""
    job = Job(
        event_type="scn.data.inboundorder",
        instance_id="8928ae12-15e5-4441-825d-ec2184f0a43a",
        region="us-east-1",
    )
    summary = run_load(job, frame=orders())
    print(f"{summary.events_accepted} events accepted, exit code {int(summary.exit_code)}")
    return summary


if __name__ == "__main__":
    raise SystemExit(main().exit_code)
