# May this model be called, at this worst case? It may when every requirement is met.
package hartley.model_call

import data.hartley.limits
import data.hartley.principal
import rego.v1

default decision := {"effect": "deny", "rule": "default.deny", "reasons": ["no rule allows this model call"]}

decision := {"effect": "allow", "rule": "model.member", "reasons": []} if {
	every rule in object.keys(requirements) {
		rule in met
	}
} else := {"effect": "deny", "rule": missing[0], "reasons": [requirements[rule] | some rule in missing]}

requirements := {
	"model.member": "the caller is not a member of a tenant",
	"model.named": "the call names no provider or no model",
	"model.completion_tokens": sprintf("a call may ask for 1 to %v completion tokens", [limits.completion_tokens]),
	"model.cost": sprintf("a call may cost at most %v USD", [limits.call_usd]),
}

missing := sort([rule | some rule in object.keys(requirements); not rule in met])

met contains "model.member" if principal.member

met contains "model.named" if {
	principal.named(input.model.provider)
	principal.named(input.model.model)
}

met contains "model.completion_tokens" if {
	is_number(input.model.max_tokens)
	input.model.max_tokens > 0
	input.model.max_tokens <= limits.completion_tokens
}

met contains "model.cost" if {
	is_number(input.model.worst_usd)
	input.model.worst_usd >= 0
	input.model.worst_usd <= limits.call_usd
}
