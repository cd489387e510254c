"""Decide how long reading pages of List saves calls. Pure.

A page costs one call and has up to 20 events; each of ours in it saves a Get. So reading pages pays while a
page has more than one of our events. The order of List is not documented: our events may be on late pages. So
the pages may cost up to a twentieth more than the Gets that they save, but no more.
"""

from dataclasses import dataclass

LOSS_SHARE = 0.05
"""Share by which all calls together may exceed the Gets that would suffice alone."""

BARREN_SHARE = 0.01
"""Once some of our events were found, stop after this share of the receipts in pages without any of ours."""

FEWEST_BARREN_PAGES = 20


@dataclass(slots=True)
class Sweep:
    """The state of reading pages.

    Attributes:
        wanted: Receipts to be asked about.
        exhaustive: Whether to read to the end of List, as long as that costs no more calls than Get.
        pages: Pages read.
        found: Receipts found on them.
        barren_pages: Pages without any of our events since the last page that had some.
    """

    wanted: int
    exhaustive: bool = False
    pages: int = 0
    found: int = 0
    barren_pages: int = 0

    def saw(self, ours: int) -> None:
        """Count a page with this number of new receipts."""
        self.pages += 1
        self.found += ours
        self.barren_pages = 0 if ours else self.barren_pages + 1

    @property
    def goes_on(self) -> bool:
        """Whether to read another page."""
        if self.found >= self.wanted:
            return False
        if self.exhaustive:
            return self.pages < max(self.wanted, FEWEST_BARREN_PAGES)
        if self.pages + 1 - self.found > LOSS_SHARE * self.wanted:
            return False
        most_barren = max(FEWEST_BARREN_PAGES, BARREN_SHARE * self.wanted)
        return not self.found or self.barren_pages < most_barren
