//! This package holds only tests, in its folder `tests`.
