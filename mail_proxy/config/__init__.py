"""One frozen Settings, where instances live, and how both are read and checked.

Import the modules themselves; all are cheap: `instances`, `settings`, `load`, `environment` (the
table of variables), `file` (config.toml), `lock`, `pidfile`, `processes`, `private` (files).
"""
