"""The documentation as a program: every block of code of README.md and docs runs, and pictures come from what ran."""
