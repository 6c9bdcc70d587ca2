"""What the store takes and gives, by noun: frozen values. Times are seconds since the epoch."""
