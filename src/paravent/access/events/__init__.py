"""Security events of a service, for an operator's SIEM: what happened, and the same as OCSF (docs/detection.md)."""
