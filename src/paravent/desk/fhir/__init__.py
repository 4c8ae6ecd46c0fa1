"""FHIR R4 for shop software, on the desk's loopback service (docs/protocol.md 9.6)."""
