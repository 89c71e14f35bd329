"""The compiler: a scalar graph that was recorded once, raised to matrix products and replayed over a batch."""
