# May this task run? It may when every requirement is met; what is missing is the reason.
# Numbers are checked to be numbers first, since Rego also compares across types.
package hartley.task_admission

import data.hartley.limits
import data.hartley.principal
import rego.v1

default decision := {"effect": "deny", "rule": "default.deny", "reasons": ["no rule allows this task"]}

decision := {"effect": "allow", "rule": "task.member", "reasons": []} if {
	every rule in object.keys(requirements) {
		rule in met
	}
} else := {"effect": "deny", "rule": missing[0], "reasons": [requirements[rule] | some rule in missing]}

requirements := {
	"task.member": "the caller is not a member of a tenant",
	"task.scope": "the credential lacks the scope workflows:write",
	"task.query": sprintf("a question may have at most %v characters", [limits.query_chars]),
	"task.attachments": sprintf("a task may have at most %v attachments", [limits.attachments]),
	"task.complexity": sprintf("the complexity may be at most %v", [limits.complexity]),
}

missing := sort([rule | some rule in object.keys(requirements); not rule in met])

met contains "task.member" if principal.member

met contains "task.scope" if principal.has_scope("workflows:write")

met contains "task.query" if within(input.task.query_chars, limits.query_chars)

met contains "task.attachments" if within(input.task.attachments, limits.attachments)

met contains "task.complexity" if within(input.task.complexity, limits.complexity)

within(value, limit) if {
	is_number(value)
	value >= 0
	value <= limit
}
