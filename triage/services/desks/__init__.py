"""What the desks need of the database beside lists and moves."""
