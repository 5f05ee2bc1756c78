package hartley.tool_call_test

import rego.v1

caller(role, permissions) := {
	"tenant_id": "t1",
	"user_id": "u1",
	"role": role,
	"scopes": ["workflows:write"],
	"permissions": permissions,
}

tool(name, change) := object.union(
	{"name": name, "effect": "computes", "dangerous": false, "permissions": [], "arguments": {}},
	change,
)

code(change) := tool("python_executor", {
	"permissions": ["code_execution"],
	"arguments": object.union({"code": "print(1)"}, change),
})

allowed(who, what, rule) := {"input": {"principal": who, "tool": what}, "effect": "allow", "rule": rule}

refused(who, what, rule) := {"input": {"principal": who, "tool": what}, "effect": "deny", "rule": rule}

asks_a_person(who, what) := {
	"input": {"principal": who, "tool": what},
	"effect": "needs_approval",
	"rule": "tool.dangerous",
}

user := caller("user", [])

coder := caller("operator", ["code_execution"])

admin := caller("admin", ["code_execution"])

owner := caller("owner", ["code_execution"])

wipe(change) := tool("wipe", object.union({"effect": "acts"}, change))

test_members_may_calculate := allowed(user, tool("calculator", {}), "tool.member")

test_members_may_search := allowed(user, tool("search", {}), "tool.member")

test_members_may_read_pages := allowed(user, tool("web_fetch", {"arguments": {"url": "https://example.com"}}), "tool.member")

test_members_may_read_pages_beside_them := allowed(user, tool("web_subpage_fetch", {}), "tool.member")

test_members_may_read_sites := allowed(user, tool("web_crawl", {}), "tool.member")

test_guests_may_not_read_pages := refused(caller("guest", []), tool("web_fetch", {}), "tool.granted")

browses(action) := tool("browser", {"effect": "acts", "arguments": {"action": action}})

test_members_may_look_at_pages_in_a_browser := allowed(user, browses("navigate"), "tool.browser_reads")

test_guests_may_not := refused(caller("guest", []), browses("navigate"), "tool.granted")

test_members_alone_may_not_click := refused(user, browses("click"), "tool.granted")

test_an_operator_may_click := allowed(coder, browses("click"), "tool.browser_acts")

test_members_alone_may_not_run_scripts_in_pages := refused(user, browses("evaluate"), "tool.granted")

test_members_may_not_do_what_nobody_knows := refused(coder, browses("teleport"), "tool.granted")

test_members_may_process_text := allowed(user, tool("text_processor", {}), "tool.member")

test_members_may_edit_their_sessions_files := allowed(user, tool("file_edit", {}), "tool.member")

test_members_may_query_data := allowed(user, tool("json_query", {}), "tool.member")

test_guests_may_not_edit_files := refused(caller("guest", []), tool("file_edit", {}), "tool.granted")

test_guests_may_not_calculate := refused(caller("guest", []), tool("calculator", {}), "tool.granted")

test_a_caller_without_role_may_not_calculate := refused(caller(null, []), tool("calculator", {}), "tool.granted")

test_members_may_not_use_other_tools := refused(user, wipe({}), "tool.granted")

test_admins_may_use_other_tools := allowed(admin, wipe({}), "tool.administrator")

test_owners_may_use_other_tools := allowed(owner, wipe({}), "tool.administrator")

test_who_may_run_code_may := allowed(coder, code({}), "tool.code_execution")

test_code_needs_its_permission := refused(user, code({}), "tool.code_permission")

test_owners_need_the_permission_too := refused(caller("owner", []), code({}), "tool.code_permission")

test_guests_may_not_run_code := refused(caller("guest", ["code_execution"]), code({}), "tool.granted")

test_code_may_not_name_subprocess := refused(owner, code({"code": "import subprocess"}), "tool.code_words")

test_code_may_not_name_os_system := refused(owner, code({"code": "import os\nos.system('ls')"}), "tool.code_words")

test_code_may_name_os := allowed(owner, code({"code": "import os"}), "tool.code_execution")

test_code_must_be_text := refused(owner, code({"code": ["subprocess"]}), "tool.code_words")

test_code_may_be_javascript := allowed(owner, code({"language": "javascript"}), "tool.code_execution")

test_code_may_not_be_shell := refused(owner, code({"language": "bash"}), "tool.code_language")

test_foreign_tools_that_run_code_are_held_to_the_same := refused(
	owner,
	tool("acme_runner", {"permissions": ["code_execution"], "arguments": {"code": "import subprocess"}}),
	"tool.code_words",
)

module(arguments) := tool("acme_module", {"permissions": ["code_execution"], "arguments": arguments})

test_a_tool_that_brings_its_code_needs_none_among_its_arguments := allowed(coder, module({"n": 1}), "tool.code_execution")

test_its_arguments_may_be_about_languages := allowed(coder, module({"language": "fr"}), "tool.code_execution")

test_a_tool_that_brings_its_code_needs_the_permission := refused(user, module({"n": 1}), "tool.code_permission")

test_arguments_that_are_no_object_are_no_excuse := refused(coder, module(null), "tool.code_language")

test_a_code_that_is_no_text_is_no_excuse := refused(coder, module({"code": null}), "tool.code_words")

test_hartleys_own_tools_need_their_code := refused(
	owner,
	tool("python_executor", {"permissions": ["code_execution"], "arguments": {}}),
	"tool.code_words",
)

test_demanded_permissions_must_be_held := refused(owner, wipe({"permissions": ["send_mail"]}), "tool.permissions")

test_held_permissions_suffice := allowed(
	caller("owner", ["send_mail"]),
	wipe({"permissions": ["send_mail"]}),
	"tool.administrator",
)

test_permissions_must_be_a_list := refused(owner, wipe({"permissions": null}), "tool.permissions")

test_a_dangerous_tool_needs_approval := asks_a_person(owner, wipe({"dangerous": true}))

test_danger_gives_no_rights := refused(user, wipe({"dangerous": true}), "tool.granted")

test_a_tool_that_hides_its_danger_is_refused := refused(owner, wipe({"dangerous": null}), "tool.danger")

test_a_tool_without_effect_is_refused := refused(owner, wipe({"effect": ""}), "tool.effect")
