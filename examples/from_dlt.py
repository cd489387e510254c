"""A dlt pipeline whose destination is AWS Supply Chain. Needs: pip install 'scn-loader[dlt]'."""

import dlt

from loader import Job
from loader.integrations.dlt import scn_destination

RESERVATIONS = [
    {"reservation_id": "000043", "reservation_detail_id": "1", "quantity": 4},
    {"reservation_id": "000044", "reservation_detail_id": "1", "quantity": 2},
]


def main() -> None:
    """Run the pipeline; it raises an exception if a job failed."""
    job = Job(
        event_type="scn.data.reservation",
        instance_id="8928ae12-15e5-4441-825d-ec2184f0a43a",
        region="us-east-1",
    )
    pipeline = dlt.pipeline("reservations", destination=scn_destination(job, run_dir="runs"))
    print(pipeline.run(dlt.resource(RESERVATIONS, name="reservation")))


if __name__ == "__main__":
    main()
