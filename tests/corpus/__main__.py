"""Try the loader on a folder of files that others wrote: ``make corpus CORPUS=FOLDER``.

Every file is planned and drafted by the whole command, and every accepted value compared with another reader.
Writes all verdicts as JSON and the counts into docs/reliability.md. Ends with 1 if anything was wrong.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import orjson

from tests.corpus.apart import try_apart
from tests.corpus.page import with_section
from tests.corpus.report import section
from tests.faults.reliability import LIMITS_HEADING

PATTERN = (".parquet", ".parq", ".pq", ".csv", ".tsv", ".tab", ".psv", ".ndjson", ".jsonl")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="a folder of files")
    parser.add_argument("--report", type=Path, help="Markdown page that gets the counts")
    parser.add_argument(
        "--verdicts", type=Path, default=Path("corpus.json"), help="JSON file of all verdicts"
    )
    parser.add_argument("--jobs", type=int, default=2, help="files at a time")
    parser.add_argument("--every", type=int, default=1, help="try every Nth file only")
    parser.add_argument("--only", default="", help="try files with this text in their name only")
    options = parser.parse_args()
    corpus: Path = options.corpus.resolve()
    files = [path for path in files_of(corpus) if options.only in str(path)][:: options.every]
    verdicts = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for verdict in pool.map(lambda path: try_apart(path, corpus), files):
            verdicts.append(verdict)
            lines = [verdict.outcome, *verdict.wrong, *verdict.differs]
            print(f"{len(verdicts)}/{len(files)} {verdict.file}: {'; '.join(lines)}", flush=True)
    documents = [asdict(verdict) | {"outcome": verdict.outcome} for verdict in verdicts]
    options.verdicts.write_bytes(orjson.dumps(documents, option=orjson.OPT_INDENT_2))
    text = section(verdicts, datetime.now(UTC).date())
    print(text)
    if options.report:
        page = options.report.read_text(encoding="utf-8")
        options.report.write_text(with_section(page, text, LIMITS_HEADING), encoding="utf-8")
    return int(any(verdict.wrong for verdict in verdicts))


def files_of(corpus: Path) -> Iterator[Path]:
    """Yield the files of a corpus, in the order of their names."""
    for path in sorted(corpus.rglob("*")):
        suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
        if path.is_file() and any(suffix in PATTERN for suffix in suffixes):
            yield path


if __name__ == "__main__":
    sys.exit(main())
