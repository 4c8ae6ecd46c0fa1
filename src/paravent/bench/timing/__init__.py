"""Whether how long a primitive takes tells a secret: classes interleaved by lot, compared by Welch's t."""
