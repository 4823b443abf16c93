"""Who asks for a verdict, whose policies judge the change, and what is believed of it."""
