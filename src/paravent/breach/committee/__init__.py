"""The page of the steering committee: few comparable figures, what of them may be published, and how they are shown."""
