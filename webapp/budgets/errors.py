"""What can go wrong with a budget by what people ask for."""

from __future__ import annotations

from webapp.common.errors import Conflict, HartleyError


class LimitTooLow(HartleyError):
    """More than the limit is already spent or held; nothing was changed. `field` is the one that was refused."""

    code = "budget.limit_too_low"
    status = 409

    def __init__(self, *, field: str, least: str) -> None:
        self.field = field
        super().__init__(f"{field}: {least} is already spent or held; set a limit of at least that, or none")


class VerificationUnderWay(Conflict):
    code = "budget.verification_under_way"

    def __init__(self) -> None:
        super().__init__("The budgets are being verified just now; ask again when that is done")
