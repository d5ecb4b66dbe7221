"""What a recipe says, read from its files; nothing is run here."""
