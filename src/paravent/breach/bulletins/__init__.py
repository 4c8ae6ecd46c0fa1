"""Security bulletins: drafts from what was detected or observed, the signed list, who acknowledged it."""
