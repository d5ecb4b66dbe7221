"""One run: planned and judged by pure code, carried out by the rest."""
