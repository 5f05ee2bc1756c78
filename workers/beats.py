"""What a step's middle beat may use: the commit before a call, and what became of its hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, Granted, HoldRequest, Saving, Settlement
from workers.answer_cache.asked import Hit

Reply = TypeVar("Reply")
Named = TypeVar("Named")
LOOK_UPS_FROM = 100  # beyond the calls of any one attempt
STOPPED = "call.stopped"  # of a call that was under way when its attempt ended
Put = Callable[[Begin | Completion], Awaitable[JSON]]


class StepLost(HartleyError):
    """Overtaken by another attempt, by the task's end or by a freeze: stop, nothing is to be written."""

    code = "step.lost"


class BeginRejected(HartleyError):
    """What can't be recorded isn't done."""

    code = "step.begin_rejected"


class BudgetExceeded(HartleyError):
    """A budget has less left than the call's least worst case; nothing was sent."""

    code = "budget.exceeded"
    status = 402

    def __init__(self, refused: JSON) -> None:
        self.refused = refused
        unit, level = refused["unit"], refused["level"]
        left, most, least = (shown(unit, refused[key]) for key in ("left", "limit", "least"))
        whose = (
            f"agent {refused['name']}'s share of the task's budget"
            if level == "agent"
            else f"The {_of(refused)} budget"
        )
        whose = whose[0].upper() + whose[1:]
        super().__init__(f"{whose} is used up: {left} of {most} {WORDS[unit]} left, the call may take {least}")


WORDS = {
    "tokens": "tokens",
    "usd": "USD",
    "tool_calls": "tool calls",
    "seconds": "seconds of calls",
    "fuel": "units of fuel",
}


def shown(unit: str, amount: float) -> str:
    return f"{float(amount):.4f}" if unit == "usd" else f"{float(amount):.15g}"


def _of(refused: JSON) -> str:
    return str(refused["level"]) if refused["period"] == "total" else f"{refused['period']}'s {refused['level']}"


class Frozen(HartleyError):
    """A freeze stops this call, which is not the attempt's first; nothing was sent."""

    code = "step.frozen"
    elsewhere = True


class Beats:
    """
    One attempt's line to the writer; keeps how each of its holds is to close if the attempt ends now.

    `replays`: nothing of what it does is recorded.
    """

    replays = False

    def __init__(self, step: ClaimedStep, put: Put) -> None:
        self.step = step
        self._put = put
        self._calls = 0
        self._look_ups = LOOK_UPS_FROM
        self._closing: dict[int, Settlement] = {}
        self.untold: list[JSON] = []  # events that go with the step's failure
        self.savings: list[Saving] = []  # written when the step is done

    @property
    def settlements(self) -> tuple[Settlement, ...]:
        """Of all its calls. To say one again is harmless."""
        return tuple(self._closing.values())

    def next_call(self) -> int:
        """Its number, from 1."""
        self._calls += 1
        return self._calls

    def next_look_up(self) -> int:
        """The number of a call that only looks for an answer: a freeze that stops it does not park the step."""
        self._look_ups += 1
        return self._look_ups

    def candidates(self, found: Sequence[Named], subject: Callable[[Named], str]) -> Sequence[Named]:
        """Whom to ask, in their order. A replay asks those who were asked."""
        return found

    def recorded_hit(self) -> Hit | None:
        """The earlier answer that served when the run that is replayed was live."""
        return None

    async def begin(
        self,
        *,
        events: list[JSON] | None = None,
        decisions: list[JSON] | None = None,
        hold: HoldRequest | None = None,
    ) -> Granted:
        """
        Commit the decision, the events and the hold; returns what is granted (nothing without a hold).

        Raises:
            StepLost: the attempt is no longer ours; nothing was written.
            BudgetExceeded, Frozen: decision and events are written, nothing is held.
            BeginRejected: the data can't be recorded; nothing was written.
        """
        begin = Begin(self.step, events or [], decisions or [], hold, settle=self._closed())
        if hold:  # whoever stops this attempt before the answer is there: nothing was sent
            self.settle(Settlement(sent=False, call=hold.call))
        answer = await self._put(begin)
        if answer.get("lost"):
            raise StepLost("overtaken")
        if answer.get("error"):
            raise BeginRejected(f"The database refused what the step was about to record: {answer['error']}")
        if answer.get("frozen"):
            raise Frozen(answer["frozen"])
        if answer.get("refused"):
            raise BudgetExceeded(answer["refused"])
        if "granted" not in answer:
            return Granted()
        fuel = int(answer["fuel"]) if answer.get("metered") else None
        return Granted(int(answer["granted"]), float(answer["seconds"]) or None, fuel)

    def waiting(self, call: int) -> None:
        """For its turn: an attempt that is stopped now owes nothing for it."""
        self.settle(Settlement(sent=False, call=call, error=STOPPED))

    def sending(self, call: int) -> None:
        """From here on the call may be billed: an attempt that dies now costs its worst case."""
        self.settle(Settlement(sent=True, call=call, error=STOPPED))

    def settle(self, closed: Settlement) -> None:
        self._closing[closed.call] = closed

    async def outside(self, send: Callable[[Granted], Awaitable[Reply]], granted: Granted, subject: str) -> Reply:
        """The call itself: the one thing of a step that can't be done twice for nothing."""
        return await send(granted)

    def _closed(self) -> tuple[Settlement, ...]:
        """Of the calls that are over: one that still runs has no cost yet."""
        return tuple(each for each in self._closing.values() if each.error != STOPPED)
