"""Transform: staged pages and a snapshot of the catalogue in, Trakt's side of every row out."""

from stages.transform.stage import Baseline, transform

__all__ = ["Baseline", "transform"]
