"""What a step's middle beat may use: the commit before a call, and what became of its hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from webapp.common.errors import HartleyError
from webapp.common.values import JSON
from webapp.orchestration.steps import Begin, ClaimedStep, Completion, HoldRequest, Settlement

Reply = TypeVar("Reply")
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
        if refused["tokens_limit"] is not None and refused["tokens_left"] <= refused["prompt_tokens"]:
            left = f"{refused['tokens_left']} of {refused['tokens_limit']} tokens left, the prompt alone may take {refused['prompt_tokens']}"
        elif refused["usd_limit"] is not None:
            left = f"{float(refused['usd_left']):.4f} of {float(refused['usd_limit']):.2f} USD left"
        else:
            left = f"{refused['tokens_left']} of {refused['tokens_limit']} tokens left"
        super().__init__(f"The {refused['level']} budget is used up: {left}")


class Beats:
    """
    One attempt's line to the writer.

    Attributes:
        settlement: how the open hold is to close if the attempt ends now; None when nothing is held.
    """

    def __init__(self, step: ClaimedStep, put: Put) -> None:
        self.step = step
        self.settlement: Settlement | None = None
        self._put = put

    async def begin(
        self,
        *,
        events: list[JSON] | None = None,
        decisions: list[JSON] | None = None,
        hold: HoldRequest | None = None,
    ) -> int:
        """
        Commit the decision, the events and the hold; returns the completion tokens granted (0 without a hold).

        Raises:
            StepLost: the attempt is no longer ours; nothing was written.
            BudgetExceeded: decision and events are written, nothing is held.
            BeginRejected: the data can't be recorded; nothing was written.
        """
        begin = Begin(self.step, events or [], decisions or [], hold)
        if hold:  # whoever stops this attempt before the answer is there: nothing was sent
            self.settlement = Settlement(sent=False)
        answer = await self._put(begin)
        if answer.get("lost"):
            raise StepLost("overtaken")
        if answer.get("error"):
            raise BeginRejected(f"The database refused what the step was about to record: {answer['error']}")
        if answer.get("refused"):
            raise BudgetExceeded(answer["refused"])
        return int(answer.get("granted", 0))

    def sending(self) -> None:
        """From here on the call may be billed: an attempt that dies now costs its worst case."""
        self.settlement = Settlement(sent=True)

    async def outside(self, send: Callable[[int], Awaitable[Reply]], granted: int) -> Reply:
        """The call itself: the one thing of a step that can't be done twice for nothing."""
        return await send(granted)
