"""The version, here alone: looked up among the installed packages it would cost every start some milliseconds."""

VERSION = "0.1.0"
