"""The sizes of ``make bench``: in full, and tiny ones that only show that everything runs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of the measurements.

    Attributes:
        rounds: Number of rounds; clients alternate within a round.
        peer_seconds: Duration of the measurement of a peer or a ceiling.
        row_rows: Rows that are loaded with one row per event.
        aiohttp_rows: The same with the reference transport.
        peer_rows: Rows of a peer.
        tls_rows: Rows that are loaded with and without TLS, with one row per event.
        tls_packed_rows: The same for packed loads.
        packed_rows: Rows of a packed load; also the larger load of the growth measurement.
        small_rows: Rows of the smaller load.
        csv_rows: Rows of the CSV extract.
        memory_rows: Rows of the packed load whose memory is measured.
        memory_row_rows: Rows of the load with one row per event whose memory is measured.
        checkpoint_rows: Rows that are loaded with and without a checkpoint.
        checkpoint_rounds: Number of rounds of it: a few per cent are to be seen.
        starts: Number of measurements of the start.
        done_share: Finished share of a load when it is resumed.
        compiles: Whether the loader is compiled, which takes minutes, and measured beside the plain one.
    """

    rounds: int
    peer_seconds: float
    row_rows: int
    aiohttp_rows: int
    peer_rows: int
    tls_rows: int
    tls_packed_rows: int
    packed_rows: int
    small_rows: int
    csv_rows: int
    memory_rows: int
    memory_row_rows: int
    checkpoint_rows: int
    checkpoint_rounds: int
    starts: int
    done_share: float
    compiles: bool


# So long that little of it is the start of Python and the search for a limit: six seconds together.
FULL = Sizes(
    rounds=2,
    peer_seconds=10.0,
    row_rows=1_000_000,
    aiohttp_rows=200_000,
    peer_rows=300_000,
    tls_rows=300_000,
    tls_packed_rows=3_000_000,
    packed_rows=10_000_000,
    small_rows=1_000_000,
    csv_rows=2_000_000,
    memory_rows=2_000_000,
    memory_row_rows=500_000,
    checkpoint_rows=200_000,
    checkpoint_rounds=7,
    starts=5,
    done_share=0.99,
    compiles=True,
)
QUICK = Sizes(
    rounds=1,
    peer_seconds=1.0,
    row_rows=5_000,
    aiohttp_rows=5_000,
    peer_rows=5_000,
    tls_rows=5_000,
    tls_packed_rows=50_000,
    packed_rows=200_000,
    small_rows=50_000,
    csv_rows=50_000,
    memory_rows=20_000,
    memory_row_rows=20_000,
    checkpoint_rows=5_000,
    checkpoint_rounds=1,
    starts=2,
    done_share=0.7,
    compiles=False,
)
