"""What can stand around the serving process."""
