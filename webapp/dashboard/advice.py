"""What to do next about an error, by its code. Pure."""

from __future__ import annotations

PROVIDER_DOWN = "The model provider had trouble and every attempt was used. Run the task again when it answers."
PROVIDER_REFUSED = "The provider would refuse the same request again: look at the failing step's prompt first."
SETUP = "This is for who runs the platform: the message says what is missing in its configuration."
OURS = "This is a fault of the platform, not of the question: the worker's log has it under this task's id."

ADVICE = {
    "budget.exceeded": "Nothing was sent that would have gone over it. Raise the budget that the message names, or wait until it has room, then run the task again.",
    "policy.denied": "The failing step shows the rule and its reasons. The same task is denied again until the rule or the task changes.",
    "model.credentials_refused": "The provider does not accept the platform's key. Set a valid one, restart the workers, then run the task again.",
    "model.timeout": PROVIDER_DOWN,
    "model.unreachable": PROVIDER_DOWN,
    "model.overloaded": PROVIDER_DOWN,
    "model.rate_limited": PROVIDER_DOWN,
    "model.failed": PROVIDER_DOWN,
    "model.refused": PROVIDER_REFUSED,
    "model.reply_invalid": PROVIDER_REFUSED,
    "model.reply_malformed": PROVIDER_REFUSED,
    "model.none_configured": SETUP,
    "model.price_unknown": SETUP,
    "catalogue.invalid": SETUP,
    "tool.misdeclared": SETUP,
    "call.timeout": "The call was sent and its outcome is unknown. Look at what it did before you run the task again.",
    "rate_limit_exceeded": "A tool's limit of calls a minute or at once is reached, or more runs of this tenant wait for a sandbox than may. The message says which, and when to try again.",
    "circuit_breaker_open": "The tool has failed several times in a row and is left alone for a while: the page Tools shows it. Look at what is at its other end.",
    "token_limit_exceeded": "The arguments of a tool call are too long: pass them in parts or as a file, or raise HARTLEY_TOOL_TOKENS_LIMIT.",
    "request_timeout": "A tool took longer than it may and was stopped, so its outcome is unknown; or the machine had no memory or disk for a run of code. The message says which.",
    "sandbox.unavailable": "No sandbox could be started on any attempt: look at the workers of the queue tools.",
    "step.output_too_large": "Let the step write a file, or ask it for less; what it has cost is booked.",
    "task.deadline": "It was stopped where it stood. Run it again with more time, or as smaller parts.",
    "step.timeout": "The plan gives this step less time than it takes: raise its timeout_s, or look at why it is slow.",
    "tool.failed": "The plan calls this tool by itself, so its failure is the step's. Open the step: the tool says why.",
    "step.worker_lost": "Its worker ended in every attempt, which points at memory or at this step's input: look at the workers.",
    "step.begin_rejected": OURS,
    "step.output_rejected": OURS,
    "internal": OURS,
    "task.no_agent_succeeded": "Open the failed steps: each says what stopped its agent.",
    "task.too_few_agents_succeeded": "Open the failed steps: each says what stopped its agent. The answer would have had large gaps.",
    "model.gone": "The provider has no model of this name: put another in the catalogue, or name another with the task.",
    "model.breaker_open": "The provider fails so often that it is left alone for a while: the page Models says until when.",
    "task.too_many_steps": "The agents wanted more steps than a task may have. Ask for less at once, or split the question.",
}  # fmt: skip
OTHER = "Open the failing step: its input, prompt and error say what went wrong."
PAGES = {
    "model.gone": "/models",
    "model.breaker_open": "/models",
    "budget.exceeded": "/budgets",
    "step.worker_lost": "/workers",
    "rate_limit_exceeded": "/workers",
    "request_timeout": "/workers",
    "sandbox.unavailable": "/workers",
}


def what_next(code: str) -> str:
    return ADVICE.get(code, OTHER)


def look_at(code: str) -> str:
    """The page that shows more of it, for operators; empty for none."""
    return PAGES.get(code, "")
