"""Proof that nothing is lost: the program is stopped at every point in turn, and must end as if nothing had happened."""
