"""What is known of a model: measured capability and parentage. Pure."""
