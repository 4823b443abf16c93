"""What runs and their models hold, as several policies read it, or as needs a file of its own."""
