"""What benchmarks/checker.py is made of. `programs` and `peers` run beside other libraries, without our packages."""
