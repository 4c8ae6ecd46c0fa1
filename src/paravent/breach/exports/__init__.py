"""A case in the formats of others: files only, never sent."""
