"""The tests of the Python package; c-tests/check/python.sh runs them."""
