"""The dashboard. It knows only the Control protocol."""
