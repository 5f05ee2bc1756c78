package hartley.task_admission_test

import rego.v1

member := {"tenant_id": "t1", "user_id": "u1", "role": "user", "scopes": ["workflows:write"], "permissions": []}

small := {"id": "k1", "mode": "simple", "query_chars": 84, "attachments": 1, "complexity": 0.2}

admitted(change) := {
	"input": {"principal": member, "task": object.union(small, change)},
	"effect": "allow",
	"rule": "task.member",
}

task_refused(change, rule) := {
	"input": {"principal": member, "task": object.union(small, change)},
	"effect": "deny",
	"rule": rule,
}

caller_refused(change, rule) := {
	"input": {"principal": object.union(member, change), "task": small},
	"effect": "deny",
	"rule": rule,
}

test_a_members_task_is_admitted := admitted({})

test_a_task_at_every_limit_is_admitted := admitted({"query_chars": 200000, "attachments": 20, "complexity": 1})

test_a_guest_is_refused := caller_refused({"role": "guest"}, "task.member")

test_a_nameless_user_is_refused := caller_refused({"user_id": ""}, "task.member")

test_a_user_without_tenant_is_refused := caller_refused({"tenant_id": null}, "task.member")

test_a_reading_key_is_refused := caller_refused({"scopes": ["workflows:read"]}, "task.scope")

test_a_long_question_is_refused := task_refused({"query_chars": 200001}, "task.query")

test_a_length_that_is_text_is_refused := task_refused({"query_chars": "84"}, "task.query")

test_a_negative_length_is_refused := task_refused({"query_chars": -1}, "task.query")

test_many_attachments_are_refused := task_refused({"attachments": 21}, "task.attachments")

test_an_unknown_complexity_is_refused := task_refused({"complexity": null}, "task.complexity")

test_a_high_complexity_is_refused := task_refused({"complexity": 1.01}, "task.complexity")
