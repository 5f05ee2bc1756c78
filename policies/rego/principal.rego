# Who asks. A guest is everyone whose role is not one of the tenant's own.
package hartley.principal

import rego.v1

member if {
	named(input.principal.tenant_id)
	named(input.principal.user_id)
	input.principal.role in {"user", "operator", "admin", "owner"}
}

administrator if {
	member
	input.principal.role in {"admin", "owner"}
}

has_scope(scope) if scope in input.principal.scopes

has_permission(permission) if permission in input.principal.permissions

named(text) if {
	is_string(text)
	text != ""
}
