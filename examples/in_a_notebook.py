"""Load on a running event loop, as in a notebook: a notebook needs no ``asyncio.run`` around it."""

import asyncio

import polars as pl

from loader import EventState, Job, LoadSummary, load, stream_load

ROWS = pl.DataFrame({"id": ["4500000001", "4500000002"], "tpartner_id": ["000043", "000044"]})

JOB = Job(
    event_type="scn.data.inboundorder",
    instance_id="8928ae12-15e5-4441-825d-ec2184f0a43a",
    region="us-east-1",
)


async def main() -> LoadSummary:
    """Load the rows; then load them again, and look at each result as it comes."""
    await load(JOB, frame=ROWS)
    stream = stream_load(JOB.model_copy(update={"restart": True}), frame=ROWS)
    async for result in stream:
        if result.state is EventState.FAILED:
            print(result.event.group, result.code)
    return stream.summary


if __name__ == "__main__":
    print(asyncio.run(main()).events_accepted)
