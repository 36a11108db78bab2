"""Chunks that run in an environment of their own: made on demand, spoken to as another process. No torch is imported here."""
