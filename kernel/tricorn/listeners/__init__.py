"""Where connections can come from."""
