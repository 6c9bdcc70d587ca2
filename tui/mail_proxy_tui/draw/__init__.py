"""What the dashboard draws, as rich texts: functions of values, a width, glyphs and a palette."""
