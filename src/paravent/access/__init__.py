"""Devices, signed requests and quotas, shared by the key servers and the hub (docs/protocol.md sections 9, 10)."""
