"""How long tests wait for what takes milliseconds: machines that run them may be busy."""

PATIENCE_S = 30.0
