"""Messages of every party, once: frozen, tagged, strict (docs/protocol.md sections 2 to 13)."""
