# shape: odd
# async: ask ask leaf main main main middle total walk
# stays:
# cuts:
"""Generators that delegate across modules, modules that import each other in functions."""

import late
import walking


def main(record):
    walking.main(record)
    late.main(record)
