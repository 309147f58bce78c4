"""What systems read of a prompt."""
