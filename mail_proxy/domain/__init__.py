"""Values and decisions: standard library only, no I/O. Import the modules themselves."""
