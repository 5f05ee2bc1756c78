"""The provider that answers when no model is connected: rules, no model, and each answer says so."""
