"""Detect whether the order inside groups was at risk, and whether it was kept.

The service processes the events of a group in the order in which it receives them. So two *different* events
of a group in flight at once are a risk (*overlap*), because the network may swap them. An event is
*overtaken* if a later event of its group, first tried after it, was accepted before it.

Rules kept here:

1. Pure, without sockets. A group is (instance, event type, eventGroupId).
2. Two attempts of the same event in flight are not a risk: a client may retry a request that it gave up on.
"""

from collections import Counter

Group = tuple[str, str, str]


class GroupOrder:
    """The events in flight and accepted, by group.

    Attributes:
        overlaps: Number of attempts that arrived while another event of their group was in flight.
        overtaken: Number of events that were accepted after a later event of their group.
    """

    def __init__(self) -> None:
        self.overlaps: Counter[Group] = Counter()
        self.overtaken: Counter[Group] = Counter()
        # Number of attempts of each token. A plain dict: creating a Counter takes as long as all the rest.
        self._in_flight: dict[Group, dict[str, int]] = {}
        self._latest_accepted: dict[Group, int] = {}

    @property
    def groups(self) -> int:
        """Number of groups with an accepted event."""
        return len(self._latest_accepted)

    def arrive(self, group: Group, token: str) -> "Flight":
        """Record that an attempt arrived."""
        others = self._in_flight.get(group)
        if others is None:
            self._in_flight[group] = {token: 1}
            return Flight(self, group, token, overlapped=False)
        overlapped = len(others) > (token in others)
        others[token] = others.get(token, 0) + 1
        if overlapped:
            self.overlaps[group] += 1
        return Flight(self, group, token, overlapped=overlapped)

    def leave(self, group: Group, token: str) -> None:
        """Record that an attempt is answered or its connection is gone."""
        others = self._in_flight[group]
        if others[token] > 1:
            others[token] -= 1
        elif len(others) > 1:
            del others[token]
        else:
            del self._in_flight[group]

    def accept(self, group: Group, first_seq: int) -> None:
        """Record that an event was accepted; ``first_seq`` is the number of its first attempt."""
        if first_seq < self._latest_accepted.get(group, 0):
            self.overtaken[group] += 1
        else:
            self._latest_accepted[group] = first_seq


class Flight:
    """An attempt between its arrival and its answer.

    Attributes:
        group: Its group.
        overlapped: Whether another event of its group was in flight when it arrived.
    """

    __slots__ = ("_order", "_token", "group", "overlapped")

    def __init__(self, order: GroupOrder, group: Group, token: str, *, overlapped: bool) -> None:
        self.overlapped = overlapped
        self._order: GroupOrder | None = order
        self.group = group
        self._token = token

    def end(self) -> None:
        """Record that the answer was sent or the client is gone; a second call has no effect."""
        if self._order is not None:
            self._order.leave(self.group, self._token)
            self._order = None
