"""What a compiled spec costs, beside what it must cost and what others do. `make bench` runs all of it."""
