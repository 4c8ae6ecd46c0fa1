"""The insured person's space: pages that an insurer shows of a member to that member (docs/protocol.md section 17)."""
