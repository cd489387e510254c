"""Points in time, exact to the last digit, and the texts they are written as.

Rule kept here: fractions of a second are carried as digits, never as a float: none is lost, none added.
"""

from dataclasses import dataclass

import polars as pl

from loader.extract.problems import only


@dataclass(frozen=True, slots=True)
class Instants:
    """Points in time, one per row.

    Attributes:
        seconds: Whole epoch seconds, rounded down; null where there is none.
        fraction: The digits after the decimal point without trailing zeros; null where there are none.
    """

    seconds: pl.Series
    fraction: pl.Series

    def iso_8601(self) -> pl.Series:
        """Return UTC texts such as 2024-01-31T23:59:59.5Z."""
        moment = pl.from_epoch(pl.col("seconds"), "s").dt.strftime("%Y-%m-%dT%H:%M:%S")
        return self._select(pl.concat_str(moment, self._point(), pl.lit("Z")))

    def epoch_milliseconds(self) -> pl.Series:
        """Return whole epoch milliseconds as texts; finer digits are cut off."""
        milliseconds = pl.col("fraction").str.head(3).str.pad_end(3, "0").cast(pl.Int64).fill_null(0)
        return self._select((pl.col("seconds") * 1000 + milliseconds).cast(pl.String))

    def epoch_seconds(self) -> pl.Series:
        """Return epoch seconds as decimal texts such as 1515531081.123."""
        texts = self._select(pl.concat_str(pl.col("seconds").cast(pl.String), self._point()))
        # Before 1970 the whole seconds are rounded down, while the digits count up from there.
        early = self._select((pl.col("seconds") < 0) & pl.col("fraction").is_not_null()).fill_null(
            value=False
        )
        if not early.any():
            return texts
        return pl.Series(
            [
                _decimal(seconds, fraction) if is_early else text
                for is_early, text, seconds, fraction in zip(
                    early, texts, self.seconds, self.fraction, strict=True
                )
            ],
            dtype=pl.String,
        )

    def _point(self) -> pl.Expr:
        return pl.concat_str(pl.lit("."), pl.col("fraction")).fill_null("")

    def _select(self, expression: pl.Expr) -> pl.Series:
        frame = pl.DataFrame({"seconds": self.seconds, "fraction": self.fraction})
        return frame.select(expression.alias("text")).to_series()


def _decimal(seconds: int, fraction: str) -> str:
    scale = 10 ** len(fraction)
    below_zero = -(seconds * scale + int(fraction))
    return f"-{below_zero // scale}.{below_zero % scale:0{len(fraction)}d}"


def no_fraction(rows: int) -> pl.Series:
    """Return the fractions of points in time that have none."""
    return pl.Series([None], dtype=pl.String).new_from_index(0, rows)


def trimmed(digits: pl.Series) -> pl.Series:
    """Return fractions without trailing zeros; null where nothing is left."""
    trimmed_digits = digits.str.strip_chars_end("0")
    return only(trimmed_digits, trimmed_digits != "")
