"""What the dashboard shows, without a screen: from the daemon, or from the database at rest.

`base` has the contract and its values, `link` how the daemon is reached and lost.
"""
