//! How fast: baselines and micro-benchmarks.
