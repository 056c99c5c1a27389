"""What a column is: its type and role from names, values and statistics; who is singled out."""
