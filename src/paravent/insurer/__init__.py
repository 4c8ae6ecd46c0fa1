"""The insurer: knows its members, signs their entitlements, seals them for the hub, recomputes claims."""
