"""How a run's findings are shown."""
