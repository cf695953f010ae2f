"""What can be known of the weights themselves. Pure over bytes."""
