"""The trade, pure: rules, guarantees, quotes, decisions, states. Never a person, never a dioptre."""
