"""What `benchmarks/compiler.py` measures: one module per engine, and the numbers that all of them start from."""
