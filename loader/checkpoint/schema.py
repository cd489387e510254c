"""The tables of a checkpoint and the version of their format.

The checkpoint is one file, ``checkpoint.sqlite``. An accepted event needs only its receipt. ``receipts`` has
one blob per window, with 16 bytes per event at ``16 * event_index``. They are zero until the event is
accepted, so the blob also shows which events are accepted. Rejected rows, and events that failed, are in
doubt or were held back, are rare and have one readable row each.

``check_whole`` compares the definitions below with the stored ones, without comments. A change of a
definition needs a new format version.
"""

import sqlite3

APPLICATION_ID = 0x53434E4C  # "SCNL": distinguishes a checkpoint from other SQLite files of the same name
FORMAT_VERSION = 15
"""The version of the format. Other versions cannot be resumed, because their tokens and marks differ.

2: rejected rows have codes. 4: a token is a hash of the start of the request's body. 5: marks name events.
6: generations. 7: samples. 8: times of change. 9: windows over files. 10: swallowed lines. 11: verdicts.
12: shards. 13: rules without defaults. 14: rows of sheets. 15: gaps."""

_SCHEMA = """
CREATE TABLE load (
    id         TEXT NOT NULL,
    created_at REAL NOT NULL,          -- epoch seconds, as every other *_at
    settings   TEXT NOT NULL,          -- the plan settings, as JSON
    command    TEXT NOT NULL,          -- the command line of the load, if it is known
    generation INTEGER NOT NULL,       -- number of earlier loads of the run directory
    window_rows INTEGER NOT NULL,      -- rows of a window, and of each of its slices
    slice_rows INTEGER NOT NULL
);
CREATE TABLE connection (              -- settings of the last connection; they do not change events
    settings TEXT NOT NULL);           -- as JSON
CREATE TABLE files (
    number      INTEGER PRIMARY KEY,
    path        TEXT NOT NULL,
    format      TEXT NOT NULL,
    size_bytes  INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    copy        INTEGER NOT NULL,
    rows        INTEGER,
    changed_ns  INTEGER NOT NULL,      -- ctime; it and the inode are 0 if unknown
    inode       INTEGER NOT NULL,
    rows_before INTEGER NOT NULL       -- rows of a sheet up to its header; sheets count them as rows
);
CREATE TABLE windows (
    number        INTEGER PRIMARY KEY,
    file          INTEGER NOT NULL,    -- file of its first row
    first_row     INTEGER NOT NULL,    -- counted from 0 in the file
    rows_read     INTEGER NOT NULL,    -- this and the next five: planned so far, by this shard
    rows_filtered INTEGER NOT NULL,
    rows_rejected INTEGER NOT NULL,
    records       INTEGER NOT NULL,
    events        INTEGER NOT NULL,
    rows_filtered_unknown INTEGER NOT NULL,  -- rows of rows_filtered whose filter value is unknown
    slices        INTEGER NOT NULL,
    is_whole      INTEGER NOT NULL,    -- whether it was planned to its end
    accepted      INTEGER NOT NULL DEFAULT 0,
    opened_at     REAL NOT NULL,
    finished_at   REAL                 -- time of the last result of its events
);
CREATE TABLE slices (                  -- parts of windows, each planned at one time
    window        INTEGER NOT NULL,
    number        INTEGER NOT NULL,    -- counted from 0 in its window
    first_index   INTEGER NOT NULL,    -- index of its first event
    events        INTEGER NOT NULL,
    ends_window   INTEGER NOT NULL,
    plan_digest   BLOB NOT NULL,       -- digest of the tokens of its events
    places        BLOB NOT NULL,       -- per event: its first row in the window, and 4 bytes of its token
    PRIMARY KEY (window, number)
) WITHOUT ROWID;
CREATE TABLE slice_files (             -- counts of the rows of each file in a slice
    window        INTEGER NOT NULL,
    slice         INTEGER NOT NULL,
    file          INTEGER NOT NULL,
    first_row     INTEGER NOT NULL,
    rows_read     INTEGER NOT NULL,
    rows_filtered INTEGER NOT NULL,
    rows_rejected INTEGER NOT NULL,
    records       INTEGER NOT NULL,
    last_of_file  INTEGER NOT NULL,    -- whether the file ends in the slice
    rows_filtered_unknown INTEGER NOT NULL,
    lines_swallowed INTEGER NOT NULL,  -- lines of rejected rows, without the first line of each row
    rows_elsewhere INTEGER NOT NULL,   -- rows of rows_read that other shards deliver
    PRIMARY KEY (window, slice, file)
) WITHOUT ROWID;
CREATE TABLE receipts (                -- substr(event_ids, 16 * event_index + 1, 16) is the eventId
    window    INTEGER PRIMARY KEY,
    event_ids BLOB NOT NULL
);
CREATE TABLE odd_receipts (            -- accepted, with a receipt that is not a UUID
    window      INTEGER NOT NULL,
    event_index INTEGER NOT NULL,
    event_id    TEXT NOT NULL,
    PRIMARY KEY (window, event_index)
) WITHOUT ROWID;
CREATE TABLE events (                  -- events with a result other than accepted
    token            TEXT,             -- clientToken; null after a crash, until the window is planned again
    state            TEXT NOT NULL,    -- failed, in_doubt, unprocessed
    window           INTEGER NOT NULL,
    event_index      INTEGER NOT NULL,
    file             INTEGER NOT NULL, -- file of its first row
    first_row        INTEGER,
    last_file        INTEGER,          -- file of its last row
    last_row         INTEGER,
    rows             INTEGER,
    rows_by_file     TEXT,             -- JSON: [file, rows] of each file, if there are several
    event_group      TEXT,
    code             TEXT NOT NULL,
    message          TEXT NOT NULL,
    attempts         INTEGER NOT NULL,
    first_attempt_at REAL,
    last_attempt_at  REAL,
    run              INTEGER NOT NULL, -- the run that wrote this row last
    PRIMARY KEY (window, event_index)
) WITHOUT ROWID;
CREATE TABLE parts (                   -- results of the parts of events that the service refused as a whole
    window       INTEGER NOT NULL,
    event_index  INTEGER NOT NULL,
    first_record INTEGER NOT NULL,     -- counted from 0 in the event
    records      INTEGER NOT NULL,
    token        TEXT NOT NULL,        -- clientToken of the part
    state        TEXT NOT NULL,        -- divided (the halves have rows of their own), accepted, failed
    event_id     TEXT,
    file         INTEGER NOT NULL,     -- file of its first row
    first_row    INTEGER NOT NULL,
    last_file    INTEGER NOT NULL,     -- file of its last row
    last_row     INTEGER NOT NULL,
    rows_by_file TEXT,                 -- JSON: [file, rows] of each file, if there are several
    code         TEXT NOT NULL,
    message      TEXT NOT NULL,
    verdict      INTEGER NOT NULL DEFAULT 0,  -- Verdict of an accepted part: loader/checkpoint/verdicts.py
    PRIMARY KEY (window, event_index, first_record, records)
) WITHOUT ROWID;
CREATE TABLE verdicts (                -- verdicts of accepted events: half a byte for each
    window INTEGER PRIMARY KEY,
    states BLOB NOT NULL               -- Verdict; low half of byte n: event 2n, high half: event 2n + 1
);
CREATE TABLE failed_loads (            -- accepted events whose records are not in the data lake
    window       INTEGER NOT NULL,
    event_index  INTEGER NOT NULL,
    first_record INTEGER NOT NULL,     -- first record of the part; 0 for a whole event
    message      TEXT NOT NULL,        -- the service's message (may quote the payload)
    PRIMARY KEY (window, event_index, first_record)
) WITHOUT ROWID;
CREATE INDEX events_by_token ON events (token);
CREATE TABLE rejected (
    file   INTEGER NOT NULL,
    row    INTEGER NOT NULL,
    column TEXT NOT NULL,
    code   TEXT NOT NULL,              -- a code of loader/reject_code.py
    reason TEXT NOT NULL,
    value  TEXT NOT NULL
);
CREATE TABLE marks (                   -- events of the window that may be sent from marked_at on
    window    INTEGER NOT NULL,
    number    INTEGER NOT NULL,        -- counted in a run; a later mark replaces an earlier one
    marked_at REAL NOT NULL,
    indexes   BLOB NOT NULL,           -- first and last of each run, in 4 bytes, little-endian
    PRIMARY KEY (window, number)
) WITHOUT ROWID;
CREATE TABLE gaps (since REAL NOT NULL, below_window INTEGER NOT NULL); -- loader/checkpoint/start/gaps.py
CREATE TABLE runs (
    number       INTEGER PRIMARY KEY,
    pid          INTEGER NOT NULL,
    retry_failed INTEGER NOT NULL,
    started_at   REAL NOT NULL,
    ended_at     REAL,                 -- null: the run goes on, or was killed
    cause        TEXT,
    exit_code    INTEGER,
    complete     INTEGER,
    attempts     INTEGER,
    throttled    INTEGER,
    retried      INTEGER,
    seconds      REAL
);
CREATE TABLE samples (                 -- rates and limits over time: loader/checkpoint/samples.py
    number                     INTEGER PRIMARY KEY,
    start_seconds              REAL NOT NULL,    -- seconds of work, over all runs
    seconds                    REAL NOT NULL,
    attempted                  INTEGER NOT NULL,
    accepted                   INTEGER NOT NULL,
    throttled                  INTEGER NOT NULL,
    retried                    INTEGER NOT NULL,
    failed                     INTEGER NOT NULL,
    rejected_rows              INTEGER NOT NULL,
    rate_allowed               REAL,             -- this and the next two: at the end of the period
    in_flight                  INTEGER NOT NULL,
    held_bytes                 INTEGER NOT NULL,
    limits                     TEXT NOT NULL,    -- JSON: seconds by limiting factor
    round_trips                TEXT NOT NULL,    -- JSON: a histogram of loader/latency.py
    longest_round_trip_seconds REAL NOT NULL
);
CREATE VIEW failed_parts AS            -- refused parts of failed events, most often single records
    SELECT parts.* FROM parts JOIN events USING (window, event_index)
    WHERE parts.state = 'failed' AND events.state = 'failed' AND events.code <> 'InDoubtSkipped';
CREATE VIEW window_ends AS             -- the last row of each window that was planned so far
    SELECT window, file, max(first_row + rows_read - 1) AS last_row FROM slice_files
    WHERE (window, slice, file) IN (SELECT window, max(slice), max(file) FROM slice_files
                                    WHERE rows_read > 0 GROUP BY window)
    GROUP BY window;
CREATE VIEW events_readable AS         -- an event that failed for some records has a row for each of them
    SELECT coalesce(failed_parts.token, events.token) AS token, events.state, first_files.path AS file,
           coalesce(failed_parts.first_row, events.first_row, windows.first_row)
               + coalesce(first_files.rows_before, 0) AS first_row,
           last_files.path AS last_file,
           coalesce(failed_parts.last_row, events.last_row, window_ends.last_row)
               + coalesce(last_files.rows_before, 0) AS last_row,
           coalesce(failed_parts.records, events.rows) AS rows, event_group,
           coalesce(failed_parts.code, events.code) AS code,
           coalesce(failed_parts.message, events.message) AS message, attempts,
           strftime('%Y-%m-%dT%H:%M:%fZ', first_attempt_at, 'unixepoch') AS first_attempt,
           strftime('%Y-%m-%dT%H:%M:%fZ', last_attempt_at, 'unixepoch') AS last_attempt,
           events.window, events.event_index, coalesce(failed_parts.first_record, 0) AS first_record
    FROM events JOIN windows ON windows.number = events.window
                LEFT JOIN failed_parts USING (window, event_index)
                LEFT JOIN window_ends ON window_ends.window = events.window
               LEFT JOIN files AS first_files ON first_files.number = coalesce(failed_parts.file, events.file)
                LEFT JOIN files AS last_files ON last_files.number
                          = coalesce(failed_parts.last_file, events.last_file, window_ends.file);
CREATE VIEW failures AS                -- refused parts and events so far, also of events without a result
    SELECT window, event_index, first_record, records AS rows, file, first_row, rows_by_file, code, message
    FROM parts WHERE state = 'failed'
    UNION ALL
    SELECT window, event_index, 0, coalesce(rows, 1), file, first_row, rows_by_file, code, message
    FROM events WHERE state = 'failed' AND NOT EXISTS (
        SELECT 1 FROM parts WHERE parts.window = events.window AND parts.event_index = events.event_index
                              AND parts.state = 'failed');
CREATE VIEW runs_readable AS
    SELECT number, strftime('%Y-%m-%dT%H:%M:%fZ', started_at, 'unixepoch') AS started,
           strftime('%Y-%m-%dT%H:%M:%fZ', ended_at, 'unixepoch') AS ended, cause, exit_code, complete,
           attempts, throttled, retried, seconds
    FROM runs;
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Create the tables in an empty file."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
    connection.executescript(_SCHEMA)
