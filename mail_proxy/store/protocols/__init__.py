"""What a store is asked for, by noun."""
