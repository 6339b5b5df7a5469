"""From a package to functions that deliver: every step after the platform, and the way back."""
