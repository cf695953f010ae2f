"""Who may set the policy, and how it is contested. Pure."""
