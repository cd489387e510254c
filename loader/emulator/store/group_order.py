"""Whether the order inside groups was in danger, and whether it was kept.

The service processes the events of a group in the order it receives them. So two *different* events of a
group in flight at once are a hazard (*overlap*): the network may swap them. And an event that is accepted
although a later one of its group, first tried after it, was accepted before is *overtaken*.

Rules kept here:

1. Pure; knows no socket. A group is (instance, event type, eventGroupId).
2. Two attempts of the same event in flight are no hazard: a client may retry what it gave up waiting for.
"""

from collections import Counter

Group = tuple[str, str, str]


class GroupOrder:
    """What was in flight and accepted, by group.

    Attributes:
        overlaps: How often an attempt arrived while another event of its group was in flight.
        overtaken: How many events were accepted after a later one of their group.
    """

    def __init__(self) -> None:
        self.overlaps: Counter[Group] = Counter()
        self.overtaken: Counter[Group] = Counter()
        # How many attempts of each token; a plain dict, for a Counter takes as long to make as all the rest.
        self._in_flight: dict[Group, dict[str, int]] = {}
        self._latest_accepted: dict[Group, int] = {}

    @property
    def groups(self) -> int:
        """How many groups had an event accepted."""
        return len(self._latest_accepted)

    def arrive(self, group: Group, token: str) -> "Flight":
        """Note that an attempt came in."""
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
        """Note that an attempt is answered or its connection is gone."""
        others = self._in_flight[group]
        if others[token] > 1:
            others[token] -= 1
        elif len(others) > 1:
            del others[token]
        else:
            del self._in_flight[group]

    def accept(self, group: Group, first_seq: int) -> None:
        """Note that an event was accepted; ``first_seq`` is when its first attempt came in."""
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
        """Note that the answer was sent or the client has gone; a second call changes nothing."""
        if self._order is not None:
            self._order.leave(self.group, self._token)
            self._order = None
