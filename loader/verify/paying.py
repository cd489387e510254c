"""How long to sweep List (pure).

A page costs a call and tells of up to 20 events; each of ours that it tells of saves a Get. So a sweep pays
while a page holds more than one of ours. The order of List is not documented: ours may come late, so a sweep
may be behind by a twentieth of the Gets that it could save, and no more.
"""

from dataclasses import dataclass

LOSS_SHARE = 0.05
"""By how much of the Gets all calls together may exceed them."""

BARREN_SHARE = 0.01
"""A sweep that found some of ours ends after this share of the receipts in pages without any."""

FEWEST_BARREN_PAGES = 20


@dataclass(slots=True)
class Sweep:
    """How a sweep goes.

    Attributes:
        wanted: Receipts to be asked about.
        exhaustive: Whether to go on to the end of List, as long as that costs no more calls than Get.
        pages: Pages seen.
        found: Receipts that they told of.
        barren_pages: Pages without any of ours since the last that had some.
    """

    wanted: int
    exhaustive: bool = False
    pages: int = 0
    found: int = 0
    barren_pages: int = 0

    def saw(self, ours: int) -> None:
        """Count a page with so many of ours that were not known before."""
        self.pages += 1
        self.found += ours
        self.barren_pages = 0 if ours else self.barren_pages + 1

    @property
    def goes_on(self) -> bool:
        """Whether to ask for one more page."""
        if self.found >= self.wanted:
            return False
        if self.exhaustive:
            return self.pages < max(self.wanted, FEWEST_BARREN_PAGES)
        if self.pages + 1 - self.found > LOSS_SHARE * self.wanted:
            return False
        most_barren = max(FEWEST_BARREN_PAGES, BARREN_SHARE * self.wanted)
        return not self.found or self.barren_pages < most_barren
