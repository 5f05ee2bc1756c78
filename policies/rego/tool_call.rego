# May this tool be called with these arguments? Some grant must cover it, every requirement must be met, and what is
# dangerous waits for a person.
package hartley.tool_call

import data.hartley.principal
import rego.v1

default decision := {"effect": "deny", "rule": "default.deny", "reasons": ["no rule allows this tool call"]}

decision := {"effect": "allow", "rule": grant, "reasons": []} if {
	ready
	input.tool.dangerous == false
} else := {"effect": "needs_approval", "rule": "tool.dangerous", "reasons": ["the tool is dangerous: a person must approve"]} if {
	ready
	input.tool.dangerous == true
} else := {"effect": "deny", "rule": missing[0], "reasons": [requirements[rule] | some rule in missing]}

ready if {
	every rule in object.keys(requirements) {
		rule in met
	}
}

# What covers the call, the plainest first.
grant := "tool.member" if {
	principal.member
	input.tool.name in member_tools | session_tools
} else := "tool.code_execution" if {
	principal.member
	runs_code
	principal.has_permission("code_execution")
} else := "tool.browser_reads" if {
	principal.member
	input.tool.name == "browser"
	input.tool.arguments.action in browser_reads
} else := "tool.browser_acts" if {
	principal.member
	input.tool.name == "browser"
	input.tool.arguments.action in browser_acts
	principal.has_permission("code_execution")
} else := "tool.administrator" if principal.administrator

member_tools := {
	"calculator",
	"search",
	"text_processor",
	"web_crawl",
	"web_download",
	"web_fetch",
	"web_search",
	"web_subpage_fetch",
}

# They compute on the files of the caller's own session and on what they are given, and reach nothing else.
session_tools := {
	"diff_files", "extract_text", "file_delete", "file_edit", "file_list", "file_read", "file_search", "file_write",
	"json_query", "statistics",
}

# They go to pages and look at them.
browser_reads := {"close", "extract", "navigate", "screenshot", "scroll", "wait"}

# They do something there, in the name of whoever asked, or run a script.
browser_acts := {"click", "evaluate", "type"}

code_tools := {"code_executor", "python_executor"}

code_languages := {"javascript", "python"}

# A hint to honest code, not a wall: code can spell these words in many ways. The wall is the sandbox, which has neither.
forbidden_words := {"subprocess", "os.system"}

requirements := {
	"tool.code_language": "code may be Python or JavaScript",
	"tool.code_permission": "running code needs the permission code_execution",
	"tool.code_words": concat(" ", ["code may not contain", concat(" or ", sort(forbidden_words))]),
	"tool.danger": "the tool does not say whether it is dangerous",
	"tool.effect": "the tool does not say whether it computes or acts",
	"tool.granted": "no grant covers this tool for this role",
	"tool.permissions": "the caller lacks a permission that the tool demands",
}

missing := sort([rule | some rule in object.keys(requirements); not rule in met])

met contains "tool.danger" if is_boolean(input.tool.dangerous)

met contains "tool.effect" if input.tool.effect in {"acts", "computes"}

met contains "tool.granted" if grant

met contains "tool.permissions" if {
	is_array(input.tool.permissions)
	every permission in input.tool.permissions {
		principal.has_permission(permission)
	}
}

met contains rule if {
	some rule in {"tool.code_language", "tool.code_permission", "tool.code_words"}
	principal.named(input.tool.name)
	not runs_code
}

met contains "tool.code_permission" if {
	runs_code
	principal.has_permission("code_execution")
}

met contains "tool.code_language" if {
	runs_code
	is_object(input.tool.arguments)
	object.get(input.tool.arguments, "language", "python") in code_languages
}

met contains "tool.code_words" if {
	runs_code
	is_string(input.tool.arguments.code)
	count([word | some word in forbidden_words; contains(input.tool.arguments.code, word)]) == 0
}

met contains rule if {
	some rule in {"tool.code_language", "tool.code_words"}
	runs_code
	brings_its_code
}

# As a tenant's module does: then there is none among its arguments.
brings_its_code if {
	not input.tool.name in code_tools
	is_object(input.tool.arguments)
	not "code" in object.keys(input.tool.arguments)
}

# The name decides for Hartley's own tools; a tool from elsewhere runs code when it demands the permission.
runs_code if input.tool.name in code_tools

runs_code if "code_execution" in input.tool.permissions
