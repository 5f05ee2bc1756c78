package hartley.model_call_test

import rego.v1

member := {"tenant_id": "t1", "user_id": "u1", "role": "user", "scopes": [], "permissions": []}

cheap := {"provider": "offline", "model": "rules", "tier": "small", "max_tokens": 4096, "worst_usd": 0}

allowed(change) := {
	"input": {"principal": member, "model": object.union(cheap, change)},
	"effect": "allow",
	"rule": "model.member",
}

refused(change, rule) := {
	"input": {"principal": member, "model": object.union(cheap, change)},
	"effect": "deny",
	"rule": rule,
}

test_a_members_call_is_allowed := allowed({})

test_a_call_at_every_limit_is_allowed := allowed({"max_tokens": 16384, "worst_usd": 5})

test_a_guest_is_refused := {
	"input": {"principal": object.union(member, {"role": "guest"}), "model": cheap},
	"effect": "deny",
	"rule": "model.member",
}

test_a_nameless_model_is_refused := refused({"model": ""}, "model.named")

test_no_tokens_are_refused := refused({"max_tokens": 0}, "model.completion_tokens")

test_many_tokens_are_refused := refused({"max_tokens": 16385}, "model.completion_tokens")

test_a_dear_call_is_refused := refused({"worst_usd": 5.01}, "model.cost")

test_an_unknown_price_is_refused := refused({"worst_usd": null}, "model.cost")

test_a_price_that_is_text_is_refused := refused({"worst_usd": "0"}, "model.cost")

test_a_negative_price_is_refused := refused({"worst_usd": -1}, "model.cost")
