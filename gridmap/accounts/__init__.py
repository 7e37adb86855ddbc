"""Who may sign in, how they prove it, what they were granted where, and their sessions."""
