# The harness, and a program that runs it with everything it needs on its PATH.
{ python3, abra }: python3
