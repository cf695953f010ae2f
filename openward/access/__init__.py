"""Who may use a model, and on what terms. Pure."""
