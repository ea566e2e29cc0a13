"""What a person sees of a run: progress while it goes on, the summary at its end."""
