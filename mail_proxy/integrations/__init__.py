"""What other frameworks load by name; each module needs its framework and nothing else does."""
