"""The parts of the screens. Each draws what a board tells it, and asks nobody."""
