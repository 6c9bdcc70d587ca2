"""Request and response shapes shared by operations, API and controls.

Import the modules themselves: `routes`, `caller` and `failure` are cheap, the models load pydantic.
"""
