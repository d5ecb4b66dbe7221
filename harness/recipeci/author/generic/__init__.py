"""The suites that every recipe gets: what is measured by the harness is judged there, these assert serving."""
