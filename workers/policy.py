"""The `policy` queue: may this task run, may this tool act on the world?"""

from __future__ import annotations

from policies import inputs
from webapp.orchestration.steps import ClaimedStep, Completion
from workers import context, decide
from workers.beats import Beats
from workers.policy_inputs import principal_of, task_of
from workers.process import handles
from workers.tenant_tools import tools_of
from workers.tool_call import tool_input


@handles("policy.admit")
async def admit(step: ClaimedStep, beats: Beats) -> Completion:
    """Denied, the task ends here with the rule and its reasons."""
    task = await context.read(step, context.task_context)
    asked = dict(inputs.task_admission(principal=principal_of(step), task=task_of(step, task)))
    verdict = await decide.ask(step.tenant, "task_admission", asked)
    recorded = decide.record("task_admission", "task", asked, verdict, step=step.n, agent="policy")
    decision = verdict.decision
    if decision.effect != "allow":
        error = {"code": "policy.denied", "message": str(decide.PolicyDenied(decision)), "rule": decision.rule}
        return Completion(step, status="failed", error=error, **recorded)
    return Completion(step, output={"effect": decision.effect, "rule": decision.rule}, **recorded)


@handles("policy.tool")
async def tool(step: ClaimedStep, beats: Beats) -> Completion:
    """Decides on a tool call before its turn comes. A denial is the tool's answer, which the agent sees."""
    task = await context.read(step, context.task_context)
    asked = tool_input(step, task, await tools_of(step.tenant, step.input["tool"]))
    verdict = await decide.ask(step.tenant, "tool_call", asked)
    recorded = decide.record("tool_call", step.input["tool"], asked, verdict, step=step.n, agent=step.agent)
    return Completion(step, output=decide.to_json(verdict.decision), **recorded)
